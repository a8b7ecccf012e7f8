package bench

import (
	"os"
	"path/filepath"
	"testing"
)

func TestProbePeak(t *testing.T) {
	proc := t.TempDir()
	process := func(pid, name, cgroup, peak string) {
		t.Helper()
		dir := filepath.Join(proc, pid)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"cgroup": cgroup, "status": "Name:\t" + name + "\nVmPeak:\t  999999 kB\nVmHWM:\t" + peak + "\nThreads:\t7\n"} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	process("1", "init", "0::/\n", "1 kB")
	process("2", "netlook-probe", "0::/kubepods/pod11-22/a\n", "  10000 kB")
	process("3", "netlook-probe", "0::/kubepods/pod11-22/b\n", "  12000 kB")
	process("4", "netlook-probe", "0::/kubepods/pod33-44/c\n", "  90000 kB")
	process("5", "app", "0::/kubepods/pod11-22/d\n", "  80000 kB")
	process("6", "netlook-probe", "0::/kubepods.slice/kubepods-pod55_66.slice/e\n", "1000 kB")
	process("7", "netlook-probe", "0::/kubepods/pod77/f\n", "much")
	for _, tt := range []struct {
		uid  string
		want float64
	}{{"11-22", 12.288}, {"55-66", 1.024}, {"99", 0}, {"77", 0}} {
		got, err := probePeak(proc, tt.uid)
		if got != tt.want || (err == nil) != (tt.want > 0) {
			t.Errorf("%s: %v, %v, want %v", tt.uid, got, err, tt.want)
		}
	}
}

// TestPluginBudget: only a cluster as large as the budget's can keep or break it.
func TestPluginBudget(t *testing.T) {
	for fill, want := range map[Fill]string{
		{}: "-", {Nodes: 1000, Pods: 10000}: "-", {Nodes: 5000, Pods: 10000}: "-", {Nodes: 5000, Pods: 50000}: "yes", {Nodes: 6000, Pods: 60000}: "yes",
	} {
		row := pluginRow("x", fill)
		row.Values = Sample{100}
		if got := row.Within(); got != want {
			t.Errorf("%v: within %s, want %s", fill, got, want)
		}
		row.Values = Sample{200}
		if got := row.Within(); want == "yes" && got != "**no**" {
			t.Errorf("%v: 200 MB are within: %s", fill, got)
		}
	}
}
