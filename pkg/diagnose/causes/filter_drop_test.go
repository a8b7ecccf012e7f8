package causes

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestFilterDropNames: what a rule asks of a packet, where it counts nothing.
func TestFilterDropNames(t *testing.T) {
	// One endpoint on node b, or one on node a, does not answer; nothing of it is tracked.
	far := func(d facts.Drop) *world {
		return newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip").deep().
			tracks("a").tracks("b").flows("a", [2]string{"10.2.0.3:8080", "10.2.0.3:8080"}).flows("b", [2]string{"10.2.0.3:8080"}).rule("b", d)
	}
	near := func(d facts.Drop) *world {
		return newWorld().fail(check.Timeout, -1, "service.endpoint 10.1.0.2").fail(check.Timeout, 2, "service.vip").deep().
			tracks("a").flows("a", [2]string{"10.1.0.2:8080"}, [2]string{"10.96.0.80:80"}, [2]string{"10.2.0.2:8080", "10.2.0.2:8080"}).rule("a", d)
	}
	netdev := func(m *facts.Match) facts.Drop {
		return facts.Drop{Family: "netdev", Table: "guard", Chain: "i", Handle: 3, Hook: "ingress", Verdict: "drop", Match: m}
	}
	bridge := func(hook string, m *facts.Match) facts.Drop {
		return facts.Drop{Family: "bridge", Table: "guard", Chain: "f", Handle: 2, Hook: hook, Verdict: "drop", Match: m}
	}
	web := &facts.Match{In: "flannel.1", Dst: "10.2.0.3/32", Protocol: "tcp", DstPort: facts.Ports{First: 8080, Last: 8080}}
	local := &facts.Match{Dst: "10.1.0.2/32", Protocol: "tcp"}
	with := func(m facts.Match, others ...string) *facts.Match { m.Others = others; return &m }
	for _, tt := range []struct {
		name  string
		world *world
		cause string
		says  string
	}{
		{"a device's ingress", far(netdev(web)), "NL-NODE-FILTER-DROP", "asks for what fails: iifname flannel.1 ip daddr 10.2.0.3/32 tcp dport 8080"},
		{"the answers of the pod", far(netdev(&facts.Match{Src: "10.2.0.3/32"})), "NL-NODE-FILTER-DROP", "ip saddr 10.2.0.3/32"},
		{"the client's network", far(netdev(&facts.Match{Src: "10.1.0.0/24"})), "NL-NODE-FILTER-DROP", "ip saddr 10.1.0.0/24"},
		{"another port", far(netdev(&facts.Match{Dst: "10.2.0.3/32", DstPort: facts.Ports{First: 25, Last: 25}})), "NL-SVC-ENDPOINT-DOWN", ""},
		{"another pod", far(netdev(&facts.Match{Dst: "10.2.0.2/32"})), "NL-SVC-ENDPOINT-DOWN", ""},
		{"something that is not understood as well", far(netdev(with(*web, "limit"))), "NL-SVC-ENDPOINT-DOWN", ""},
		{"anything", far(netdev(&facts.Match{})), "NL-SVC-ENDPOINT-DOWN", ""},
		{"no chain leads to it", far(facts.Drop{Family: "inet", Table: "guard", Chain: "c", Handle: 1, Verdict: "drop", Match: web}), "NL-SVC-ENDPOINT-DOWN", ""},
		{"a bridge's forward", near(bridge("forward", local)), "NL-NODE-FILTER-DROP", "ip daddr 10.1.0.2/32 meta l4proto tcp"},
		{"a bridge's output", near(bridge("output", local)), "NL-NODE-FILTER-DROP", "reached from output"},
		{"a bridge's, for another", near(bridge("forward", &facts.Match{Dst: "10.1.0.77/32"})), "NL-SVC-ENDPOINT-DOWN", ""},
		{"nobody looked", newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip"), "NL-SVC-ENDPOINT-DOWN", ""},
		{"all is well", newWorld().deep().tracks("b").rule("b", netdev(web)), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			code, evidence := "", ""
			if len(v.Causes) > 0 {
				code, evidence = v.Causes[0].Code, strings.Join(v.Causes[0].Evidence, "\n")
				if v.Causes[0].Confidence != diagnose.Likely {
					t.Errorf("%s", v.Causes[0].Confidence)
				}
			}
			if code != tt.cause || !strings.Contains(evidence, tt.says) || len(v.Causes) > 1 || len(v.Unexplained) > 0 {
				t.Errorf("causes %q, unexplained %q, want %s\n%s", codes(v.Causes), v.Unexplained, tt.cause, evidence)
			}
		})
	}
}

