package causes

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestAnswersLost: the endpoint's node saw it answer, and the pod heard nothing.
func TestAnswersLost(t *testing.T) {
	lost := func(d *facts.Drop) *world {
		w := newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip").deep().
			tracks("a").tracks("b").flows("a", [2]string{"10.2.0.3:8080", "10.2.0.3:8080"}).flows("b", [2]string{"10.2.0.3:8080", "10.2.0.3:8080"})
		for _, r := range w.results {
			if r.TaskID == "node.flows b" {
				for i := range r.Kernel.Flows {
					r.Kernel.Flows[i].SeenReply, r.Kernel.Flows[i].State = true, "SYN_RECV"
				}
			}
		}
		if d != nil {
			w.rule("b", *d)
		}
		return w
	}
	rule := func(m facts.Match) *facts.Drop {
		return &facts.Drop{Family: "inet", Table: "guard", Chain: "c", Handle: 7, Hook: "forward", Verdict: "drop", Match: &m}
	}
	flags := []string{"payload"}
	for _, tt := range []struct {
		name               string
		rule               *facts.Drop
		causes, candidates []string
	}{
		{"a rule there asks for it as the sender, and for something else", rule(facts.Match{Src: "10.2.0.3/32", Others: flags}), []string{"NL-NODE-FILTER-DROP"}, nil},
		{"a rule there asks for a network, and for something else", rule(facts.Match{Src: "10.2.0.0/24", Others: flags}), nil, []string{"NL-NODE-FILTER-DROP", "NL-SVC-ENDPOINT-DOWN"}},
		{"no rule is known", nil, nil, []string{"NL-SVC-ENDPOINT-DOWN"}},
	} {
		w := lost(tt.rule)
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
			t.Errorf("%s: causes (-want +got):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.candidates, codes(v.Candidates)); diff != "" {
			t.Errorf("%s: candidates (-want +got):\n%s", tt.name, diff)
		}
	}
}
