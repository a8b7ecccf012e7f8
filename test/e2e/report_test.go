//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// TestSavedReports: real runs are kept, printed again without a cluster, and compared: the
// second, of a port where nothing listens, names what is new.
func TestSavedReports(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, args ...string) (string, run) {
		r := netlook(t, append(args, "-o", "json")...)
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(r.stdout), 0o600); err != nil {
			t.Fatal(err)
		}
		return path, r
	}
	pod := []string{"pod", "client", "-n", namespace, "--external", "none"}
	well, healthy := save("well.json", append(pod, "--to", "svc/web")...)
	if again := netlook(t, "report", well, "-o", "json", "--kubeconfig", filepath.Join(dir, "none")); again.stdout != healthy.stdout || again.code != healthy.code {
		t.Errorf("status %d and %d, or another document: %s", healthy.code, again.code, again.stderr)
	}
	broken, failing := save("broken.json", append(pod, "--to", "pod/kinds:81", "--baseline", well)...)
	rep, err := report.Load(bytes.NewReader([]byte(failing.stdout)))
	if err != nil || rep.Changes == nil || rep.Summary.ExitCode != failing.code || failing.code == healthy.code {
		t.Fatalf("status %d after %d, %v\n%s", failing.code, healthy.code, err, failing.stderr)
	}
	if limits := strings.Join(rep.Changes.Limits, "; "); limits != "other targets (--to): svc/web before, pod/kinds:81 now" {
		t.Errorf("the comparison is limited by %q", limits)
	}
	if rep.Changes.Same == 0 {
		t.Error("nothing came out as before: the pod's own checks are in both")
	}
	table := netlook(t, "report", broken)
	if table.code != failing.code || !strings.Contains(table.stdout, "what changed since ") || !strings.Contains(table.stdout, "only now") {
		t.Errorf("status %d\n%s%s", table.code, table.stdout, table.stderr)
	}
}
