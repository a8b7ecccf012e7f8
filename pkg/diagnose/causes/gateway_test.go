package causes

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// gatewayLost is a pod whose gateway answers no ARP: pods beside it answer, nothing beyond
// does.
func (w *world) gatewayLost() *world {
	return w.farDark().fail(check.Unreachable, 0, "gateway.icmp").
		fail(check.Timeout, -1, "api", "external", "service.vip", "dns.cluster 10.96.0.10", "dns.cluster resolv.conf")
}

// bridged looks at both nodes; the pod's default route leads to gateway, and its bridge on
// node a has the address and the hardware address given.
func (w *world) bridged(gateway, addr, mac string) *world {
	w.deep().bridge(true)
	for i := range w.results {
		switch r := &w.results[i]; r.Check {
		case "vantage.interface":
			r.Kernel.Routes = []facts.Route{{Family: "ipv4", Dst: "default", Gateway: gateway, Dev: "eth0"}}
		case "node.bridge":
			r.Kernel.Links = append(r.Kernel.Links, facts.Link{Index: 3, Name: "br0", Kind: "bridge", Addrs: []string{addr}, MAC: mac})
		}
	}
	return w
}

// neighbour is the entry of the pod's gateway, which does not tell whether it is there.
func (w *world) neighbour(entry string) *world {
	for i := range w.results {
		if r := &w.results[i]; r.Check == "gateway.icmp" {
			r.Status, r.Failure = check.Skipped, ""
			r.With("neighbour", "%s", entry)
		}
	}
	return w
}

func TestGatewayLost(t *testing.T) {
	for _, tt := range []struct {
		name       string
		world      *world
		causes     []string
		candidates []string
		open       bool // something is left unexplained
	}{
		{name: "from the pod", world: newWorld().gatewayLost(), candidates: []string{"NL-NODE-ROUTE-MISSING", "NL-POD-GATEWAY"}},
		{
			name:       "no pod beside it answers either",
			world:      newWorld().gatewayLost().fail(check.Timeout, -1, "service.endpoint", "target.icmp", "dns.cluster").fail(check.Timeout, -1, "path.mtu"),
			candidates: []string{"NL-NODE-BRIDGE-DOWN", "NL-POD-VETH-DETACHED"},
		},
		{
			name:   "another network's gateway: somebody beyond answers",
			world:  newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip").fail(check.Unreachable, 0, "gateway.icmp"),
			causes: []string{"NL-SVC-ENDPOINT-DOWN"}, open: true,
		},
		{
			name: "another gateway than the bridge", causes: []string{"NL-POD-GATEWAY"},
			world: newWorld().gatewayLost().bridged("10.1.0.250", "10.1.0.1/24", "0a:00:00:00:00:01"),
		},
		{
			name: "an entry written by hand, which no interface of the node is", causes: []string{"NL-POD-GATEWAY"},
			world: newWorld().gatewayLost().neighbour("02:00:00:00:00:09 permanent").bridged("10.1.0.1", "10.1.0.1/24", "0a:00:00:00:00:01"),
		},
		{
			name: "an entry written by hand, of the bridge: the tunnel is to blame", causes: []string{"NL-OVERLAY-BLOCKED"}, open: true,
			world: newWorld().gatewayLost().neighbour("0A:00:00:00:00:01 permanent").bridged("10.1.0.1", "10.1.0.1/24", "0a:00:00:00:00:01"),
		},
		{
			name:  "a warning of a gateway that ignores pings is none",
			world: newWorld().farDark().said("gateway.icmp", client, check.Warn, check.Unreachable, "silent"),
			candidates: []string{
				"NL-NODE-BRIDGE-DOWN", "NL-NODE-CONNTRACK-FULL", "NL-NODE-FILTER-DROP", "NL-NODE-IP-FORWARD", "NL-NODE-ROUTE-MISSING",
				"NL-NODE-RP-FILTER", "NL-OVERLAY-BLOCKED", "NL-OVERLAY-CHECKSUM", "NL-OVERLAY-FDB", "NL-OVERLAY-NEIGH",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
				t.Errorf("causes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.candidates, codes(v.Candidates)); diff != "" {
				t.Errorf("candidates (-want +got):\n%s", diff)
			}
			if len(v.Unexplained) != 0 && !tt.open {
				t.Errorf("unexplained: %q", v.Unexplained)
			}
		})
	}
}
