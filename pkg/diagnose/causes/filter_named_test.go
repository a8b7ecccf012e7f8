package causes

import (
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// twoStopped are connections to two pods of node b that came to an end there, both of
// whose pings are answered; a rule there counts n packets meanwhile.
func twoStopped(d facts.Drop, n uint64, links ...facts.Link) *diagnose.Case {
	w := newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.2", "service.endpoint 10.2.0.3").fail(check.Timeout, 4, "service.vip").deep().
		left(true).tracks("b").tunnelled(false).rule("b", d)
	if links != nil {
		w.read("b", "node.bridge", check.Pass, "ports").kernel("node.bridge b", facts.Kernel{Links: links})
	}
	c := diagnose.NewCase(&w.facts, w.results)
	c.Moved = moved{"b": {d.Counter(): n}}
	return c
}

func counted(hook string, m facts.Match) facts.Drop {
	return facts.Drop{Family: "inet", Table: "guard", Chain: "c", Handle: 7, Hook: hook, Verdict: "drop", Packets: new(uint64), Match: &m}
}

// TestFilterDropNamesOne: a rule that is understood as a whole is the cause of what it names,
// and of nothing else.
func TestFilterDropNamesOne(t *testing.T) {
	const second = "service.endpoint 10.2.0.2:8080"
	one := facts.Match{Dst: "10.2.0.3/32", Protocol: "tcp"}
	more := one
	more.Others = []string{"limit"}
	for name, tt := range map[string]struct {
		match      facts.Match
		n          uint64
		says       string
		confidence diagnose.Confidence
		both       bool
	}{
		"one of two":              {one, 3, "drops what goes to 10.2.0.3:8080: ", diagnose.Certain, false},
		"it counted more":         {one, 9, "drops what goes to 10.2.0.3:8080: ", diagnose.Certain, false},
		"both":                    {facts.Match{Src: "10.1.0.0/24"}, 6, "what goes to 10.2.0.2:8080 and 10.2.0.3:8080", diagnose.Certain, true},
		"both, and counted fewer": {facts.Match{Src: "10.1.0.0/24"}, 5, "what goes to 10.2.0.2:8080 and 10.2.0.3:8080", diagnose.Likely, true},
		"understood in part":      {more, 6, "what goes to 10.2.0.2:8080 and 10.2.0.3:8080", diagnose.Certain, true},
	} {
		found := findFilterDrop(twoStopped(counted("forward", tt.match), tt.n))
		if len(found) != 1 {
			t.Errorf("%s: %d findings", name, len(found))
			continue
		}
		f := found[0]
		explains := slices.ContainsFunc(f.Explains, func(key string) bool { return strings.Contains(key, second) })
		if !strings.Contains(f.Headline, tt.says) || f.Confidence != tt.confidence || explains != tt.both {
			t.Errorf("%s: %s %q, explains %q", name, f.Confidence, f.Headline, f.Explains)
		}
	}
}

// TestFilterDropSecondFault: the one that a rule does not name is told as well.
func TestFilterDropSecondFault(t *testing.T) {
	v := Registry.Diagnose(twoStopped(counted("forward", facts.Match{Dst: "10.2.0.3/32", Protocol: "tcp"}), 9))
	if got := codes(v.Causes); !slices.Equal(got, []string{"NL-NODE-FILTER-DROP", "NL-SVC-ENDPOINT-DOWN"}) || len(v.Unexplained) > 0 {
		t.Errorf("%q, unexplained %q", got, v.Unexplained)
	}
}

// TestFilterDropNamesOneOfDark: what is silent beside the one that a rule names, a whole
// node, has another reason.
func TestFilterDropNamesOneOfDark(t *testing.T) {
	d := counted("prerouting", facts.Match{Dst: "10.2.0.3/32"})
	w := newWorld().farDark().deep().tunnelled(false).tracks("b").rule("b", d)
	c := diagnose.NewCase(&w.facts, w.results)
	c.Moved = moved{"b": {d.Counter(): 9}}
	found := findFilterDrop(c)
	if len(found) != 1 || slices.ContainsFunc(found[0].Explains, func(key string) bool { return strings.Contains(key, "10.2.0.2") }) {
		t.Errorf("%+v", found)
	}
}

// TestFilterDropProtocol: a rule that counts packets of another protocol, such as our own
// pings, has not stopped ours.
func TestFilterDropProtocol(t *testing.T) {
	for name, tt := range map[string]struct {
		match facts.Match
		want  bool
	}{
		"pings":                     {facts.Match{Protocol: "icmp"}, false},
		"pings, and something else": {facts.Match{Protocol: "icmp", Others: []string{"limit"}}, false},
		"TCP":                       {facts.Match{Protocol: "tcp"}, true},
		"what a tunnel is made of":  {facts.Match{Protocol: "udp"}, true},
		"another's datagrams":       {facts.Match{Protocol: "udp", Src: "10.9.0.0/24", Others: []string{"limit"}}, false},
	} {
		if found := findFilterDrop(twoStopped(counted("prerouting", tt.match), 9)); len(found) > 0 != tt.want {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// TestAnswersNamedBy: all that is understood of a rule has to fit the answers.
func TestAnswersNamedBy(t *testing.T) {
	w := newWorld().deep().tracks("b").flows("b", [2]string{"10.2.0.3:8080", "10.2.0.3:8080"}).answered("b")
	for _, r := range w.results {
		if r.TaskID == "node.flows b" {
			r.Kernel.Flows[0].State = "SYN_RECV"
		}
	}
	c := diagnose.NewCase(&w.facts, w.results)
	port := func(n uint16) facts.Ports { return facts.Ports{First: n, Last: n} }
	for name, tt := range map[string]struct {
		match facts.Match
		want  int
	}{
		"the sender":                {facts.Match{}, 1},
		"the sender and all else":   {facts.Match{Dst: "10.1.0.9/32", Protocol: "tcp", SrcPort: port(8080), Out: "flannel.1"}, 1},
		"to somebody else":          {facts.Match{Dst: "169.254.169.254/32"}, 0},
		"of another protocol":       {facts.Match{Protocol: "udp"}, 0},
		"of another port":           {facts.Match{Protocol: "tcp", SrcPort: port(8081)}, 0},
		"to another port":           {facts.Match{Protocol: "tcp", DstPort: port(25)}, 0},
		"by a device off their way": {facts.Match{Out: "lo"}, 0},
	} {
		tt.match.Src, tt.match.Others = "10.2.0.3/32", []string{"ct"}
		if got := answersNamedBy(c, "b", counted("forward", tt.match)); len(got) != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
