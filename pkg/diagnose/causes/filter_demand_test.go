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

// TestFilterDropDemands: what a rule asks sets for, where it counts nothing. One endpoint on
// node b does not answer; nothing of it is tracked.
func TestFilterDropDemands(t *testing.T) {
	of := func(names ...string) []string { return names }
	established := facts.Match{Demands: []facts.Demand{{Of: of("state"), Among: of("established")}}}
	about := []netip.Addr{netip.MustParseAddr("10.1.0.9"), netip.MustParseAddr("10.2.0.3")}
	not := func(of, among string) facts.Demand {
		return facts.Demand{Of: []string{of}, Not: true, Among: []string{among}}
	}
	for name, tt := range map[string]struct {
		match facts.Match
		lets  []facts.Match
		only  bool
		want  string
	}{
		"a blocklist with it":            {match: facts.Match{Demands: []facts.Demand{{Of: of("daddr"), Among: of("10.2.0.3/32"), Set: "blocked", Left: 2000, About: about}}}, want: "ip daddr @blocked { 10.2.0.3/32, and 2000 more }"},
		"a blocklist without it":         {match: facts.Match{Demands: []facts.Demand{{Of: of("daddr"), Left: 2000, About: about}}}},
		"a blocklist that was not asked": {match: facts.Match{Demands: []facts.Demand{{Of: of("daddr"), Left: 2000, About: about[:1]}}}},
		"a pair":                         {match: facts.Match{Demands: []facts.Demand{{Of: of("daddr", "dport"), Among: of("10.2.0.3/32 . 8080")}}}, want: "10.2.0.3/32 . 8080"},
		"another pair":                   {match: facts.Match{Demands: []facts.Demand{{Of: of("daddr", "dport"), Among: of("10.2.0.3/32 . 80", "10.2.0.2/32 . 8080")}}}},
		"an allow-list":                  {match: facts.Match{Demands: []facts.Demand{not("saddr", "10.2.0.0/24")}}, want: "ip saddr != 10.2.0.0/24"},
		"an allow-list that has ours":    {match: facts.Match{Demands: []facts.Demand{not("saddr", "10.1.0.0/24")}}},
		"new connections to it":          {match: facts.Match{Dst: "10.2.0.3/32", Demands: []facts.Demand{{Of: of("state"), Among: of("new")}}}, want: "ct state new"},
		"strange ones":                   {match: facts.Match{Demands: []facts.Demand{{Of: of("state"), Among: of("invalid")}}}},
		"what is not new":                {match: facts.Match{Dst: "10.2.0.3/32", Demands: []facts.Demand{{Of: of("state"), Among: of("established")}}}},
		"what opens connections":         {match: facts.Match{Dst: "10.2.0.3/32", Demands: []facts.Demand{{Of: of("flags"), Among: of("syn / fin,syn,rst,ack")}}}, want: "tcp flags syn / fin,syn,rst,ack"},
		"answers":                        {match: facts.Match{Dst: "10.2.0.3/32", Demands: []facts.Demand{{Of: of("flags"), Among: of("syn,ack / syn,ack")}}}},
		"others are let pass before":     {match: facts.Match{Dst: "10.2.0.3/32"}, lets: []facts.Match{{Src: "10.3.0.0/24"}, {Protocol: "udp"}}, want: "ip daddr 10.2.0.3/32"},
		"it is let pass before":          {match: facts.Match{Dst: "10.2.0.3/32"}, lets: []facts.Match{{Src: "10.3.0.0/24"}, {Src: "10.1.0.0/24", DstPort: facts.Ports{First: 8080, Last: 8080}}}},
		"answers are let pass before":    {match: facts.Match{Demands: []facts.Demand{not("saddr", "10.2.0.0/24")}}, lets: []facts.Match{{Demands: []facts.Demand{{Of: of("state"), Among: of("established")}}}}, want: "ip saddr != 10.2.0.0/24"},
		"what is left":                   {lets: []facts.Match{established, {Src: "10.3.0.0/24"}, {In: "lo"}}, only: true, want: "takes all that does not pass before it, and of that nothing is what fails: ct state established; ip saddr 10.3.0.0/24; iifname lo"},
		"what is left, with ours let":    {lets: []facts.Match{established, {Src: "10.1.0.0/24"}}, only: true},
		"what is left of more":           {lets: []facts.Match{established, {Src: "10.3.0.0/24"}}},
		"what is left of strange ones":   {lets: []facts.Match{{Demands: []facts.Demand{{Of: of("state"), Among: of("invalid")}}}}, only: true},
		"what is left by a device":       {lets: []facts.Match{established, {In: "flannel.1"}}, only: true},
		"what is left of pings at times": {lets: []facts.Match{established, {Protocol: "icmp", Others: []string{"limit"}}}, only: true, want: "meta l4proto icmp and more: limit"},
		"what is left of a mark":         {lets: []facts.Match{established, {Others: []string{"meta"}}}, only: true},
		"nothing passes":                 {only: true},
		"datagrams that are left":        {match: facts.Match{Protocol: "udp"}, lets: []facts.Match{established}, only: true},
	} {
		d := facts.Drop{Family: "inet", Table: "guard", Chain: "f", Handle: 3, Hook: "forward", Verdict: "drop", Match: &tt.match, Lets: tt.lets, Only: tt.only}
		w := newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip").deep().
			tracks("a").tracks("b").flows("a", [2]string{"10.2.0.3:8080", "10.2.0.3:8080"}).flows("b", [2]string{"10.2.0.3:8080"}).rule("b", d)
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		want := "NL-SVC-ENDPOINT-DOWN"
		if tt.want != "" {
			want = "NL-NODE-FILTER-DROP"
		}
		if got := codes(v.Causes); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q, want %s", name, got, want)
			continue
		}
		if evidence := strings.Join(v.Causes[0].Evidence, "\n"); tt.want != "" && (!strings.Contains(evidence, tt.want) || v.Causes[0].Confidence != diagnose.Likely) {
			t.Errorf("%s: %s, %s", name, v.Causes[0].Confidence, evidence)
		}
	}
}

