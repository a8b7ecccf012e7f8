//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Guaranteed pod: the kubelet gives all of its containers the same score, -997 where the
// runtime may lower one, and the kernel would choose by size alone. (In other pods a
// container without a request has 1000 anyway.)
const guaranteed = `
apiVersion: v1
kind: Pod
metadata: {name: guaranteed, namespace: netlook-hard}
spec:
  nodeName: w1
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: docker.io/netlook/app:test
    imagePullPolicy: IfNotPresent
    args: [--http, ":8080"]
    resources: {limits: {cpu: 200m, memory: 64Mi}}
`

// scoreOf is by how much the kernel is told to prefer or to spare the processes of a
// control group where memory lacks.
func scoreOf(t *testing.T, group string) string {
	t.Helper()
	pids, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Fields(string(pids))
	if len(all) == 0 {
		t.Fatalf("no process in %s", group)
	}
	score, err := os.ReadFile(filepath.Join("/proc", all[0], "oom_score_adj"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(score))
}

// TestHardMemoryOfThePod: beside an application that the kernel is to spare, the probe is
// what it ends.
func TestHardMemoryOfThePod(t *testing.T) {
	hard(t)
	kubectlApply(t, guaranteed)
	kubectl(t, "-n", hardNS, "wait", "--for=condition=Ready", "pod/guaranteed", "--timeout=60s")
	if r := netlook(t, "pod", "guaranteed", "-n", hardNS, "--to", "pod/other:8080"); r.code != 0 {
		t.Fatalf("status %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	app := scoreOf(t, containerGroup(t, podOf(t, hardNS, "guaranteed").Status.ContainerStatuses[0].ContainerID))
	probe := scoreOf(t, probeGroup(t, hardNS, "guaranteed"))
	var problems []string
	if app == "1000" || probe != "1000" {
		problems = append(problems, "oom_score_adj of the application is "+app+", of the probe "+probe+"; want less, and 1000")
	}
	survived(t, "probe beside an application with a tight memory limit (Guaranteed)", "the kernel would end the probe (oom_score_adj "+probe+", the application's "+app+")", problems...)
}
