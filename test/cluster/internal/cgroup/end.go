package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// pause is the interval at which conditions are looked at again.
const pause = 10 * time.Millisecond

// Kill ends every process in the group and below, waits until they have ended, and
// returns how many there were. It lists them again until none is left, since
// processes may fork meanwhile.
func (h Hierarchies) Kill(group string, deadline time.Time) (int, error) {
	// By descriptors (pidfd_open(2)): a number may already be another process's,
	// and a group stops listing a process before it has ended.
	killed := map[int]int{}
	defer func() {
		for _, descriptor := range killed {
			unix.Close(descriptor)
		}
	}()
	for {
		pids, err := h.PIDs(group)
		if err != nil {
			return len(killed), err
		}
		pids = slices.DeleteFunc(pids, func(pid int) bool { return pid == os.Getpid() })
		if len(pids) == 0 {
			return len(killed), awaitEnd(killed, deadline)
		}
		if time.Now().After(deadline) {
			return len(killed), fmt.Errorf("processes %v of %s do not end: look at /proc/PID/stack", pids, filepath.Join(Root, group))
		}
		for _, pid := range pids {
			if err := kill(pid, killed); err != nil {
				return len(killed), fmt.Errorf("end process %d: %w", pid, err)
			}
		}
		time.Sleep(pause)
	}
}

func kill(pid int, killed map[int]int) error {
	if _, known := killed[pid]; known {
		return nil
	}
	descriptor, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil // ended by itself
	}
	if err != nil {
		return err
	}
	killed[pid] = descriptor
	if err := unix.PidfdSendSignal(descriptor, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	return nil
}

// awaitEnd waits until every process has ended: its descriptor is then readable.
func awaitEnd(killed map[int]int, deadline time.Time) error {
	for pid, descriptor := range killed {
		for {
			wait := max(0, time.Until(deadline))
			ready, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, int(wait.Milliseconds()))
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				return fmt.Errorf("wait for process %d: %w", pid, err)
			}
			if ready == 0 {
				return fmt.Errorf("process %d does not end: look at /proc/%d/stack", pid, pid)
			}
			break
		}
	}
	return nil
}

// Remove removes the group and everything below it, in every hierarchy.
func (h Hierarchies) Remove(group string, deadline time.Time) error {
	for _, root := range h.Roots {
		top := filepath.Join(root, Root, group)
		for {
			err := removeTree(top)
			if err == nil {
				break
			}
			// Busy for a moment after the last process has ended.
			if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
				return fmt.Errorf("remove control group: %w", err)
			}
			time.Sleep(pause)
		}
	}
	return nil
}

func removeTree(top string) error {
	var groups []string
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, group := range slices.Backward(groups) { // children after parents in the walk
		if err := unix.Rmdir(group); err != nil && !errors.Is(err, unix.ENOENT) {
			return &fs.PathError{Op: "rmdir", Path: group, Err: err}
		}
	}
	return nil
}