// TestFilterDropService: a service's connections may end at a rule for one endpoint.
func TestFilterDropService(t *testing.T) {
	for port, want := range map[uint16]int{8080: 1, 8081: 0} {
		w := newWorld().fail(check.Timeout, -1, "service.vip").deep().tracks("a").flows("a", [2]string{"10.96.0.80:80"}, [2]string{"10.96.0.80:443"})
		c := diagnose.NewCase(&w.facts, w.results)
		rule := facts.Drop{Hook: "forward", Match: &facts.Match{Dst: "10.2.0.2/32", DstPort: facts.Ports{First: port, Last: port}}}
		if got, ends := namedBy(c, "a", rule, stoppedAt(c, "a", false)); len(got) != want || want > 0 && (got[0].Port() != 80 || ends[0].String() != "10.2.0.2:8080") {
			t.Errorf("port %d: %v, %v, want %d", port, got, ends, want)
		}
	}
}

// TestFilterDropForOthers: a rule that drops others' packets meanwhile is not the cause,
// unless what it asks for may be the tunnel that carries ours.
func TestFilterDropForOthers(t *testing.T) {
	port := func(n uint16) facts.Ports { return facts.Ports{First: n, Last: n} }
	for name, tt := range map[string]struct {
		match *facts.Match
		want  bool
	}{
		"not known":                 {nil, true},
		"ours":                      {&facts.Match{Src: "10.1.0.0/24"}, true},
		"ours, and more":            {&facts.Match{Src: "10.9.0.0/24", Others: []string{"lookup"}}, true},
		"anything":                  {&facts.Match{Protocol: "tcp"}, true},
		"another network":           {&facts.Match{Src: "10.9.0.0/24"}, false},
		"another port":              {&facts.Match{Protocol: "tcp", DstPort: port(25)}, false},
		"what the tunnel is sent":   {&facts.Match{Protocol: "udp", DstPort: port(8472)}, true},
		"what the other node sends": {&facts.Match{Src: "192.168.0.1/32"}, true},
		"what a third node sends":   {&facts.Match{Src: "192.168.0.99/32"}, false},
	} {
		d := facts.Drop{Family: "ip", Table: "guard", Chain: "c", Handle: 4, Hook: "prerouting", Verdict: "drop", Packets: new(uint64), Match: tt.match}
		w := newWorld().farDark().deep().tunnelled(false).tracks("b").rule("b", d)
		c := diagnose.NewCase(&w.facts, w.results)
		c.Moved = moved{"a": {"dev.flannel.1.txPackets": 12}, "b": {"dev.flannel.1.rxPackets": 12, d.Counter(): 9}}
		if got := len(findFilterDrop(c)) > 0; got != tt.want {
			t.Errorf("%s: found %t", name, got)
		}
	}
	// What goes to a node's own address may have been sent on to any other.
	w := newWorld().deep()
	c := diagnose.NewCase(&w.facts, w.results)
	rule := facts.Drop{Hook: "forward", Match: &facts.Match{Dst: "10.9.0.1/32", Protocol: "tcp"}}
	for at, want := range map[string]bool{"192.168.0.2:30080": false, "10.2.0.2:8080": true, "10.96.0.80:80": true, "203.0.113.1:443": false} {
		if got := forOthers(c, "b", rule, []netip.AddrPort{netip.MustParseAddrPort(at)}, nil); got != want {
			t.Errorf("%s: %t", at, got)
		}
	}
}

