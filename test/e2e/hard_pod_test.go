//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// TestHardTogether: several plugins look from one pod at once, with the same profile
// and with different ones.
func TestHardTogether(t *testing.T) {
	hard(t)
	for _, group := range []struct {
		name     string
		profiles []string
	}{
		{"2 runs on one pod at once, same profile", []string{"restricted", "restricted"}},
		{"4 runs on one pod at once, same profile", []string{"restricted", "restricted", "restricted", "restricted"}},
		{"4 runs on one pod at once, three profiles", []string{"restricted", "netraw", "netadmin", "netraw"}},
	} {
		var wait sync.WaitGroup
		for _, profile := range group.profiles {
			wait.Go(func() {
				r := netlook(t, "pod", "other", "-n", hardNS, "--to", "pod/client:8080", "--profile", profile, "-o", "json")
				switch {
				case r.code == 0:
					survived(t, group.name, "healthy, as it is")
				case r.code == 2 && strings.Contains(r.stdout+r.stderr, "another run of netlook"):
					survived(t, group.name, "says that another run has the probe")
				default:
					survived(t, group.name, fmt.Sprintf("status %d", r.code), fmt.Sprintf("status %d: %s\n%s", r.code, r.stderr, bad(decode(t, []byte(r.stdout)))))
				}
			})
		}
		wait.Wait()
	}
}

// disturbed is a run that is still at work when something happens to it.
type disturbed struct {
	cmd            *exec.Cmd
	stdout, stderr *bytes.Buffer
	happened       time.Time
}

// atWork starts a run whose last check waits for an answer that never comes, and
// returns when it does.
func atWork(h hole, args ...string) *disturbed {
	h.t.Helper()
	d := &disturbed{}
	d.cmd, d.stdout, d.stderr = h.start(nil, append(args, "--timeout", "8s")...)
	return d
}

// told waits for the run's end and judges it: it must be incomplete, within a time, and
// say one of the words.
func (d *disturbed) told(t *testing.T, name string, within time.Duration, words ...string) {
	t.Helper()
	_ = d.cmd.Wait()
	took := time.Since(d.happened)
	code := d.cmd.ProcessState.ExitCode()
	text := d.stderr.String()
	if d.stdout.Len() > 0 {
		rep := decode(t, d.stdout.Bytes())
		text += "\n" + notices(rep) + "\n" + rep.Summary.Headline
	}
	var problems []string
	if code != report.ExitIncomplete {
		problems = append(problems, fmt.Sprintf("status %d, want 2", code))
	}
	if took > within {
		problems = append(problems, fmt.Sprintf("ended %s later, within %s was due", took.Round(time.Second), within))
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			problems = append(problems, fmt.Sprintf("does not say %q: %s", word, text))
		}
	}
	t.Logf("%s: status %d after %s: %s", name, code, took.Round(100*time.Millisecond), text)
	survived(t, name, fmt.Sprintf("incomplete, told after %d s", int(took.Seconds())), problems...)
}

const victim = `
apiVersion: v1
kind: Pod
metadata: {name: victim, namespace: netlook-hard}
spec:
  nodeName: w1
  terminationGracePeriodSeconds: 1
  containers: [{name: app, image: "docker.io/netlook/app:test", imagePullPolicy: IfNotPresent, args: [--http, ":8080"]}]
`

// TestHardPodDeleted: the pod that is looked from goes away in the middle.
func TestHardPodDeleted(t *testing.T) {
	hard(t)
	hole := blackHole(t)
	for _, c := range []struct {
		name  string
		flags []string
	}{
		{"pod deleted in the middle", nil},
		{"pod deleted by force in the middle", []string{"--force", "--grace-period=0"}},
		{"node probe's pod deleted by another", []string{"-l", "app.kubernetes.io/managed-by=kubectl-netlook"}},
	} {
		name, flags := c.name, c.flags
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "node") {
				d := atWork(hole, "node", "w1", "-n", hardNS)
				d.happened = time.Now()
				kubectl(t, append([]string{"-n", hardNS, "delete", "pod", "--wait=false"}, flags...)...)
				d.told(t, name, 15*time.Second, "deleted")
				return
			}
			kubectlApply(t, victim)
			kubectl(t, "-n", hardNS, "wait", "--for=condition=Ready", "pod/victim", "--timeout=60s")
			d := atWork(hole, "pod", "victim", "-n", hardNS)
			d.happened = time.Now()
			kubectl(t, append([]string{"-n", hardNS, "delete", "pod", "victim", "--wait=false"}, flags...)...)
			d.told(t, name, 15*time.Second, "deleted")
			eventually(t, "the pod is gone", 30*time.Second, func() bool {
				return kubectl(t, "-n", hardNS, "get", "pod", "victim", "--ignore-not-found", "-o", "name") == ""
			})
		})
	}
}

