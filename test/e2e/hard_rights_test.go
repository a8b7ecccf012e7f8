//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// roles are what `netlook rbac` prints for a user, changed: rights that drop names are
// left out ("pods/attach", or "create pods/attach" for one verb of it), and with
// clusterWide false also the ClusterRoles.
func roles(t *testing.T, user, purpose string, clusterWide bool, drop ...string) string {
	t.Helper()
	r := netlook(t, "rbac", "--for", purpose, "-n", hardNS, "--user", user)
	if r.code != 0 {
		t.Fatalf("rbac: status %d\n%s", r.code, r.stderr)
	}
	var kept []string
	for _, doc := range strings.Split(r.stdout, "\n---\n") {
		var role rbacv1.Role // a ClusterRole has the same fields
		if err := yaml.Unmarshal([]byte(doc), &role); err != nil {
			t.Fatal(err)
		}
		if role.Kind == "" || !clusterWide && strings.HasPrefix(role.Kind, "Cluster") {
			continue
		}
		if len(role.Rules) == 0 {
			kept = append(kept, doc) // a binding
			continue
		}
		// A name of its own: the bindings are renamed likewise, below.
		var rules []rbacv1.PolicyRule
		for _, rule := range role.Rules {
			for _, resource := range rule.Resources {
				verbs := slices.DeleteFunc(slices.Clone(rule.Verbs), func(verb string) bool {
					return slices.Contains(drop, resource) || slices.Contains(drop, verb+" "+resource)
				})
				if len(verbs) > 0 {
					rules = append(rules, rbacv1.PolicyRule{APIGroups: rule.APIGroups, Resources: []string{resource}, ResourceNames: rule.ResourceNames, Verbs: verbs})
				}
			}
		}
		role.Rules = rules
		text, err := yaml.Marshal(role)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, string(text))
	}
	// Roles of one name would be shared between the users.
	return strings.ReplaceAll(strings.Join(kept, "\n---\n"), "name: netlook-", "name: "+user+"-netlook-")
}

