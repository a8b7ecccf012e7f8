// Command fuzz runs every fuzz target of this module for a while, one after the other,
// and prints what came of each. A new target is found by itself.
//
//	go run ./test/fuzz -time 20s
//	go run ./test/fuzz -time 5m -run FuzzDNS
//	go run ./test/fuzz -keep
//
// It ends with status 1 when a target failed, and says where the input is.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
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
	failed := 0
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TARGET\tEXECUTIONS\tNEW INTERESTING\tSECONDS\t")
	for _, t := range targets {
		fmt.Fprintf(progress, "fuzzing %s.%s\n", t.Package, t.Name)
		o := fuzz(t, *each)
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
		o.failed, o.told = true, "nothing was executed"
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
	inputLine    = regexp.MustCompile(`(?:Failing input written to|To re-run:) *(.*)`)
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