// TestFilterDropDemandsForOthers: what a rule dropped meanwhile is not ours where the sets
// that it asks do not have us, and that is known.
func TestFilterDropDemandsForOthers(t *testing.T) {
	of := func(names ...string) []string { return names }
	ours := []netip.Addr{netip.MustParseAddr("10.1.0.9"), netip.MustParseAddr("10.2.0.2"), netip.MustParseAddr("10.2.0.3"), netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("192.168.0.2")}
	for name, tt := range map[string]struct {
		demand facts.Demand
		want   bool
	}{
		"a blocklist without us":         {facts.Demand{Of: of("daddr"), Left: 2000, About: ours}, false},
		"a blocklist that was not asked": {facts.Demand{Of: of("daddr"), Left: 2000}, true},
		"a small one without us":         {facts.Demand{Of: of("daddr"), Among: of("198.51.100.1/32", "198.51.100.2/32")}, false},
		"one with us":                    {facts.Demand{Of: of("daddr"), Among: of("10.2.0.0/24")}, true},
		"one with the other node":        {facts.Demand{Of: of("saddr"), Among: of("192.168.0.1/32")}, true},
		"an allow-list that has neither": {facts.Demand{Of: of("saddr"), Not: true, Among: of("198.51.100.0/24")}, true},
		"strange packets":                {facts.Demand{Of: of("state"), Among: of("invalid")}, true},
	} {
		d := facts.Drop{Family: "ip", Table: "guard", Chain: "c", Handle: 4, Hook: "prerouting", Verdict: "drop", Packets: new(uint64), Match: &facts.Match{Demands: []facts.Demand{tt.demand}}}
		w := newWorld().farDark().deep().tunnelled(false).tracks("b").rule("b", d)
		c := diagnose.NewCase(&w.facts, w.results)
		c.Moved = moved{"a": {"dev.flannel.1.txPackets": 12}, "b": {"dev.flannel.1.rxPackets": 12, d.Counter(): 9}}
		if got := len(findFilterDrop(c)) > 0; got != tt.want {
			t.Errorf("%s: found %t", name, got)
		}
	}
}
