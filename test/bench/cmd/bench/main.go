// Command bench measures netlook on the test cluster that is up, prints the table, and
// writes docs/bench.md. `make bench` calls it.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/netlook/kubectl-netlook/test/bench"
)

func main() {
	if err := run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && len(os.Args) > 1 && os.Args[1] == "peak" {
			os.Exit(exit.ExitCode())
		}
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) > 2 && os.Args[1] == "peak" {
		return bench.Peak(os.Args[2:])
	}
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, `Measures netlook on the test cluster that is up, and writes docs/bench.md.

  bench                            # fills the cluster with 1,000 nodes and 10,000 pods
  bench -nodes 5000 -pods 50000    # with more
  bench -nodes 0 -out /tmp/b.md    # only what needs no large cluster
  bench -clean                     # deletes what a killed run has left in the cluster

`)
		flag.PrintDefaults()
	}
	var (
		image  = flag.String("image", "docker.io/netlook/probe:dev", "the probe's `image`, as loaded into the cluster")
		rounds = flag.Int("rounds", 7, "how often each thing is measured")
		nodes  = flag.Int("nodes", 1000, "fake nodes to fill the cluster with; 0 leaves it as it is")
		pods   = flag.Int("pods", 10000, "fake pods on them")
		out    = flag.String("out", filepath.Join("docs", "bench.md"), "`file` to write")
		clean  = flag.Bool("clean", false, "only delete what a killed run has left")
	)
	flag.Parse()
	fill := bench.Fill{Nodes: *nodes, Pods: *pods}
	if fill.Nodes == 0 {
		fill.Pods = 0
	}
	if err := fill.Valid(); err != nil {
		return err
	}
	if *rounds < 1 {
		return fmt.Errorf("-rounds %d: at least 1", *rounds)
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
	if *clean {
		b, err := bench.Open(ctx, root, *image, log)
		if err != nil {
			return err
		}
		return errors.Join(b.Empty(ctx), b.Close())
	}
	doc, err := bench.Run(ctx, bench.Options{Root: root, Image: *image, Rounds: *rounds, Fill: fill, Log: log})
	doc.Print(os.Stdout)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	doc.Markdown(&text)
	return os.WriteFile(*out, text.Bytes(), 0o644)
}
