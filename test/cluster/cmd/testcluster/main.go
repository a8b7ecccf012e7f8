//go:build linux

// Command testcluster brings up a real multi-node Kubernetes on one Linux machine.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/cli"
)

func main() {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup stays what it is
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	code := cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
