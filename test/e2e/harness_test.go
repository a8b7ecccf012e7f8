//go:build e2e

// Package e2e drives the built plugin against a real cluster, as its users do:
// through kubectl, on PATH. By default the cluster is the test cluster that is up;
// with TESTCLUSTER=none it is $KUBECONFIG's, and what needs the nodes is skipped.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

const (
	namespace  = "netlook-e2e"
	restricted = "netlook-restricted"
)

// cluster is what the tests run against; set once by TestMain.
var cluster struct {
	root       string // of the checkout
	kubeconfig string
	bed        bool // the test cluster: its nodes can be reached
}

func TestMain(m *testing.M) {
	if err := setUp(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	code := m.Run()
	printHardTimes()
	os.Exit(code)
}

func setUp() error {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	cluster.root = root
	cluster.kubeconfig = os.Getenv("KUBECONFIG")
	path := filepath.Join(root, "bin")
	if os.Getenv("TESTCLUSTER") != "none" {
		cluster.bed = true
		testcluster := filepath.Join(root, "bin", "testcluster")
		kubeconfig, err := exec.Command(testcluster, "kubeconfig").Output()
		if err != nil {
			return fmt.Errorf("the test cluster is not up (make cluster): %w", err)
		}
		cluster.kubeconfig = strings.TrimSpace(string(kubeconfig))
		bin, err := exec.Command(testcluster, "bin").Output()
		if err != nil {
			return fmt.Errorf("testcluster bin: %w", err)
		}
		path += string(os.PathListSeparator) + strings.TrimSpace(string(bin))
	}
	os.Setenv("KUBECONFIG", cluster.kubeconfig)
	os.Setenv("PATH", path+string(os.PathListSeparator)+os.Getenv("PATH"))
	return deploy()
}

// deploy applies the sample objects and waits until they are what the tests expect.
func deploy() error {
	steps := [][]string{
		{"apply", "-f", filepath.Join("testdata", "app.yaml")},
		{"-n", namespace, "rollout", "status", "deployment/web", "--timeout=120s"},
		{"-n", namespace, "wait", "--for=condition=Ready", "pod/kinds", "pod/client", "pod/spare", "--timeout=120s"},
		{"-n", namespace, "wait", "--for=jsonpath={.status.phase}=Failed", "pod/ended", "--timeout=120s"},
		{"-n", restricted, "wait", "--for=condition=Ready", "pod/strict", "--timeout=120s"},
	}
	for _, args := range steps {
		if err := quietKubectl(args...); err != nil {
			return err
		}
	}
	if !cluster.bed {
		return nil
	}
	return rulesWritten()
}

// quietKubectl runs kubectl; what it printed is in the error.
func quietKubectl(args ...string) error {
	if out, err := exec.Command("kubectl", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// rulesWritten waits until the nodes' kube-proxies know the service that was just
// made: pods run before that, and a test that starts then sees the truth.
func rulesWritten() error {
	ips, err := exec.Command("kubectl", "-n", namespace, "get", "service", "web", "-o", "jsonpath={.spec.clusterIPs[*]}").Output()
	if err != nil {
		return fmt.Errorf("read service web: %w", err)
	}
	nodes, err := exec.Command("kubectl", "get", "nodes", "-l", "kubernetes.io/os=linux", "-o", "jsonpath={.items[*].metadata.name}").Output()
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	for _, node := range strings.Fields(string(nodes)) {
		for _, ip := range strings.Fields(string(ips)) {
			connect := fmt.Sprintf("exec 3<>/dev/tcp/%s/80", ip)
			deadline := time.Now().Add(30 * time.Second)
			for exec.Command("testcluster", "exec", node, "--", "timeout", "1", "bash", "-c", connect).Run() != nil {
				if time.Now().After(deadline) {
					return fmt.Errorf("node %s does not reach service web at %s", node, ip)
				}
				time.Sleep(100 * time.Millisecond)
			}
		}
	}
	return nil
}

// needBed skips a test that must reach into the nodes, where there are none to
// reach. On the test cluster it never skips.
func needBed(t *testing.T) {
	t.Helper()
	if !cluster.bed {
		t.Skip("needs the nodes of the test cluster; this run uses $KUBECONFIG")
	}
}

// run is one finished run of a program.
type run struct {
	stdout, stderr string
	code           int
	took           time.Duration
}

// program runs a program to its end, bounded in time. env is added to our own.
func program(t testing.TB, env []string, name string, args ...string) run {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	r := run{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(start)}
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && ctx.Err() == nil:
		r.code = exit.ExitCode()
	default:
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, r.stdout, r.stderr)
	}
	return r
}

// netlook runs `kubectl netlook args...`.
func netlook(t testing.TB, args ...string) run {
	t.Helper()
	return program(t, nil, "kubectl", append([]string{"netlook"}, args...)...)
}

// kubectl runs kubectl and fails the test when it fails.
func kubectl(t testing.TB, args ...string) string {
	t.Helper()
	r := program(t, nil, "kubectl", args...)
	if r.code != 0 {
		t.Fatalf("kubectl %s: status %d\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}

// kubectlApply applies a manifest and deletes it when the test ends.
func kubectlApply(t *testing.T, manifest string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "apply", "-f", file)
	t.Cleanup(func() {
		kubectl(t, "delete", "--ignore-not-found", "--wait=false", "--force", "--grace-period=0", "-f", file)
	})
}

// testcluster runs bin/testcluster and fails the test when it fails.
func testcluster(t testing.TB, args ...string) string {
	t.Helper()
	r := program(t, nil, "testcluster", args...)
	if r.code != 0 {
		t.Fatalf("testcluster %s: status %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}

// inPod runs a command in a pod's network namespace, onNode in a node's.
func inPod(t testing.TB, pod string, args ...string) string {
	t.Helper()
	return testcluster(t, append([]string{"exec-pod", pod, "--"}, args...)...)
}

func onNode(t testing.TB, node string, args ...string) string {
	t.Helper()
	return testcluster(t, append([]string{"exec", node, "--"}, args...)...)
}

// diagnose runs netlook with -o json and returns the report with the run.
func diagnose(t testing.TB, args ...string) (report.Report, run) {
	t.Helper()
	r := netlook(t, append(args, "-o", "json")...)
	var rep report.Report
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		t.Fatalf("netlook %s: status %d, no report: %v\nstdout: %.2000s\nstderr: %s", strings.Join(args, " "), r.code, err, r.stdout, r.stderr)
	}
	return rep, r
}

// results are the results of a check, of those whose target contains part.
func results(rep report.Report, id, part string) []check.Result {
	var found []check.Result
	for _, r := range rep.Results {
		if r.Check == id && strings.Contains(r.Target, part) {
			found = append(found, r)
		}
	}
	return found
}

// bad lists the results that neither passed nor were skipped, for messages.
func bad(rep report.Report) string {
	var lines []string
	for _, r := range rep.Results {
		if r.Status != check.Pass && r.Status != check.Skipped {
			lines = append(lines, fmt.Sprintf("%s [%s] %s: %s %s: %s %v", r.Check, r.Title, r.Target, r.Status, r.Failure, r.Summary, r.Evidence))
		}
	}
	return strings.Join(lines, "\n")
}

// must asserts that a check ran on a target with that status, and returns the first.
func must(t testing.TB, rep report.Report, id, part string, want check.Status) check.Result {
	t.Helper()
	found := results(rep, id, part)
	if len(found) == 0 {
		t.Errorf("no result of %s for %q", id, part)
		return check.Result{}
	}
	for _, r := range found {
		if r.Status != want {
			t.Errorf("%s %s: %s (%s: %s), want %s\n%v", id, r.Target, r.Status, r.Failure, r.Summary, want, r.Evidence)
		}
	}
	return found[0]
}

// eventually polls until ok holds.
func eventually(t testing.TB, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not so after %s", what, limit)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