// containerGroup is a container's memory control group on this machine.
func containerGroup(t *testing.T, id string) string {
	t.Helper()
	_, id, _ = strings.Cut(id, "://")
	for _, root := range []string{"/sys/fs/cgroup/memory/netlook", "/sys/fs/cgroup/netlook"} {
		for _, middle := range []string{"kubepods/*", "kubepods"} {
			if found, _ := filepath.Glob(filepath.Join(root, "*", middle, "pod*", id)); len(found) == 1 {
				return found[0]
			}
		}
	}
	t.Fatalf("no memory control group of container %s", id)
	return ""
}

// probeGroup is that of the newest running probe of a pod.
func probeGroup(t *testing.T, namespace, pod string) string {
	t.Helper()
	p := podOf(t, namespace, pod)
	id := ""
	for _, s := range append(p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses...) {
		if s.State.Running != nil && (strings.HasPrefix(s.Name, "netlook-") || s.Name == "probe") {
			id = s.ContainerID
		}
	}
	return containerGroup(t, id)
}

// exhaust makes the kernel kill the probe in a control group for lack of memory: the
// limit is lowered to what it takes, and a process that the kernel spares takes more.
func exhaust(t *testing.T, group string) {
	t.Helper()
	usage, limit := "memory.usage_in_bytes", "memory.limit_in_bytes"
	if _, err := os.Stat(filepath.Join(group, "memory.max")); err == nil {
		usage, limit = "memory.current", "memory.max"
	}
	data, err := os.ReadFile(filepath.Join(group, usage))
	if err != nil {
		t.Fatal(err)
	}
	used, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(group, limit), []byte(strconv.Itoa(used+2<<20)), 0o644); err != nil {
		t.Fatal(err)
	}
	hog := exec.Command("sh", "-c", `echo -900 > /proc/$$/oom_score_adj; echo $$ > "$0/cgroup.procs"; head -c 48M /dev/zero | tail > /dev/null`, group)
	out, err := hog.CombinedOutput() // it may be killed as well, afterwards
	t.Logf("the process that takes memory: %v %s", err, out)
}

// TestHardKilledProbe: the probe is killed in the middle, by hand and by the kernel.
func TestHardKilledProbe(t *testing.T) {
	hard(t)
	hole := blackHole(t)
	probePod := func(t *testing.T) string {
		names := strings.Fields(kubectl(t, "-n", hardNS, "get", "pods", "-l", "app.kubernetes.io/managed-by=kubectl-netlook", "-o", "jsonpath={.items[*].metadata.name}"))
		if len(names) != 1 {
			t.Fatalf("node pods: %v", names)
		}
		return names[0]
	}
	t.Run("signal", func(t *testing.T) {
		d := atWork(hole, "pod", "client", "-n", hardNS)
		data, err := os.ReadFile(filepath.Join(probeGroup(t, hardNS, "client"), "cgroup.procs"))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.Fields(string(data))[0])
		if err != nil {
			t.Fatal(err)
		}
		d.happened = time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		d.told(t, "probe in a pod killed (SIGKILL) in the middle", 15*time.Second, "was killed", "memory")
	})
	t.Run("memory", func(t *testing.T) {
		d := atWork(hole, "node", "w1", "-n", hardNS)
		group := probeGroup(t, hardNS, probePod(t))
		d.happened = time.Now()
		exhaust(t, group)
		d.told(t, "node probe OOM-killed in the middle", 15*time.Second, "OOMKilled", "memory")
		noNodePods(t)
	})
}

// TestHardNodeStops: nothing leaves the node any more, as if it had lost its power.
func TestHardNodeStops(t *testing.T) {
	hard(t)
	hole := blackHole(t)
	for _, args := range [][]string{{"pod", "client"}, {"node", "w1"}} {
		name := "node falls silent in the middle, looked from a " + args[0]
		t.Run(args[0], func(t *testing.T) {
			d := atWork(hole, append(args, "-n", hardNS, "--deadline", "12s")...)
			const table = "netlook_silent"
			w1 := nodeNS(t, "w1")
			w1("nft", "add", "table", "inet", table)
			var once sync.Once
			heal := func() { once.Do(func() { w1("nft", "delete", "table", "inet", table) }) }
			t.Cleanup(func() {
				heal()
				eventually(t, "the node is ready", time.Minute, func() bool {
					return strings.Contains(kubectl(t, "get", "node", "w1", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`), "True")
				})
				// The node controller has called its pods not ready.
				kubectl(t, "-n", hardNS, "wait", "--for=condition=Ready", "pod/client", "--timeout=60s")
				netlook(t, "cleanup", "-n", hardNS)
				noNodePods(t)
			})
			w1("nft", "add", "chain", "inet", table, "c", "{ type filter hook postrouting priority -300; }")
			w1("nft", "add", "rule", "inet", table, "c", "oifname", "eth0", "drop")
			d.happened = time.Now()
			d.told(t, name, 30*time.Second, "w1")
			heal()
		})
	}
}
