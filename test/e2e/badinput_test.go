//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBadInput: each mistake is one line that says what and what to do, exit 2, and
// nothing is left behind.
func TestBadInput(t *testing.T) {
	kubectlApply(t, `
apiVersion: v1
kind: Node
metadata: {name: win1, labels: {kubernetes.io/os: windows}}
---
apiVersion: v1
kind: Pod
metadata: {name: on-windows, namespace: netlook-e2e}
spec:
  nodeName: win1
  os: {name: windows}
  containers: [{name: app, image: docker.io/netlook/app:test}]
`)
	empty := filepath.Join(t.TempDir(), "config")
	nobody := filepath.Join(t.TempDir(), "nobody")
	for path, config := range map[string]string{empty: "", nobody: `
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {}}]
current-context: c
`} {
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pod := []string{"pod", "client", "-n", namespace}
	tests := []struct {
		name string
		args []string
		// says are words that the line must hold: what is wrong, and the way out.
		says []string
		bed  bool
	}{
		{name: "unknown pod, a typo", args: []string{"pod", "cleint", "-n", namespace}, says: []string{"cleint", "client"}},
		{name: "unknown namespace", args: []string{"pod", "client", "-n", "nowhere"}, says: []string{"nowhere", "namespace"}},
		{name: "unknown context", args: append(pod, "--context", "mars"), says: []string{"mars"}},
		{name: "unknown node", args: []string{"node", "w99"}, says: []string{"w99"}},
		{name: "unknown service", args: append(pod, "--to", "svc/wbe"), says: []string{"wbe", "web"}},
		{name: "unknown port", args: append(pod, "--to", "svc/web:81"), says: []string{"81", "80"}},
		{name: "unknown port name", args: append(pod, "--to", "svc/web:grpc"), says: []string{"grpc", "http"}},
		{name: "port out of range", args: append(pod, "--to", "10.0.0.1:99999"), says: []string{"99999"}},
		{name: "malformed target", args: append(pod, "--to", "scv/web"), says: []string{"scv", "svc"}},
		{name: "unknown verb", args: []string{"pdo", "client"}, says: []string{"pdo"}},
		{name: "unknown flag", args: append(pod, "--too", "svc/web"), says: []string{"--too"}},
		{name: "unknown output", args: append(pod, "-o", "xml"), says: []string{"xml", "json"}},
		{name: "unknown profile", args: append(pod, "--profile", "root"), says: []string{"root", "restricted"}},
		{name: "no pod named", args: []string{"pod"}, says: []string{"pod"}},
		{name: "pending pod", args: []string{"pod", "pending", "-n", namespace}, says: []string{"pending", "does not run", "Unschedulable"}},
		{name: "ended pod", args: []string{"pod", "ended", "-n", namespace}, says: []string{"ended", "Failed"}},
		{name: "mirror pod", args: []string{"pod", staticPod(t), "-n", "kube-system"}, says: []string{"static", "netlook node"}, bed: true},
		{name: "windows pod", args: []string{"pod", "on-windows", "-n", namespace}, says: []string{"indows"}},
		{name: "windows node", args: []string{"node", "win1"}, says: []string{"indows"}},
		{name: "no cluster", args: append(pod, "--kubeconfig", nobody), says: []string{"127.0.0.1:1"}},
		{name: "no configuration", args: append(pod, "--kubeconfig", empty), says: []string{"kubeconfig"}},
	}
	before := ephemeralContainers(t, namespace, "client")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.bed {
				needBed(t)
			}
			r := netlook(t, tt.args...)
			if r.code != 2 {
				t.Errorf("status %d, want 2", r.code)
			}
			if r.stdout != "" {
				t.Errorf("stdout is not empty:\n%s", r.stdout)
			}
			oneErrorLine(t, r.stderr)
			for _, word := range tt.says {
				if !strings.Contains(r.stderr, word) {
					t.Errorf("does not say %q:\n%s", word, r.stderr)
				}
			}
			if r.took > 20*time.Second {
				t.Errorf("took %s", r.took)
			}
			t.Logf("%s", r.stderr)
		})
	}
	if after := ephemeralContainers(t, namespace, "client"); after != before {
		t.Errorf("bad input left ephemeral containers: before %s, after %s", before, after)
	}
	noNodePods(t)
}

// oneErrorLine asserts that stderr is one "error:" line, perhaps with indented or
// "usage" lines behind it, and no stack of Go.
func oneErrorLine(t *testing.T, stderr string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	if !strings.HasPrefix(lines[0], "error: ") || strings.Contains(stderr, "goroutine ") {
		t.Errorf("not one error line first:\n%s", stderr)
	}
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, "error:") {
			t.Errorf("more than one error line:\n%s", stderr)
		}
	}
}

func staticPod(t *testing.T) string {
	t.Helper()
	return kubectl(t, "-n", "kube-system", "get", "pods", "-o",
		`jsonpath={.items[?(@.metadata.annotations.kubernetes\.io/config\.source=="file")].metadata.name}`)
}

// TestImageCannotBePulled: the tool's own failure, told as such and fast.
func TestImageCannotBePulled(t *testing.T) {
	for _, vantage := range [][]string{
		{"pod", "spare", "-n", namespace},
		{"node", kubectl(t, "-n", namespace, "get", "pod", "spare", "-o", "jsonpath={.spec.nodeName}"), "-n", namespace},
	} {
		t.Run(vantage[0], func(t *testing.T) {
			r := netlook(t, append(vantage, "--image", "registry.invalid/netlook/probe:none")...)
			if r.code != 2 {
				t.Errorf("status %d, want 2", r.code)
			}
			for _, word := range []string{"registry.invalid/netlook/probe:none", "ErrImagePull", "--image"} {
				if !strings.Contains(r.stderr, word) {
					t.Errorf("does not say %q:\n%s", word, r.stderr)
				}
			}
			if r.took > 20*time.Second {
				t.Errorf("took %s: it must fail with the first report of the pull", r.took)
			}
			noNodePods(t)
		})
	}
}
