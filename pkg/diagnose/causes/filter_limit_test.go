package causes

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// A rule with a limit lets some connections to a pod come about.
func TestLimits(t *testing.T) {
	partly := func() *world {
		return newWorld().loss("10.2.0.2", 0, 0).loss("10.2.0.3", 3, 12).fail(check.Timeout, 2, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip")
	}
	rule := func(others ...string) *world {
		d := facts.Drop{Family: "inet", Table: "guard", Chain: "c", Handle: 7, Hook: "forward", Verdict: "drop", Match: &facts.Match{Dst: "10.2.0.3/32", Protocol: "tcp", Others: others}}
		return partly().deep().flows("b", [2]string{"10.2.0.3:8080", ""}, [2]string{"10.2.0.3:8080", "10.2.0.3:8080"}).tracks("b").rule("b", d)
	}
	for _, tt := range []struct {
		name               string
		world              *world
		causes, candidates []string
	}{
		{"nobody looked", partly(), nil, []string{"NL-APP-BACKLOG", "NL-NODE-FILTER-DROP"}},
		{"a limit of connections a second", rule("payload", "limit"), []string{"NL-NODE-FILTER-DROP"}, nil},
		{"a limit of connections at once", rule("ct", "connlimit"), []string{"NL-NODE-FILTER-DROP"}, nil},
		{"what the rule asks for besides is not known", rule("payload"), nil, []string{"NL-APP-BACKLOG", "NL-NODE-FILTER-DROP"}},
	} {
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		candidates := codes(v.Candidates)
		slices.Sort(candidates)
		if diff := cmp.Diff([][]string{tt.causes, tt.candidates}, [][]string{codes(v.Causes), candidates}); diff != "" {
			t.Errorf("%s: causes, candidates (-want +got):\n%s\n%+v", tt.name, diff, v)
		}
	}
}