// TestFilterReject: refused at times and silent at others.
func TestFilterReject(t *testing.T) {
	for name, tt := range map[string]struct {
		world *world
		want  bool
	}{
		"both":            {newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Refused, 1, "service.endpoint 10.2.0.3"), true},
		"refused alone":   {newWorld().fail(check.Refused, -1, "service.endpoint 10.2.0.3"), false},
		"silent alone":    {newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3"), false},
		"answered once":   {newWorld().fail(check.Timeout, 2, "service.endpoint 10.2.0.3").fail(check.Refused, 1, "service.endpoint 10.2.0.3"), false},
		"the nodes asked": {newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Refused, 1, "service.endpoint 10.2.0.3").deep(), false},
	} {
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		if got := slices.Contains(codes(v.Candidates), "NL-NODE-FILTER-DROP"); got != tt.want || got && len(v.Causes)+len(v.Unexplained) > 0 {
			t.Errorf("%s: causes %q, candidates %q, unexplained %q", name, codes(v.Causes), codes(v.Candidates), v.Unexplained)
		}
	}
}

// TestFilterDropLegacy: what counts, and what is to be typed.
func TestFilterDropLegacy(t *testing.T) {
	rule := facts.Drop{Family: "ip", Table: "filter", Chain: "FORWARD", Legacy: true, Rule: "-s 10.1.0.0/24 -j DROP", Hook: "forward", Verdict: "drop",
		Packets: new(uint64), Match: &facts.Match{Src: "10.1.0.0/24"}}
	partly := rule
	partly.Rule, partly.Match = "-s 10.1.0.0/24 -m set -j DROP", &facts.Match{Src: "10.1.0.0/24", Others: []string{"-m set"}}
	hostile, cut := rule, rule
	hostile.Rule, cut.Rule = `-s 10.1.0.0/24 -m comment --comment "$(reboot)" -j DROP`, "-s 10.1.0.0/24 -m com... -j DROP"
	policy := facts.Drop{Family: "ip", Table: "filter", Chain: "FORWARD", Legacy: true, Policy: true, Hook: "forward", Verdict: "drop", Packets: new(uint64)}
	const list, remove = "iptables-legacy -t filter -nvL FORWARD   (on node b)", "iptables-legacy -t filter -D FORWARD -s 10.1.0.0/24 -j DROP   (on node b, once you know whose it is)"
	for name, tt := range map[string]struct {
		rule facts.Drop
		try  []string
	}{
		"a rule":                            {rule, []string{list, remove}},
		"a rule that is known in part only": {partly, []string{list}},
		"a text that a shell would run":     {hostile, []string{list}},
		"a text that is too long":           {cut, []string{list}},
		"a policy":                          {policy, []string{"iptables-legacy -t filter -nvL FORWARD   (on node b)"}},
	} {
		w := newWorld().farDark().deep().tunnelled(false).tracks("b").rule("b", tt.rule)
		c := diagnose.NewCase(&w.facts, w.results)
		c.Moved = moved{"a": {"dev.flannel.1.txPackets": 12}, "b": {"dev.flannel.1.rxPackets": 12, tt.rule.Counter(): 9}}
		v := Registry.Diagnose(c)
		if len(v.Causes) != 1 || len(v.Candidates)+len(v.Unexplained) > 0 {
			t.Errorf("%s: %q, candidates %q", name, codes(v.Causes), codes(v.Candidates))
			continue
		}
		f := v.Causes[0]
		if f.Code != "NL-NODE-FILTER-DROP" || f.Confidence != diagnose.Certain || !slices.Equal(f.Try, tt.try) || !strings.Contains(strings.Join(f.Evidence, "\n"), "it is a rule of "+tt.rule.Tool()) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
