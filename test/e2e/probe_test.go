//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// TestCapabilitiesHeld: what a profile promises is in the probe's effective set, as
// the kernel tells it, and no more than that.
func TestCapabilitiesHeld(t *testing.T) {
	for profile, want := range map[string][]string{"restricted": nil, "netraw": {"NET_RAW"}, "netadmin": {"NET_ADMIN", "NET_RAW"}} {
		t.Run(profile, func(t *testing.T) {
			rep, r := diagnose(t, "pod", "spare", "-n", namespace, "--profile", profile, "--external", "none")
			if r.code != 0 {
				t.Fatalf("status %d\n%s\n%s", r.code, bad(rep), r.stderr)
			}
			if held := slices.Sorted(slices.Values(rep.Probe.Capabilities)); !slices.Equal(held, want) {
				t.Errorf("holds %v, want %v", held, want)
			}
		})
	}
}

// TestPodDeletedMeanwhile: a pod that is deleted during a run ends the run at once,
// with what was found, and the reason.
func TestPodDeletedMeanwhile(t *testing.T) {
	kubectlApply(t, `
apiVersion: v1
kind: Pod
metadata: {name: doomed, namespace: netlook-e2e}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: app, image: docker.io/netlook/app:test, imagePullPolicy: IfNotPresent, args: [--http, ":8080"]}
`)
	kubectl(t, "-n", namespace, "wait", "--for=condition=Ready", "pod/doomed", "--timeout=60s")
	cmd, stdout, stderr := start(t, nil, "pod", "doomed", "-n", namespace, "--external", "none", "--to", "198.51.100.99:9", "--timeout", "30s", "-o", "json")
	eventually(t, "the probe runs", 20*time.Second, func() bool {
		return strings.Contains(kubectl(t, "-n", namespace, "get", "pod", "doomed", "-o", "jsonpath={.status.ephemeralContainerStatuses[*].state}"), "running")
	})
	kubectl(t, "-n", namespace, "delete", "pod", "doomed", "--grace-period=0", "--force")
	since := time.Now()
	_ = cmd.Wait()
	if took := time.Since(since); took > 10*time.Second {
		t.Errorf("took %s to end", took)
	}
	if code := cmd.ProcessState.ExitCode(); code != 2 {
		t.Errorf("status %d, want 2\n%s", code, stderr)
	}
	if text := stdout.String(); !strings.Contains(text, "deleted") {
		t.Errorf("does not say why:\n%s\n%s", text, stderr)
	}
}

const half = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: half, namespace: netlook-e2e}
rules:
- {apiGroups: [""], resources: [pods, services], verbs: [get, list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [pods/ephemeralcontainers], verbs: [patch]}
- {apiGroups: [""], resources: [SUBRESOURCE], verbs: [get, create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: half, namespace: netlook-e2e}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: half}
subjects: [{kind: User, name: half, apiGroup: rbac.authorization.k8s.io}]
`

// TestHalfTheRights: without the right to attach no container is left in the pod for
// nothing; without the right to read logs all that is lost is a second source.
func TestHalfTheRights(t *testing.T) {
	needBed(t)
	config := testcluster(t, "user", "half")
	as := func() run {
		return program(t, []string{"KUBECONFIG=" + config}, "kubectl", "netlook", "pod", "spare", "-n", namespace, "--external", "none", "--to", "svc/web", "-o", "json")
	}
	t.Run("no attach", func(t *testing.T) {
		kubectlApply(t, strings.Replace(half, "SUBRESOURCE", "pods/log", 1))
		before := ephemeralContainers(t, namespace, "spare")
		r := as()
		if r.code != 2 || !strings.Contains(r.stdout, "pods/attach") {
			t.Errorf("status %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		if after := ephemeralContainers(t, namespace, "spare"); after != before {
			t.Errorf("a container was left that nobody can talk to: %s, before %s", after, before)
		}
	})
	t.Run("no log", func(t *testing.T) {
		kubectlApply(t, strings.Replace(half, "SUBRESOURCE", "pods/attach", 1))
		must(t, decode(t, []byte(as().stdout)), "service.endpoint", "", check.Pass)
	})
}
