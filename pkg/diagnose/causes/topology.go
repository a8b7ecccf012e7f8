package causes

import (
	"fmt"
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// keptTo says that topology keeps the clients of the vantage point's node, or zone, to
// endpoints that are dead: for them the service is down, however many others there are.
func keptTo(c *diagnose.Case, s *facts.Service, dead []check.Result) []string {
	node, zone := c.Facts.Home()
	if len(dead) == 0 || dead[0].Check != "service.endpoint" || dead[0].Vantage != c.Facts.Vantage.String() || node == "" {
		return nil
	}
	ill := map[netip.Addr]bool{}
	for _, r := range dead {
		if addr, ok := diagnose.TargetAddr(r); ok {
			ill[addr] = true
		}
	}
	for _, vip := range s.ClusterIPs {
		t := s.Route(facts.OfFamily(s.Endpoints, vip), node, zone)
		place := map[string]string{"node": "node " + node, "zone": "zone " + zone, "local": "node " + node}[t.Kept]
		n := 0
		for _, e := range t.Endpoints {
			if ill[e.Addr.Unmap()] {
				n++
			}
		}
		if place == "" || n == 0 {
			continue
		}
		why := "the hints of its EndpointSlices keep"
		if c.Facts.Network.HintsAside() {
			why = fmt.Sprintf("the hints of its EndpointSlices, where %s or a kube-proxy follows them, keep", c.Facts.Network.Plugin)
		}
		if t.Kept == "local" {
			why = "internalTrafficPolicy Local keeps"
		}
		return []string{fmt.Sprintf("%s clients on %s to %d of its %d ready endpoints, of which %d never answer: others see less of it, or nothing", why, place, len(t.Endpoints), len(s.Ready()), n)}
	}
	return nil
}
