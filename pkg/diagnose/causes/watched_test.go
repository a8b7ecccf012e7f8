package causes

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// tunnelsFrom says who sent flows into the tunnel that ends at a node, whose flows were
// looked up.
func (w *world) tunnelsFrom(node string, from map[string]int) *world {
	for _, r := range w.results {
		if r.TaskID == "node.flows "+node {
			r.Kernel.Tunnelled = from
		}
	}
	return w
}

// TestOverlayTunnelled: a busy tunnel's counters do not tell whether ours arrive; who
// sent into it does.
func TestOverlayTunnelled(t *testing.T) {
	const a, others = "192.168.0.1", "192.168.0.7"
	dark := func(from map[string]int) *world {
		return newWorld().farDark().deep().tunnelled(false).tunnelsFrom("b", from)
	}
	for _, tt := range []struct {
		name  string
		world *world
		cause string // its confidence, "" for none
		says  string
	}{
		{"not known", dark(nil), "possible", "whose tunnel received 90 meanwhile"},
		{"ours among them", dark(map[string]int{a: 6, others: 40}), "", ""},
		{"too few to be ours", dark(map[string]int{a: 2, others: 40}), "possible", ""},
		{"others' alone", dark(map[string]int{others: 40}), "likely", "has 40 flows from other nodes into the tunnel, and none from there"},
		{"nobody's, where nothing may be tracked", dark(map[string]int{}), "possible", ""},
		{"from the tunnel's own address", dark(map[string]int{"172.16.0.1": 6}).read("a", "node.bridge", check.Pass, "").
			kernel("node.bridge a", facts.Kernel{Links: []facts.Link{{Name: "flannel.1", Kind: "vxlan", VXLAN: &facts.VXLAN{Local: "172.16.0.1"}}}}), "", ""},
	} {
		c := diagnose.NewCase(&tt.world.facts, tt.world.results)
		c.Moved = moved{"a": {"dev.flannel.1.txPackets": 12}, "b": {"dev.flannel.1.rxPackets": 90}}
		got, evidence := "", ""
		if found := findOverlayBlocked(c); len(found) > 0 {
			got, evidence = found[0].Confidence.String(), strings.Join(found[0].Evidence, "\n")
		}
		if got != tt.cause || !strings.Contains(evidence, tt.says) {
			t.Errorf("%s: %q, want %q\n%s", tt.name, got, tt.cause, evidence)
		}
	}
	// The answers, which were seen to be sent, and come out of the tunnel.
	back := newWorld().farDark().deep().tunnelled(true).answered("b").left(true).tunnelsFrom("a", map[string]int{"192.168.0.2": 6})
	c := diagnose.NewCase(&back.facts, back.results)
	c.Moved = moved{"b": {"dev.flannel.1.txPackets": 12}, "a": {}}
	if found := findOverlayBlocked(c); len(found) > 0 {
		t.Errorf("answers that arrive: %+v", found)
	}
}
