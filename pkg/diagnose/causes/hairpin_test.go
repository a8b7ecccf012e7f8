package causes

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// itself is the vantage pod as the only endpoint of the service, with its node port at
// both nodes.
func itself() *world {
	w := newWorld()
	w.facts.Services[0].Endpoints = w.facts.Services[0].Endpoints[:1]
	w.facts.Services[0].Endpoints[0].Addr = w.facts.Vantage.Pod.IPs[0]
	w.facts.Entrances = w.facts.Nodes
	var kept []check.Result
	for _, r := range w.results {
		if addr, ok := diagnose.TargetAddr(r); !ok || r.Subject != "service/shop/web" || addr == netip.MustParseAddr("10.96.0.80") {
			kept = append(kept, r)
		}
	}
	w.results = kept
	w.add("service.endpoint", "service", "10.1.0.9:8080", client, "service/shop/web", 3)
	w.add("service.nodeport", "service", "192.168.0.1:30080", "node/a", "service/shop/web", 3)
	w.add("service.nodeport", "service", "192.168.0.2:30080", "node/b", "service/shop/web", 3)
	return w
}

// hairpinOff lets the pod's node be read: the bridge port has hairpin mode off.
func (w *world) hairpinOff() *world {
	off := false
	for i := range w.results {
		if w.results[i].Check == "vantage.interface" {
			w.results[i].Kernel = &facts.Kernel{Links: []facts.Link{{Name: "eth0", Kind: "veth", PeerIndex: 7}}}
		}
	}
	w.read("a", "node.bridge", check.Pass, "fine")
	w.results[len(w.results)-1].Kernel = &facts.Kernel{Links: []facts.Link{{Name: "veth1", Index: 7, Master: "cni0", Hairpin: &off}}}
	return w
}

func TestHairpinByNodePort(t *testing.T) {
	for _, tt := range []struct {
		name               string
		world              *world
		causes, candidates []string
	}{
		{name: "all well", world: itself()},
		{name: "not by its ClusterIP, nor by its own node", candidates: []string{"NL-SVC-PROXY-STALE", "NL-SVC-HAIRPIN", "NL-SVC-VIP-DROPPED"},
			world: itself().fail(check.Timeout, -1, "service.vip", "service.nodeport 192.168.0.1")},
		{name: "the same, with the node read", causes: []string{"NL-SVC-HAIRPIN"},
			world: itself().fail(check.Timeout, -1, "service.vip", "service.nodeport 192.168.0.1").hairpinOff()},
		{name: "its own node's port alone is another matter", causes: []string{"NL-SVC-NODEPORT"},
			world: itself().fail(check.Timeout, -1, "service.nodeport 192.168.0.1")},
		{name: "so is another node's", causes: []string{"NL-SVC-HAIRPIN", "NL-SVC-NODEPORT"},
			world: itself().fail(check.Timeout, -1, "service.vip", "service.nodeport 192.168.0.2").hairpinOff()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
				t.Errorf("causes (-want +got):\n%s\n%+v", diff, v.Causes)
			}
			if diff := cmp.Diff(tt.candidates, codes(v.Candidates)); diff != "" {
				t.Errorf("candidates (-want +got):\n%s", diff)
			}
			if len(v.Unexplained) > 0 {
				t.Errorf("unexplained: %q", v.Unexplained)
			}
		})
	}
}
