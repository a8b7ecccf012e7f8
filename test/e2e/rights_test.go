//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

func decode(t testing.TB, data []byte) report.Report {
	t.Helper()
	var rep report.Report
	if err := json.Unmarshal(data, &rep); err != nil {
		t.Fatalf("no report: %v\n%.500s", err, data)
	}
	return rep
}

const viewer = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: jane-views, namespace: netlook-e2e}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: User, name: jane, apiGroup: rbac.authorization.k8s.io}]
`

// TestNoRightToInject: a user who may only look gets the API's verdict, is told what
// is missing, and can unlock it with exactly what netlook prints.
func TestNoRightToInject(t *testing.T) {
	needBed(t)
	kubectlApply(t, viewer)
	jane := testcluster(t, "user", "jane")
	as := func(args ...string) run {
		return program(t, []string{"KUBECONFIG=" + jane}, "kubectl", append([]string{"netlook"}, args...)...)
	}
	before := ephemeralContainers(t, namespace, "client")
	r := as("pod", "client", "-n", namespace, "--to", "svc/web")
	if r.code != 2 {
		t.Errorf("status %d, want 2: nothing was found, and nothing could be tried\n%s", r.code, r.stderr)
	}
	for _, word := range []string{"jane", "netlook rbac"} {
		if !strings.Contains(r.stderr+r.stdout, word) {
			t.Errorf("does not say %q:\n%s%s", word, r.stdout, r.stderr)
		}
	}
	if after := ephemeralContainers(t, namespace, "client"); after != before {
		t.Errorf("a user without rights left containers: %s, before %s", after, before)
	}
	t.Run("unlocked", func(t *testing.T) {
		role := as("rbac", "--for", "pod", "-n", namespace, "--user", "jane")
		if role.code != 0 {
			t.Fatalf("rbac: status %d\n%s", role.code, role.stderr)
		}
		kubectlApply(t, role.stdout)
		unlocked := as("pod", "client", "-n", namespace, "--to", "svc/web", "-o", "json")
		rep := decode(t, []byte(unlocked.stdout))
		if unlocked.code != 0 {
			t.Errorf("status %d with the printed Role applied\n%s\n%s", unlocked.code, bad(rep), unlocked.stderr)
		}
		must(t, rep, "service.endpoint", "", check.Pass)
	})
}

// TestNobody: a user who may not even read the pod gets one line.
func TestNobody(t *testing.T) {
	needBed(t)
	config := testcluster(t, "user", "nobody")
	r := program(t, []string{"KUBECONFIG=" + config}, "kubectl", "netlook", "pod", "client", "-n", namespace)
	if r.code != 2 || r.stdout != "" {
		t.Errorf("status %d, stdout %q", r.code, r.stdout)
	}
	oneErrorLine(t, r.stderr)
	if !strings.Contains(r.stderr, "nobody") || !strings.Contains(r.stderr, "rbac") {
		t.Errorf("does not say who and what to do:\n%s", r.stderr)
	}
}

// TestNoInject: asked for, the API alone is enough for status 0, and nothing is put
// anywhere.
func TestNoInject(t *testing.T) {
	before := ephemeralContainers(t, namespace, "client")
	rep, r := diagnose(t, "pod", "client", "-n", namespace, "--to", "svc/web", "--no-inject")
	if r.code != 0 {
		t.Errorf("status %d\n%s\n%s", r.code, bad(rep), r.stderr)
	}
	must(t, rep, "service.ready", "", check.Pass)
	if len(results(rep, "service.endpoint", "")) != 0 {
		t.Errorf("packets were sent")
	}
	if after := ephemeralContainers(t, namespace, "client"); after != before {
		t.Errorf("--no-inject left containers: %s, before %s", after, before)
	}
}
