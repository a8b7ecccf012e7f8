// Command faults runs the fault corpus against the test cluster that is up, prints
// the score, and writes docs/faults.md. `make faults` calls it.
package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"

	"github.com/netlook/kubectl-netlook/test/faults"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	var (
		pattern = flag.String("run", "", "only faults whose name matches this `regexp`; docs/faults.md is then left alone")
		bar     = flag.Bool("bar", false, "fail when a verdict misses the bar, not only when a fault does not bite or heal")
		again   = flag.Bool("again", false, "play a fault once more that did not bite or missed the bar; the score tells of it")
		reports = flag.String("reports", "", "keep netlook's reports in this `folder`")
		shallow = flag.Bool("shallow", true, "run netlook without --deep")
		deep    = flag.Bool("deep", true, "run netlook with --deep")
		corpus  = flag.String("corpus", "", "play the faults of this `folder` instead of test/faults; docs/faults.md is then left alone")
	)
	flag.Parse()
	wanted, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	list, err := faults.Load(cmp.Or(*corpus, filepath.Join(root, "test", "faults")))
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(f faults.Fault) bool { return !wanted.MatchString(f.Name) })
	if *reports != "" {
		if err := os.MkdirAll(*reports, 0o755); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	start := time.Now()
	bed, err := faults.Open(ctx, root)
	if err != nil {
		return err
	}
	options := faults.Options{Bed: bed, Log: os.Stderr, Shallow: *shallow, Deep: *deep, Reports: *reports, Again: *again}
	rows, err := faults.Play(ctx, options, list)
	faults.Print(os.Stdout, rows)
	if err != nil {
		return err
	}
	if *pattern == "" && *corpus == "" && *shallow && *deep {
		var doc bytes.Buffer
		faults.Markdown(&doc, rows, time.Since(start))
		if err := os.WriteFile(filepath.Join(root, "docs", "faults.md"), doc.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if problems := faults.Summarize(rows).Problems(); *bar && len(problems) > 0 {
		return fmt.Errorf("the bar is missed: %q", problems)
	}
	return nil
}
