// Command kubectl-netlook is the kubectl plugin: `kubectl netlook`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/netlook/kubectl-netlook/pkg/cli"
)

func main() {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	// A terminal that is closed must not leave a pod behind; nohup asks to go on.
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	// After the first signal the default holds again: a second one kills at once.
	context.AfterFunc(ctx, stop)
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	os.Exit(cli.Main(ctx, cli.Arguments(os.Args), streams))
}
