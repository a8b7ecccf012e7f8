// Package cgroup keeps every process of the cluster in control groups of its own,
// under /netlook in each hierarchy. That is both what kubelet needs for its pods
// and how `down` knows what to end: membership survives a crash of `up`, a lost
// state folder and any amount of forking, and a process cannot be in it by chance.
//
// It supports version 1 (one hierarchy for each controller) and version 2 (one for
// all); see cgroups(7). It may import the standard library and x/sys only.
package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Root is the group, in every hierarchy, above all others of the cluster.
const Root = "/netlook"

const mountPoint = "/sys/fs/cgroup"

// Hierarchies is where the machine's control groups are mounted.
type Hierarchies struct {
	V2    bool
	Roots []string // mount points; exactly one for version 2
}

// Detect finds the hierarchies in use. A machine with version 1 controllers and a
// version 2 hierarchy beside them ("hybrid", without controllers) counts as version
// 1 with one hierarchy more: runc makes groups in it too.
func Detect() (Hierarchies, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return Hierarchies{}, err
	}
	defer file.Close()
	return parse(file)
}

// parse reads proc_pid_mountinfo(5).
func parse(mountinfo io.Reader) (Hierarchies, error) {
	var v1 []string
	v2 := ""
	for lines := bufio.NewScanner(mountinfo); lines.Scan(); {
		before, after, found := strings.Cut(lines.Text(), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !found || len(left) < 5 || len(right) < 1 {
			continue
		}
		at := left[4]
		// Only what is mounted at the usual place: container engines mount theirs
		// a second time elsewhere.
		if at != mountPoint && filepath.Dir(at) != mountPoint {
			continue
		}
		switch {
		case right[0] == "cgroup2" && at == mountPoint:
			v2 = at
		case strings.HasPrefix(right[0], "cgroup") && !slices.Contains(v1, at):
			v1 = append(v1, at)
		}
	}
	switch {
	case v2 != "":
		return Hierarchies{V2: true, Roots: []string{v2}}, nil
	case len(v1) > 0:
		sort.Strings(v1)
		return Hierarchies{Roots: v1}, nil
	}
	return Hierarchies{}, errors.New("no control groups are mounted on /sys/fs/cgroup: mount them (mount -t cgroup2 none /sys/fs/cgroup)")
}

// Create makes the group, below Root, in every hierarchy, ready to hold processes
// or further groups.
func (h Hierarchies) Create(group string) error {
	for _, root := range h.Roots {
		path := root
		for part := range strings.SplitSeq(strings.Trim(filepath.Join(Root, group), "/"), "/") {
			if h.V2 {
				// Before the child is made: controllers reach a group only
				// through its parent's subtree_control.
				if err := delegate(path); err != nil {
					return err
				}
			}
			path = filepath.Join(path, part)
			if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("make control group: %w", err)
			}
			if err := inheritCPUSet(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// inheritCPUSet copies the parent's processors and memory nodes: in version 1 a
// new cpuset group has none and takes no process.
func inheritCPUSet(path string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		own, err := os.ReadFile(filepath.Join(path, file))
		if errors.Is(err, fs.ErrNotExist) || strings.TrimSpace(string(own)) != "" {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(path, "cgroup.clone_children")); err != nil {
			continue // version 2, where empty means the parent's
		}
		inherited, err := os.ReadFile(filepath.Join(filepath.Dir(path), file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(path, file), inherited, 0o644); err != nil {
			return fmt.Errorf("fill %s of %s: %w", file, path, err)
		}
	}
	return nil
}

// delegate enables every controller the group has for its children (version 2).
func delegate(path string) error {
	available, err := os.ReadFile(filepath.Join(path, "cgroup.controllers"))
	if err != nil {
		return err
	}
	enabled, err := os.ReadFile(filepath.Join(path, "cgroup.subtree_control"))
	if err != nil {
		return err
	}
	on := strings.Fields(string(enabled))
	for _, controller := range strings.Fields(string(available)) {
		if slices.Contains(on, controller) {
			continue
		}
		err := os.WriteFile(filepath.Join(path, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
		// Some cannot be delegated on some machines; kubelet names those it misses.
		if err != nil && slices.Contains([]string{"cpu", "cpuset", "memory", "pids"}, controller) {
			return fmt.Errorf("enable controller %s below %s (is this the machine's own root group?): %w", controller, path, err)
		}
	}
	return nil
}

// Join moves this process, with all its threads, into the group.
func (h Hierarchies) Join(group string) error {
	for _, root := range h.Roots {
		path := filepath.Join(root, Root, group, "cgroup.procs")
		if err := os.WriteFile(path, []byte("0"), 0o644); err != nil {
			return fmt.Errorf("join control group: %w", err)
		}
	}
	return nil
}

// PIDs lists the processes in the group and everything below it, sorted. A group
// that does not exist has none.
func (h Hierarchies) PIDs(group string) ([]int, error) {
	found := map[int]bool{}
	for _, root := range h.Roots {
		top := filepath.Join(root, Root, group)
		err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
				return nil // removed while we looked
			}
			if err != nil || !entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
				return nil
			}
			if err != nil {
				return err
			}
			return addPIDs(found, string(content))
		})
		if err != nil {
			return nil, fmt.Errorf("list processes of %s: %w", top, err)
		}
	}
	pids := make([]int, 0, len(found))
	for pid := range found {
		pids = append(pids, pid)
	}
	sort.Ints(pids)
	return pids, nil
}

// addPIDs reads the content of cgroup.procs.
func addPIDs(found map[int]bool, content string) error {
	for line := range strings.Lines(content) {
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			return fmt.Errorf("cgroup.procs: %w", err)
		}
		if pid > 1 { // 0: a process of another pid namespace; 1: never ours to end
			found[pid] = true
		}
	}
	return nil
}

// Left lists the groups of the cluster that still exist.
func (h Hierarchies) Left() []string {
	var left []string
	for _, root := range h.Roots {
		path := filepath.Join(root, Root)
		if _, err := os.Stat(path); err == nil {
			left = append(left, path)
		}
	}
	return left
}
