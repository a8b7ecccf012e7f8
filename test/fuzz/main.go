// Command fuzz runs every fuzz target of this module for a while, one after the other,
// and prints what came of each. A new target is found by itself.
//
//	go run ./test/fuzz -time 20s
//	go run ./test/fuzz -time 5m -run FuzzDNS
//	go run ./test/fuzz -keep
//
// It ends with status 1 when a target failed, and says where the input is. With -report only
// a crash or a hang does: what a target's own comparison finds by chance is seldom the doing
// of the change at hand. It is printed whole, to be mended, and committed as a seed, which
// the unit tests run from then on.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, out, progress io.Writer) error {
	flags := flag.NewFlagSet("fuzz", flag.ExitOnError)
	each := flags.Duration("time", 10*time.Second, "how long to fuzz each target")
	match := flags.String("run", "", "only targets whose package and name match this regular expression")
	keeping := flags.Bool("keep", false, "fuzz nothing: copy what fuzzing found interesting from Go's cache to testdata/fuzz")
	report := flags.Bool("report", false, "print what a target finds and go on; fail only for a crash or a hang")
	_ = flags.Parse(args) // it exits
	re, err := regexp.Compile(*match)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	patterns := flags.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	targets, err := find(patterns, re)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return fmt.Errorf("no fuzz target in %s matches %q", strings.Join(patterns, " "), *match)
	}
	if *keeping {
		return keepAll(targets, out)
	}
	failed, found := 0, 0
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TARGET\tEXECUTIONS\tNEW INTERESTING\tSECONDS\t")
	for _, t := range targets {
		fmt.Fprintf(progress, "fuzzing %s.%s\n", t.Package, t.Name)
		o := fuzz(t, *each)
		if o.idle && *report {
			o.failed = false // a slow machine, or a large cache: the seeds have passed
		}
		if o.failed && *report && !o.crashed {
			text, err := take(t, o.input)
			if err != nil {
				return err
			}
			found++
			o.failed, o.told = false, "FOUND, see above"
			fmt.Fprintf(progress, "%s\nfound, to be mended and committed as %s/%s:\n%s\n", o.output, t.Package, o.input, text)
		}
		short := t.Package[strings.LastIndex(t.Package, "/pkg/")+1:]
		fmt.Fprintf(table, "%s %s\t%d\t%d\t%.0f\t%s\n", short, t.Name, o.executions, o.interesting, o.took.Seconds(), o.told)
		if o.failed {
			failed++
			fmt.Fprint(progress, o.output)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if found > 0 {
		fmt.Fprintf(out, "%d of %d fuzz targets found something: mend the cause, and commit the inputs printed above\n", found, len(targets))
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d fuzz targets failed: mend the cause, and commit the inputs named above", failed, len(targets))
	}
	return nil
}

// outcome is what came of fuzzing a target.
type outcome struct {
	executions, interesting int
	took                    time.Duration
	failed                  bool
	// lateEnd says that the one thing which failed was the end of the time itself: package
	// internal/fuzz compares its own context's error with that of a child which may not
	// be cancelled yet (golang/go, CoordinateFuzzing). No input failed then.
	lateEnd bool
	told    string // "ok", or where the input is
	output  string
	// input is the file below the package's folder that makes it fail, crashed that it is
	// no comparison of the target's that does.
	input   string
	crashed bool
	// idle says that what is known of the target took all the time, and passed.
	idle bool
}

// take reads a failing input and removes it from where the unit tests would run it.
func take(t target, input string) (string, error) {
	file := filepath.Join(t.Dir, filepath.FromSlash(input))
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the failing input: %w", err)
	}
	return string(text), os.Remove(file)
}

// fuzz runs a target. The time is that of fuzzing; what compiling takes comes on top.
func fuzz(t target, each time.Duration) outcome {
	began := time.Now()
	cmd := exec.Command("go", "test", "-run", "^$", "-fuzz", "^"+t.Name+"$", "-fuzztime", each.String(), "-fuzzminimizetime", "1s", t.Package)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	o := read(&output)
	o.took = time.Since(began)
	switch {
	case o.executions == 0 && o.told == "":
		o.failed, o.told, o.idle = true, "nothing was executed", err == nil
	case o.lateEnd:
		o.told = "ok"
	case err != nil:
		o.failed = true
		if o.told == "" {
			o.told = err.Error()
		}
	default:
		o.told = "ok"
	}
	return o
}

var (
	// progressLine is how package internal/fuzz tells how far it is.
	progressLine = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+)`)
	lateEnd      = regexp.MustCompile(`(?m)^--- FAIL: \S+ \(\S+\)\n    context deadline exceeded\nFAIL\n`)
	// crash is how package testing and internal/fuzz tell that a target did not come back.
	crash     = regexp.MustCompile(`(?m)^\s*(panic:|fatal error:|--- FAIL: .*\n\s+panic:)|fuzzing process hung or terminated|testing.go:\d+: panic:`)
	inputLine = regexp.MustCompile(`(?:Failing input written to|To re-run:) *(.*)`)
)

// read takes the numbers of the last line of progress, and the place of a failing input.
func read(output *bytes.Buffer) outcome {
	o := outcome{output: output.String()}
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if m := progressLine.FindStringSubmatch(lines.Text()); m != nil {
			o.executions, _ = strconv.Atoi(m[1]) // digits, by the expression
			o.interesting, _ = strconv.Atoi(m[2])
		}
		if m := inputLine.FindStringSubmatch(lines.Text()); m != nil && m[1] != "" && o.told == "" {
			o.told = "FAILED: " + m[1]
		}
	}
	o.input, _ = strings.CutPrefix(o.told, "FAILED: ")
	o.crashed = !strings.HasPrefix(o.input, "testdata/fuzz/") || crash.MatchString(o.output)
	o.lateEnd = o.told == "" && lateEnd.MatchString(o.output)
	return o
}

func keepAll(targets []target, out io.Writer) error {
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return fmt.Errorf("find Go's cache: %w", err)
	}
	for _, t := range targets {
		n, err := keep(t, strings.TrimSpace(string(cache)))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d inputs kept\n", t.Name, n)
	}
	return nil
}
