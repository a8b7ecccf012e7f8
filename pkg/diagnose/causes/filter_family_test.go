package causes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// stopped is an endpoint whose connections over IPv4 end on node b, where a rule's counter
// grew meanwhile.
func stoppedBy(d facts.Drop) *diagnose.Case {
	w := newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip").deep().
		tracks("a").tracks("b").flows("a", [2]string{"10.2.0.3:8080", "10.2.0.3:8080"}).flows("b", [2]string{"10.2.0.3:8080"}).rule("b", d)
	c := diagnose.NewCase(&w.facts, w.results)
	c.Moved = moved{"b": {d.Counter(): 9}}
	return c
}

// TestFilterDropFamily: what is dropped of one family meanwhile is nothing of the other.
func TestFilterDropFamily(t *testing.T) {
	rule := func(family, protocol string, m *facts.Match) facts.Drop {
		if m != nil {
			m.Protocol = protocol
		}
		return facts.Drop{Family: family, Table: "guard", Chain: "c", Handle: 7, Hook: "forward", Verdict: "drop", Packets: new(uint64), Match: m, Policy: m == nil}
	}
	for _, tt := range []struct {
		name string
		rule facts.Drop
		want []string
	}{
		{"of both", rule("inet", "", &facts.Match{}), []string{"NL-NODE-FILTER-DROP"}},
		{"of theirs", rule("ip", "", &facts.Match{}), []string{"NL-NODE-FILTER-DROP"}},
		{"a policy of theirs", rule("ip", "", nil), []string{"NL-NODE-FILTER-DROP"}},
		{"of the other", rule("ip6", "", &facts.Match{}), []string{"NL-SVC-ENDPOINT-DOWN"}},
		{"a policy of the other", rule("ip6", "", nil), []string{"NL-SVC-ENDPOINT-DOWN"}},
		{"of the other, in a table of both", rule("inet", "", &facts.Match{Family: "ip6"}), []string{"NL-SVC-ENDPOINT-DOWN"}},
		{"of another protocol", rule("inet", "icmp", &facts.Match{}), []string{"NL-SVC-ENDPOINT-DOWN"}},
	} {
		v := Registry.Diagnose(stoppedBy(tt.rule))
		if diff := cmp.Diff(tt.want, codes(v.Causes)); diff != "" {
			t.Errorf("%s: causes (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestFilterNamesAreNoCommands: whoever wrote the tables, or a probe that lies, chose these.
func TestFilterNamesAreNoCommands(t *testing.T) {
	for _, d := range []facts.Drop{
		{Family: "inet", Table: "$(reboot)", Chain: "c"}, {Family: "inet;reboot", Table: "guard", Chain: "c"}, {Family: "inet", Table: "guard", Chain: "`reboot`"},
	} {
		for _, counted := range []bool{true, false} {
			d.Handle, d.Hook, d.Verdict, d.Match = 7, "forward", "drop", &facts.Match{}
			if counted {
				d.Packets = new(uint64)
			}
			for _, f := range Registry.Diagnose(stoppedBy(d)).Causes {
				if text := strings.Join(f.Try, "\n"); strings.Contains(text, "reboot") {
					t.Errorf("to be typed: %s", text)
				}
			}
		}
	}
}
