//go:build linux

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// restartStop is how long a daemon may take to end when it is asked to.
	restartStop = 15 * time.Second
	// restartReady is how long the cluster may take to be whole again.
	restartReady = time.Minute
)

// Restart ends a daemon as an upgrade or a crash of it would (SIGTERM, or SIGKILL when
// hard), starts it anew with the same arguments after a pause, and waits until the
// cluster is healthy. What it has started, such as the shims of containerd, stays.
func (c *Cluster) Restart(ctx context.Context, member, name string, hard bool, pause time.Duration) error {
	record, err := c.Dir.Load()
	if err != nil {
		return err
	}
	known := daemonsOf(record.Options)[member]
	if name == initDaemon || !slices.Contains(known, name) {
		return fmt.Errorf("no daemon %q of %q: there are %s", name, member, strings.Join(slices.DeleteFunc(known, func(d string) bool { return d == initDaemon }), ", "))
	}
	held, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer held.Close()
	pid, argv, env, err := c.mainProcess(member, name)
	if err != nil {
		return err
	}
	signal := unix.SIGTERM
	if hard {
		signal = unix.SIGKILL
	}
	if err := endProcess(pid, signal, restartStop); err != nil {
		return fmt.Errorf("end %s of %s: %w", name, member, err)
	}
	c.say("%s of %s has ended", name, member)
	select {
	case <-time.After(pause):
	case <-ctx.Done(): // it is started all the same: the cluster must not stay broken
	}
	spec, err := c.node(member)
	if err != nil {
		return err
	}
	spec.Argv, spec.Env = argv, env
	wait, stop := context.WithTimeoutCause(ctx, restartReady, fmt.Errorf("%s of %s is not back after %s", name, member, restartReady))
	defer stop()
	wait, died := context.WithCancelCause(wait)
	defer died(nil)
	if err := c.start(wait, daemon{member: member, name: name, spec: spec}, died); err != nil {
		return err
	}
	if err := poll(wait, func(ctx context.Context) error {
		if problems := c.Health(ctx, record); len(problems) > 0 {
			return errors.New(strings.Join(problems, "; "))
		}
		return nil
	}); err != nil {
		return err
	}
	c.say("%s of %s runs again, and the cluster is healthy", name, member)
	return nil
}

// mainProcess finds the process that was started as a daemon, among those of its
// control group, by its program's name, and how it was started.
func (c *Cluster) mainProcess(member, name string) (pid int, argv, env []string, err error) {
	pids, err := c.groups.PIDs(member + "/" + name)
	if err != nil {
		return 0, nil, nil, err
	}
	slices.Sort(pids)
	for _, pid := range pids {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue // it has just ended
		}
		argv := fields(line)
		if len(argv) == 0 || filepath.Base(argv[0]) != name {
			continue
		}
		vars, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			return 0, nil, nil, err
		}
		return pid, argv, fields(vars), nil
	}
	return 0, nil, nil, fmt.Errorf("%s of %s does not run: see testcluster status", name, member)
}

// fields splits what /proc separates with NUL.
func fields(data []byte) []string {
	var list []string
	for part := range bytes.SplitSeq(bytes.TrimSuffix(data, []byte{0}), []byte{0}) {
		list = append(list, string(part))
	}
	return list
}

// endProcess sends a signal and waits for the end; a process that ignores it is killed.
func endProcess(pid int, signal unix.Signal, patience time.Duration) error {
	descriptor, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(descriptor)
	if err := unix.PidfdSendSignal(descriptor, signal, nil, 0); err != nil {
		return err
	}
	if hasEnded(descriptor, patience) {
		return nil
	}
	if err := unix.PidfdSendSignal(descriptor, unix.SIGKILL, nil, 0); err != nil {
		return err
	}
	if !hasEnded(descriptor, patience) {
		return fmt.Errorf("process %d does not end", pid)
	}
	return nil
}

func hasEnded(descriptor int, patience time.Duration) bool {
	for end := time.Now().Add(patience); ; {
		left := time.Until(end)
		if left <= 0 {
			return false
		}
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if err == nil && ready > 0 {
			return true
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false
		}
	}
}
