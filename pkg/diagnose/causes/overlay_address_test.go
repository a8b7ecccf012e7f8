package causes

import (
	"slices"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// announces sets what flannel announces of nodes a and b.
func (w *world) announces(addrs ...string) *world {
	for i, text := range addrs {
		w.facts.Nodes[i].Flannel = &facts.FlannelLease{BackendType: "vxlan", PublicIP: addr(text)}
	}
	return w
}

// has gives node b an interface with an address.
func (w *world) has(prefix string) *world {
	return w.deep().read("b", "node.bridge", check.Pass, "fine").kernel("node.bridge b", facts.Kernel{Links: []facts.Link{{Name: "eth1", Addrs: []string{prefix}}}})
}

func (w *world) overwritten() *world {
	w.facts.Nodes[1].Flannel.Overwritten = true
	return w
}

func (w *world) gone(node int) *world {
	w.facts.Nodes[node].Ready = false
	return w
}

// third is a node whose pod answers the vantage pod.
func (w *world) third() *world {
	w.node("c", 3)
	s := &w.facts.Services[0]
	s.Endpoints = append(s.Endpoints, facts.Endpoint{Addr: addr("10.3.0.2"), Node: "c", Ready: true, Pod: &facts.Ref{Namespace: "shop", Name: "web-3"}, Ports: []facts.EndpointPort{{Protocol: facts.TCP, Port: 8080}}})
	w.add("service.endpoint", "service", "10.3.0.2:8080", "pod/shop/web-3", "service/shop/web", 3)
	return w
}

func TestOverlayAddress(t *testing.T) {
	const code = "NL-OVERLAY-ADDRESS"
	for _, tt := range []struct {
		name             string
		world            *world
		cause, candidate bool
	}{
		{name: "another's, and nothing is dark", world: newWorld().announces("192.168.0.1", "192.168.0.99")},
		{name: "its own", world: newWorld().farDark().announces("192.168.0.1", "192.168.0.2")},
		{name: "none that the API shows", world: newWorld().farDark().announces("192.168.0.1", "192.168.0.99"), candidate: true},
		{name: "none that it has", world: newWorld().farDark().announces("192.168.0.1", "192.168.0.99").has("192.168.7.2/24"), cause: true},
		{name: "one that the API does not show", world: newWorld().farDark().announces("192.168.0.1", "10.0.0.2").has("10.0.0.2/24")},
		{name: "behind NAT, as an administrator says", world: newWorld().farDark().announces("192.168.0.1", "192.168.0.99").overwritten().has("192.168.7.2/24")},
		{name: "a third node reaches it", world: newWorld().farDark().announces("192.168.0.99", "192.168.0.2").third().has("192.168.7.2/24")},
		{name: "the other is gone", world: newWorld().farDark().announces("10.0.2.15", "10.0.2.15").gone(0), candidate: true},
		{name: "both the same", world: newWorld().farDark().announces("10.0.2.15", "10.0.2.15"), cause: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if got := slices.Contains(codes(v.Causes), code); got != tt.cause {
				t.Errorf("causes: %v", codes(v.Causes))
			}
			if got := slices.Contains(codes(v.Candidates), code); got != tt.candidate {
				t.Errorf("candidates: %v", codes(v.Candidates))
			}
		})
	}
}
