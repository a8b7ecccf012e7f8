//go:build linux

package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// skipf skips a test, but in CI, where nothing is left out: there it fails it.
func skipf(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("NETLOOK_REQUIRE_NETNS") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// TestKillAndRemove makes groups on this machine, with a process that forks in
// them, and ends them again: in the hierarchies that the cluster would use, and,
// where a version 2 hierarchy stands beside those of version 1, in that alone.
func TestKillAndRemove(t *testing.T) {
	if os.Geteuid() != 0 {
		skipf(t, "needs root")
	}
	machine, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]Hierarchies{"this machine's": machine}
	const unified = mountPoint + "/unified"
	if _, err := os.Stat(unified + "/cgroup.controllers"); err == nil && !machine.V2 {
		tests["version 2"] = Hierarchies{V2: true, Roots: []string{unified}}
	}
	for name, hierarchies := range tests {
		t.Run(name, func(t *testing.T) {
			// Beside a cluster that may be up, and never in the way of one.
			group := fmt.Sprintf("test-%d", os.Getpid())
			if err := hierarchies.Create(group + "/leaf"); err != nil {
				skipf(t, "groups cannot be made here: %v", err)
			}
			deadline := time.Now().Add(10 * time.Second)
			t.Cleanup(func() {
				_ = hierarchies.Remove(group, deadline)
				for _, root := range hierarchies.Roots {
					_ = os.Remove(filepath.Join(root, Root)) // refused while others use it
				}
			})
			var script strings.Builder
			for _, root := range hierarchies.Roots {
				fmt.Fprintf(&script, "echo $$ > %s/cgroup.procs\n", filepath.Join(root, Root, group, "leaf"))
			}
			script.WriteString("sleep 600 & exec sleep 600")
			command := exec.Command("sh", "-ec", script.String())
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- command.Wait() }()
			for {
				pids, err := hierarchies.PIDs(group)
				if err != nil {
					t.Fatal(err)
				}
				if len(pids) == 2 {
					break
				}
				select {
				case err := <-ended:
					t.Fatalf("the process did not join: %v", err)
				case <-time.After(pause):
				}
				if time.Now().After(deadline) {
					_ = command.Process.Kill()
					t.Fatalf("processes %v, want two", pids)
				}
			}
			if killed, err := hierarchies.Kill(group, deadline); err != nil || killed != 2 {
				t.Errorf("ended %d processes, error %v; want 2", killed, err)
			}
			select {
			case err := <-ended:
				if err == nil {
					t.Error("the process ended by itself")
				}
			case <-time.After(time.Until(deadline)):
				t.Error("the process goes on")
			}
			if err := hierarchies.Remove(group, deadline); err != nil {
				t.Error(err)
			}
			for _, root := range hierarchies.Roots {
				if _, err := os.Stat(filepath.Join(root, Root, group)); !os.IsNotExist(err) {
					t.Errorf("the group is still in %s (%v)", root, err)
				}
			}
		})
	}
}
