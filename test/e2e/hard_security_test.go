//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

const strictPod = `
apiVersion: v1
kind: Pod
metadata: {name: strict, namespace: NAMESPACE}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: app
    image: docker.io/netlook/app:test
    imagePullPolicy: IfNotPresent
    args: [--http, ":8080"]
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`

// TestHardPodSecurity: every profile in a namespace of each Pod Security level runs, or
// is refused in a line that says what to do instead, and leaves nothing behind.
func TestHardPodSecurity(t *testing.T) {
	hard(t)
	for _, level := range []string{"privileged", "baseline", "restricted"} {
		ns := hardNS + "-" + level
		kubectlApply(t, strings.ReplaceAll(strictPod, "NAMESPACE", ns))
		kubectl(t, "-n", ns, "wait", "--for=condition=Ready", "pod/strict", "--timeout=60s")
		// The least first: Pod Security judges the whole pod again each time.
		for _, profile := range []string{"restricted", "netraw", "netadmin"} {
			secure(t, fmt.Sprintf("profile %s in a namespace of level %s", profile, level), ns,
				profile == "restricted" || level == "privileged", "use the default profile (restricted)",
				"pod", "strict", "-n", ns, "--profile", profile)
		}
		secure(t, "node probe in a namespace of level "+level, ns, level == "privileged", "--probe-namespace",
			"node", "w1", "-n", ns)
		secure(t, "node probe for a namespace of level "+level+" in one of level privileged", ns, true, "",
			"node", "w1", "-n", ns, "--probe-namespace", hardNS+"-privileged")
	}
	noNodePods(t)
}

// secure runs netlook where it is let in, or not.
func secure(t *testing.T, name, namespace string, letIn bool, hint string, args ...string) {
	t.Helper()
	before := ephemeralContainers(t, namespace, "strict")
	rep, r := diagnose(t, args...)
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	came := "runs, healthy"
	if letIn {
		if r.code != report.ExitHealthy || rep.Vantage.Rung != report.RungProbe {
			add("status %d, rung %s: %s\n%s", r.code, rep.Vantage.Rung, bad(rep), r.stderr)
		}
	} else {
		came = "refused, with what to do instead; the API's verdict"
		if r.code != report.ExitIncomplete || rep.Vantage.Rung != report.RungAPI {
			add("status %d, rung %s", r.code, rep.Vantage.Rung)
		}
		if !strings.Contains(r.stderr, "Pod Security") || !strings.Contains(r.stderr, hint) {
			add("does not say why, or not %q: %s", hint, r.stderr)
		}
		if after := ephemeralContainers(t, namespace, "strict"); after != before {
			add("left ephemeral containers: %s, before %s", after, before)
		}
	}
	survived(t, name, came, problems...)
}