const onlyGetPods = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: hard-getter, namespace: netlook-hard}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: hard-getter, namespace: netlook-hard}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: hard-getter}
subjects: [{kind: User, name: hard-getter, apiGroup: rbac.authorization.k8s.io}]
`

// rightsCase is a user with fewer rights than a command would like.
type rightsCase struct {
	user, has string // has is for the table
	grant     func(t *testing.T) string
	args      []string
	code      int
	says      []string // all of them
	cause     string   // that the verdict names, "" for none
	rung      report.Rung
}

// TestHardRights: users with each smaller set of rights, by certificates and RBAC of
// the cluster. A service without a ready endpoint is the fault that the API alone
// tells; what may not be read is never taken for well.
func TestHardRights(t *testing.T) {
	hard(t)
	const noReady = "NL-SVC-NO-READY-ENDPOINT"
	pod := []string{"pod", "client", "-n", hardNS, "--to", "svc/empty"}
	with := func(purpose string, clusterWide bool, drop ...string) func(*testing.T) string {
		return func(t *testing.T) string { return roles(t, "USER", purpose, clusterWide, drop...) }
	}
	cases := []rightsCase{
		{user: "hard-nothing", has: "nothing", args: pod, code: 2, says: []string{"hard-nothing", "netlook rbac"}},
		{user: "hard-getter", has: "get pods", grant: func(*testing.T) string { return onlyGetPods }, args: pod, code: 2, says: []string{"netlook rbac"}},
		{user: "hard-api", has: "rbac --for api", grant: with("api", true), args: pod, code: 1, cause: noReady, rung: report.RungAPI, says: []string{"rbac --for pod"}},
		{user: "hard-api-well", has: "rbac --for api, nothing wrong", grant: with("api", true), args: []string{"pod", "client", "-n", hardNS, "--to", "pod/other:8080"}, code: 2, rung: report.RungAPI, says: []string{"no packet was sent", "rbac --for pod"}},
		{user: "hard-noattach", has: "rbac --for pod without pods/attach", grant: with("pod", true, "pods/attach"), args: pod, code: 1, cause: noReady, rung: report.RungAPI, says: []string{"pods/attach", "rbac --for pod"}},
		{user: "hard-noget", has: "rbac --for pod without get pods/attach", grant: with("pod", true, "get pods/attach"), args: pod, code: 1, cause: noReady, rung: report.RungAPI, says: []string{"pods/attach", "rbac --for pod"}},
		{user: "hard-noephemeral", has: "rbac --for pod without pods/ephemeralcontainers", grant: with("pod", true, "pods/ephemeralcontainers"), args: pod, code: 1, cause: noReady, rung: report.RungAPI, says: []string{"ephemeral containers", "rbac --for pod"}},
		{user: "hard-nowatch", has: "rbac --for pod without list and watch pods", grant: with("pod", true, "list pods", "watch pods"), args: pod, code: 1, cause: noReady, rung: report.RungAPI, says: []string{"pods", "rbac --for pod"}},
		{user: "hard-noservices", has: "rbac --for pod without services", grant: with("pod", true, "services"), args: pod, code: 2, says: []string{"services"}},
		// Packets to the ClusterIP are refused, which is a problem; why is not known.
		{user: "hard-noslices", has: "rbac --for pod without endpointslices", grant: with("pod", true, "endpointslices"), args: pod, code: 1, rung: report.RungProbe, says: []string{"endpointslices"}},
		{user: "hard-nolog", has: "rbac --for pod without pods/log", grant: with("pod", true, "pods/log"), args: pod, code: 1, cause: noReady, rung: report.RungProbe},
		{user: "hard-nonodes", has: "rbac --for pod without nodes", grant: with("pod", true, "nodes"), args: pod, code: 1, cause: noReady, rung: report.RungProbe, says: []string{"nodes"}},
		{user: "hard-namespaced", has: "the Roles of rbac --for pod, not its ClusterRoles", grant: with("pod", false), args: pod, code: 1, cause: noReady, rung: report.RungProbe},
		{user: "hard-pod", has: "rbac --for pod", grant: with("pod", true), args: pod, code: 1, cause: noReady, rung: report.RungProbe},
		{user: "hard-pod-deep", has: "rbac --for pod, asks for --deep", grant: with("pod", true), args: append(slices.Clone(pod), "--deep"), code: 1, cause: noReady, rung: report.RungProbe, says: []string{"rbac --for node"}},
		{user: "hard-api-node", has: "rbac --for api, looks from a node", grant: with("api", true), args: []string{"node", "w1", "-n", hardNS, "--to", "svc/empty"}, code: 1, cause: noReady, rung: report.RungAPI, says: []string{"rbac --for node"}},
		{user: "hard-node-nodelete", has: "rbac --for node without delete pods", grant: with("node", true, "delete pods"), args: []string{"node", "w1", "-n", hardNS, "--to", "svc/empty"}, code: 1, cause: noReady, rung: report.RungAPI, says: []string{"delete pods", "rbac --for node"}},
		{user: "hard-node", has: "rbac --for node", grant: with("node", true), args: []string{"node", "w1", "-n", hardNS, "--to", "svc/empty"}, code: 1, cause: noReady, rung: report.RungProbe},
	}
	for _, c := range cases {
		t.Run(c.user, func(t *testing.T) { c.try(t) })
	}
	noNodePods(t)
}

func (c rightsCase) try(t *testing.T) {
	config := testcluster(t, "user", c.user)
	if c.grant != nil {
		kubectlApply(t, strings.ReplaceAll(c.grant(t), "USER", c.user))
	}
	before := ephemeralContainers(t, hardNS, "client")
	r := program(t, []string{"KUBECONFIG=" + config}, "kubectl", append(append([]string{"netlook"}, c.args...), "-o", "json")...)
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if r.code != c.code {
		add("status %d, want %d", r.code, c.code)
	}
	text := r.stdout + r.stderr
	for _, word := range c.says {
		if !strings.Contains(text, word) {
			add("does not say %q", word)
		}
	}
	came := "one line"
	var rep report.Report
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		if r.stdout != "" || c.rung != "" {
			add("no report: %.200q", r.stdout)
		}
		if line := strings.TrimSpace(r.stderr); strings.Contains(line, "\n") || !strings.HasPrefix(line, "error: ") {
			add("not one error line")
		}
	} else {
		came = "verdict of rung " + string(rep.Vantage.Rung)
		if rep.Summary.ExitCode == 0 {
			add("healthy")
		}
		if c.rung != "" && rep.Vantage.Rung != c.rung {
			add("rung %s, want %s", rep.Vantage.Rung, c.rung)
		}
		first := ""
		if len(rep.Verdict.Causes) > 0 {
			first = rep.Verdict.Causes[0].Code
			came += ": " + first
		}
		if first != c.cause {
			add("cause %q, want %q", first, c.cause)
		}
	}
	if c.rung == report.RungAPI {
		if after := ephemeralContainers(t, hardNS, "client"); after != before {
			add("left a container in the pod: %s, before %s", after, before)
		}
	}
	if len(problems) > 0 {
		problems = append(problems, "notices: "+notices(rep)+"; stderr: "+r.stderr)
	}
	survived(t, "user with: "+c.has, fmt.Sprintf("status %d, %s", r.code, came), problems...)
}
