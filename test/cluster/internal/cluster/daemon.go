//go:build linux

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/enter"
)

// daemon is a process that stays.
type daemon struct {
	member string // node, or topology.Router
	name   string
	spec   enter.Spec
	stdout io.Writer // nil: the log
}

// ErrDied is wrapped by the error that names a daemon which ended during `up`.
var ErrDied = errors.New("ended unexpectedly")

// start starts the daemon in its own session and control group, with its log in
// the state folder. If it ends while ctx is not done, fail is called with the
// reason.
func (c *Cluster) start(ctx context.Context, d daemon, fail func(error)) error {
	d.spec.Cgroup = d.member + "/" + d.name
	command, err := enter.Prepare(d.spec)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(c.Dir.Log(d.member, d.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own copy
	command.Stdout, command.Stderr = log, log
	if d.stdout != nil {
		command.Stdout = d.stdout
	}
	// A session of its own: Ctrl-C at the terminal is for `up` alone, which then
	// takes everything down in order.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s of %s: %w", d.name, d.member, err)
	}
	go func() {
		err := command.Wait()
		if ctx.Err() == nil {
			fail(blame(d.member, d.name, fmt.Errorf("%s of %s %w (%w)", d.name, d.member, ErrDied, err)))
		}
	}()
	return nil
}

// run runs a command in a member's namespaces to its end.
func run(ctx context.Context, spec enter.Spec, stdin io.Reader) error {
	command, err := enter.Prepare(spec)
	if err != nil {
		return err
	}
	command.Stdin = stdin
	return finish(ctx, command)
}

// finish runs a prepared command and puts what it printed into the error.
func finish(ctx context.Context, command *exec.Cmd) error {
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = command.Process.Kill() })
	defer stop()
	if err := command.Wait(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(output.String()))
	}
	return nil
}

// poll asks every pollEvery until there is no error. It returns the last one if ctx ends first.
func poll(ctx context.Context, ask func(context.Context) error) error {
	for {
		last := ask(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), last)
		case <-time.After(pollEvery):
		}
	}
}
