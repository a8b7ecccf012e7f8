//go:build linux

// Command testcluster brings up a real multi-node Kubernetes on one Linux machine.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/cli"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/packages"
)

func main() {
	// Daemons inherit it, and containerd's folders become the roots of containers:
	// with the 027 or 077 of a hardened machine only root could look into them.
	syscall.Umask(0o022)
	if err := os.Setenv("PATH", packages.Path(os.Getenv("PATH"))); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	keepDescriptors()
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup stays what it is
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	code := cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
