package report

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// TestSameCause: a cause at another place is another, and one that a rollout has moved to
// other pods of the same is the same.
func TestSameCause(t *testing.T) {
	tests := map[string]struct {
		before, after string
		same          bool
	}{
		"amounts":                        {"1 of 4 endpoints of service shop/a never answers", "3 of 10 endpoints of service shop/a never answers", true},
		"times":                          {"pods on node w1 take at least 2.0 s to answer, others 800 ms", "pods on node w1 take at least 1m3s to answer, others 12µs", true},
		"a table's fill":                 {"the table of node w1 is nearly full: 95% (990/1000)", "the table of node w1 is nearly full: 99% (999/1000)", true},
		"another node":                   {"node w1 is not ready", "node w2 is not ready", false},
		"another node, of digits":        {"node 1 is not ready", "node 2 is not ready", false},
		"a node of a name made up":       {"node md-0-7d9f8b6c5-x2x4z is not ready", "node md-0-7d9f8b6c5-b9b8c is not ready", false},
		"another pair of nodes":          {"the overlay between nodes w1 and w2 loses everything", "the overlay between nodes w1 and w3 loses everything", false},
		"another pod of a StatefulSet":   {"the interface of pod/shop/web-0 may be down", "the interface of pod/shop/web-1 may be down", false},
		"a Deployment's pod, rolled out": {"the interface of pod/shop/web-7d9f8b6c5-x2x4z may be down", "the interface of pod/shop/web-5f6c7d8b9c-b9b8c may be down", true},
		"a DaemonSet's":                  {"pod shop/agent-x2x4z gets no network on node w1", "pod shop/agent-b9b8c gets no network on node w1", true},
		"a CronJob's":                    {"container a of pod/shop/job-28391234-x2x4z ends again and again: 3 restarts", "container a of pod/shop/job-28391235-b9b8c ends again and again: 40 restarts", true},
		"of another Deployment":          {"pod shop/web-7d9f8b6c5-x2x4z gets no network", "pod shop/api-7d9f8b6c5-x2x4z gets no network", false},
		"another port":                   {"service shop/web has no port 81; it has 80/TCP", "service shop/web has no port 82; it has 80/TCP", false},
		"another of several ports":       {"it listens on its loopback address only (port 80, 443)", "it listens on its loopback address only (port 80, 444)", false},
		"another service's address":      {"the API server answers, but not through its ClusterIP 10.96.0.1:443", "the API server answers, but not through its ClusterIP 10.96.0.2:443", false},
		"an address of nobody known":     {"203.0.113.7:80 never answers", "203.0.113.8:80 never answers", false},
		"a Deployment's pod's address":   {"10.0.0.1:80 never answers", "10.0.0.2:80 never answers", true},
		"at another port":                {"10.0.0.1:80 never answers", "10.0.0.2:81 never answers", false},
		"by IPv6":                        {"[fd00::1]:80 never answers", "[fd00::2]:80 never answers", true},
		"a StatefulSet's, come back":     {"10.0.1.1:80 never answers", "10.0.1.2:80 never answers", true},
		"another of a StatefulSet's":     {"10.0.1.1:80 never answers", "10.0.1.3:80 never answers", false},
		"told by the cause itself":       {"10.0.2.1:80 refuses", "10.0.2.2:80 refuses", true},
		"a pod's device":                 {"on node w1 veth1a2b3c4d on no bridge", "on node w1 vethdeadbeef on no bridge", true},
		"a node's":                       {"on node w1 flannel.1 is down", "on node w1 flannel.2 is down", false},
	}
	report := func(headline string) *Report {
		r := runOf()
		for addr, object := range map[string]string{
			"10.0.0.1:80": "pod/shop/web-7d9f8b6c5-x2x4z", "10.0.0.2:80": "pod/shop/web-5f6c7d8b9c-b9b8c", "[fd00::1]:80": "pod/shop/web-7d9f8b6c5-x2x4z", "[fd00::2]:80": "pod/shop/web-5f6c7d8b9c-b9b8c",
			"10.0.1.1:80": "pod/shop/db-0", "10.0.1.2:80": "pod/shop/db-0", "10.0.1.3:80": "pod/shop/db-1",
		} {
			r.Results = append(r.Results, check.Result{Check: "x.y", Status: check.Pass, Label: check.Label{Target: addr, Object: object}})
		}
		r.Verdict.Causes = []diagnose.Finding{{Code: "NL-A", Headline: headline, Where: []string{"10.0.2.1:80 = pod/shop/api-x2x4z on node w1", "10.0.2.2:80 = pod/shop/api-b9b8c on node w2"}}}
		return r
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var want, got []string
			if !tt.same {
				want = []string{"new " + tt.after, "gone " + tt.before}
			}
			for _, ch := range Compare(report(tt.before), report(tt.after)).Causes {
				got = append(got, fmt.Sprintf("%s %s", ch.Kind, ch.Headline))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
