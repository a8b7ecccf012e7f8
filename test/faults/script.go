package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	scriptDeadline  = 60 * time.Second
	netlookDeadline = 90 * time.Second
	pollEvery       = 200 * time.Millisecond
)

// command prepares a program with vars in its environment and in a process group of
// its own, which ends as a whole when ctx does.
func command(ctx context.Context, vars map[string]string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = os.Environ()
	for _, key := range slices.Sorted(maps.Keys(vars)) {
		cmd.Env = append(cmd.Env, key+"="+vars[key])
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// A script may leave a process behind, on purpose, that holds the pipes.
	cmd.WaitDelay = time.Second
	return cmd
}

// script runs bash text after lib.sh. The error carries what it printed.
func (b *Bed) script(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, scriptDeadline)
	defer cancel()
	cmd := command(ctx, b.vars, "bash", "-euo", "pipefail", "-c", `. "$FAULTS/lib.sh"`+"\n"+text)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("%w: %s", err, tail(output.String()))
	}
	return nil
}

// until runs a script until it succeeds, and returns its last error if it does not.
func (b *Bed) until(ctx context.Context, limit time.Duration, text string) error {
	deadline := time.Now().Add(limit)
	for {
		err := b.script(ctx, text)
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
		}
	}
}

// netlook runs the plugin as a user would, and reads its report. arguments are words
// for the shell.
func (b *Bed) netlook(ctx context.Context, arguments string) (Run, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, netlookDeadline)
	defer cancel()
	cmd := command(ctx, b.vars, "bash", "-euc", "exec kubectl netlook "+arguments+" -o json")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	run := Run{Took: time.Since(start)}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		run.Status = exit.ExitCode()
	case err != nil:
		return run, nil, fmt.Errorf("kubectl netlook %s: %w", arguments, err)
	}
	run.Verdict, err = ParseReport(stdout.Bytes())
	if err != nil {
		run.Note = tail(stderr.String())
	}
	return run, stdout.Bytes(), nil
}

// tail is the end of what a program printed, on one line.
func tail(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	const most = 6
	if len(lines) > most {
		lines = lines[len(lines)-most:]
	}
	return strings.Join(lines, "; ")
}
