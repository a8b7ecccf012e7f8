//go:build linux

// Package cli is the command line of testcluster: flags into options, options into
// calls of package cluster, errors into one line and an exit status.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/cluster"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/enter"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/node"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is what was typed being wrong, as opposed to what was done failing.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Run runs one command line and returns the exit status.
func Run(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	if handled, err := internal(ctx, arguments); handled {
		return report(stderr, err)
	}
	root := &cobra.Command{
		Use:   "testcluster",
		Short: "A real multi-node Kubernetes on one Linux machine",
		Long: `A real multi-node Kubernetes on one Linux machine: etcd, API server, controller
manager and scheduler, and for each node a network namespace with its own containerd,
kubelet, kube-proxy and flannel. No container engine, no image registry.`,
		Example: `  testcluster up
  export KUBECONFIG=$(testcluster kubeconfig) PATH=$(testcluster bin):$PATH
  kubectl get nodes
  testcluster exec w1 -- ip route
  testcluster down`,
		SilenceErrors: true,
		SilenceUsage:  true,
		CompletionOptions: cobra.CompletionOptions{
			HiddenDefaultCmd: true,
		},
	}
	root.SetArgs(arguments)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, command.CommandPath())}
	})
	root.AddCommand(
		upCommand(), downCommand(), statusCommand(), execCommand(), execPodCommand(), dropCommand(),
		loadCommand(), restartCommand(), kubeconfigCommand(), userCommand(), binCommand(), buildCommand(), packagesCommand(),
	)
	for _, command := range root.Commands() {
		command.Args = asUsage(command.Args)
	}
	err := root.ExecuteContext(ctx)
	if err != nil && unknownCommand(root, arguments) {
		err = usageError{fmt.Errorf("%w; see testcluster --help", err)}
	}
	return report(stderr, err)
}

// internal runs the commands that testcluster calls itself with. They are kept out
// of cobra, which has nothing to add to a process about to become another.
func internal(ctx context.Context, arguments []string) (handled bool, err error) {
	if len(arguments) < 2 {
		return false, nil
	}
	switch arguments[0] {
	case enter.Command:
		spec, err := enter.Parse(arguments[1])
		if err != nil {
			return true, err
		}
		return true, enter.Exec(spec)
	case node.Command:
		return true, node.Hold(arguments[1])
	case cluster.GetCommand:
		if len(arguments) != 3 {
			return true, fmt.Errorf("%s SERVER FOLDER", cluster.GetCommand)
		}
		return true, cluster.Get(ctx, arguments[1], arguments[2])
	}
	return false, nil
}

// unknownCommand tells cobra's one usage error that comes without a type.
func unknownCommand(root *cobra.Command, arguments []string) bool {
	_, _, err := root.Find(arguments)
	return err != nil
}

// asUsage marks wrong arguments as such.
func asUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(command *cobra.Command, arguments []string) error {
		if check == nil {
			check = cobra.NoArgs
		}
		if err := check(command, arguments); err != nil {
			return usageError{fmt.Errorf("%w; usage: %s", err, command.UseLine())}
		}
		return nil
	}
}

func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintln(stderr, "error:", err)
	if usage := (usageError{}); errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}
