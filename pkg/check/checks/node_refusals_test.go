package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestRefusals: routes that refuse a part of a pod CIDR are told, and are no fault by
// themselves.
func TestRefusals(t *testing.T) {
	p, _ := params(t, "node.routes", clusterOf(plainNode("w1", "10.244.1.0/24", "192.0.2.1"), plainNode("w2", "10.244.2.0/24", "192.0.2.2"), plainNode("w3", "10.244.3.0/24", "192.0.2.3")))
	var k facts.Kernel
	for _, peer := range p.Peers {
		for _, cidr := range peer.PodCIDRs {
			k.Routes = append(k.Routes, facts.Route{Dst: cidr.String(), Gateway: "192.0.2.9", Dev: "eth0", Type: "unicast"})
		}
	}
	healthy := judgeRoutes(p, k)
	k.Routes = append(k.Routes,
		facts.Route{Dst: "10.244.2.7/32", Type: "blackhole", Table: 254}, facts.Route{Dst: "10.244.3.0/28", Type: "unreachable"},
		facts.Route{Dst: "10.244.2.8/32", Type: "unicast"}, facts.Route{Dst: "10.244.2.9/32", Type: "blackhole", Table: 100}, facts.Route{Dst: "192.0.2.0/24", Type: "blackhole"})
	r := judgeRoutes(p, k)
	var told []string
	for _, e := range r.Evidence {
		if e.Key == "refuses" {
			told = append(told, e.Value)
		}
	}
	if diff := cmp.Diff([]string{"blackhole 10.244.2.7/32", "unreachable 10.244.3.0/28"}, told); diff != "" || r.Status != check.Pass || r.Status != healthy.Status {
		t.Errorf("%s, before %s: %s", r.Status, healthy.Status, diff)
	}
}
