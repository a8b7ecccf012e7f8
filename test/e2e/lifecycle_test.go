//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// ephemeralContainers are the names of a pod's ephemeral containers.
func ephemeralContainers(t testing.TB, namespace, pod string) string {
	t.Helper()
	return kubectl(t, "-n", namespace, "get", "pod", pod, "-o", "jsonpath={.spec.ephemeralContainers[*].name}")
}

// nodePods are the names of the node probes that exist anywhere.
func nodePods(t testing.TB) string {
	t.Helper()
	return kubectl(t, "get", "pods", "-A", "-l", "app.kubernetes.io/managed-by=kubectl-netlook", "-o", "name")
}

// noNodePods asserts that no node probe is left.
func noNodePods(t testing.TB) {
	t.Helper()
	eventually(t, "no node probe is left", 15*time.Second, func() bool { return nodePods(t) == "" })
}

// TestWarmProbe: a repeat finds the probe of the run before and adds no container.
func TestWarmProbe(t *testing.T) {
	diagnose(t, "pod", "client", "-n", namespace)
	before := ephemeralContainers(t, namespace, "client")
	rep, r := diagnose(t, "pod", "client", "-n", namespace)
	if r.code != 0 {
		t.Fatalf("status %d\n%s\n%s", r.code, bad(rep), r.stderr)
	}
	if !rep.Probe.Warm {
		t.Errorf("the second run did not use the warm probe")
	}
	if after := ephemeralContainers(t, namespace, "client"); after != before {
		t.Errorf("the repeat added a container: %s, before %s", after, before)
	}
}

// TestKeepAliveZero: with --keep-alive 0 the probe leaves at once.
func TestKeepAliveZero(t *testing.T) {
	rep, r := diagnose(t, "pod", "spare", "-n", namespace, "--keep-alive", "0", "--profile", "restricted")
	if r.code != 0 {
		t.Fatalf("status %d\n%s\n%s", r.code, bad(rep), r.stderr)
	}
	eventually(t, "the probe has ended", 10*time.Second, func() bool {
		return strings.Contains(kubectl(t, "-n", namespace, "get", "pod", "spare", "-o",
			`jsonpath={.status.ephemeralContainerStatuses[?(@.name=="`+rep.Probe.Container+`")].state}`), "terminated")
	})
}

// TestTwoAtOnce: two plugins on one pod both get a whole report.
func TestTwoAtOnce(t *testing.T) {
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			r := netlook(t, "pod", "client", "-n", namespace, "--to", "svc/web", "-o", "json")
			if r.code != 0 {
				t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
	wait.Wait()
}

// start starts the plugin itself, not through kubectl, so that signals reach it.
func start(t *testing.T, env []string, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, filepath.Join(cluster.root, "bin", "kubectl-netlook"), args...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// Under nohup SIGHUP is ignored, and a program that is started inherits that,
	// unless this process handles the signal while it starts it.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &stdout, &stderr
}

// TestInterrupt: Ctrl-C, a request to end, and a terminal that is closed end a node
// run within seconds, with status 2, and remove the node pod.
func TestInterrupt(t *testing.T) {
	noNodePods(t)
	node := kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.spec.nodeName}")
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			// A target that never answers keeps the run going until it is interrupted.
			cmd, _, stderr := start(t, nil, "node", node, "-n", namespace, "--to", "198.51.100.99:9", "--timeout", "30s")
			eventually(t, "the node probe exists", 20*time.Second, func() bool { return nodePods(t) != "" })
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			since := time.Now()
			_ = cmd.Wait()
			if took := time.Since(since); took > 5*time.Second {
				t.Errorf("took %s to end", took)
			}
			if code := cmd.ProcessState.ExitCode(); code != 2 {
				t.Errorf("status %d, want 2\n%s", code, stderr.String())
			}
			noNodePods(t)
		})
	}
}

// TestCleanup: a plugin that is killed leaves its node pod; cleanup removes it.
func TestCleanup(t *testing.T) {
	noNodePods(t)
	node := kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.spec.nodeName}")
	cmd, _, _ := start(t, nil, "node", node, "-n", namespace, "--to", "198.51.100.99:9", "--timeout", "30s")
	eventually(t, "the node probe exists", 20*time.Second, func() bool { return nodePods(t) != "" })
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if nodePods(t) == "" {
		t.Fatal("the killed plugin left nothing: this test proves nothing")
	}
	r := netlook(t, "cleanup", "-n", namespace)
	if r.code != 0 || !strings.Contains(r.stdout+r.stderr, "netlook-") {
		t.Errorf("cleanup: status %d, says %q %q", r.code, r.stdout, r.stderr)
	}
	noNodePods(t)
}

// TestAttachCut: every connection to the API server is cut in the middle of a run;
// the report is whole all the same, and says that it was resumed.
func TestAttachCut(t *testing.T) {
	needBed(t)
	diagnose(t, "pod", "client", "-n", namespace) // a warm probe: the cut then hits the session
	wire := newLink(t)
	// A target that times out holds the session open for 4 s.
	pod, _, ip := webPod(t)
	drop(t, podNS(t, namespace+"/"+pod), "input", "tcp dport 8080 drop")
	cmd, stdout, stderr := start(t, wire.env(t), "pod", "client", "-n", namespace, "--to", "svc/web", "--timeout", "4s", "-o", "json")
	time.Sleep(2 * time.Second) // not a condition: somewhere in the middle of the 4 s
	wire.cut()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("status %d, want 1\n%s", code, stderr.String())
	}
	rep := decode(t, stdout.Bytes())
	if rep.Probe.Resumed == 0 {
		t.Errorf("the report does not say that it was resumed: the cut did not bite, or was not told")
	}
	must(t, rep, "service.endpoint", ip, check.Fail)
	must(t, rep, "dns.cluster", "", check.Pass)
}
