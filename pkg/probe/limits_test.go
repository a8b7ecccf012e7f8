package probe

import (
	"os/exec"
	"strings"
	"testing"
)

func TestConcurrency(t *testing.T) {
	for files, want := range map[uint64]int{0: 1, 33: 1, 64: 10, 1024: 330, 1 << 20: maxConcurrency, 1<<64 - 1: maxConcurrency} {
		if got := concurrency(files); got != want {
			t.Errorf("concurrency(%d) = %d, want %d", files, got, want)
		}
	}
}

// TestImports holds the border: nothing of Kubernetes in the probe.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if !strings.HasPrefix(dep, "github.com/netlook/kubectl-netlook/pkg/") {
			t.Errorf("pkg/probe reaches %s", dep)
		}
	}
}
