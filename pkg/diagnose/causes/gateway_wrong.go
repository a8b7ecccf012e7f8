package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-GATEWAY",
		Summary: "a pod's default gateway is not its node's bridge",
		Signal:  "The pod hangs on a bridge of its node, and the gateway of its default route is an address that neither the bridge nor another interface of the node has. Pods on the same bridge answer, nothing beyond does.",
		Meaning: "The pod reaches pods on its own node only: what is to leave the node goes to an address that does not forward it.",
		Confirm: []string{"ip route (in the pod)", "ip addr show dev BRIDGE (on the node)"},
		Remedy:  []string{"kubectl -n NAMESPACE delete pod POD: its network is then made anew", "put the address back: ip addr add GATEWAY/PREFIX dev BRIDGE (on the node)"},
		Source:  "CNI plugin bridge, isGateway: plugins/main/bridge/bridge.go",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtInterface, Says: "wrong gateway"},
		Find:    findGateway,
	})
}

func findGateway(c *diagnose.Case) []diagnose.Finding {
	vantage := c.Facts.Vantage.String()
	port, found := ownPort(c)
	if !found || port.Master == "" {
		return nil
	}
	var links []facts.Link
	for _, r := range c.Find(diagnose.Match{Check: "node.bridge", Vantage: "node/"}) {
		if r.Vantage == "node/"+c.Home() && r.Kernel != nil {
			links = r.Kernel.Links
		}
	}
	var findings []diagnose.Finding
	for _, gateway := range ownGateways(c, port.Index) {
		if slices.ContainsFunc(links, func(l facts.Link) bool { return holds(l, gateway) }) || gateway.IsLinkLocalUnicast() {
			continue // 169.254.1.1 and fe80::1 are answered for by proxy ARP and NDP
		}
		if i := slices.IndexFunc(links, func(l facts.Link) bool { return l.Name == port.Master }); i < 0 || !hasFamily(links[i], gateway) {
			continue // a bridge without any address is its node's trouble: NL-NODE-ROUTE-MISSING
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("the gateway of %s, %s, is no address of node %s", vantage, gateway, c.Home()),
			Confidence: diagnose.Certain,
			Where:      []string{vantage, "bridge " + port.Master + " on node " + c.Home()},
			Evidence:   []string{fmt.Sprintf("default via %s in the pod; its link ends at %s, a port of bridge %s on node %s", gateway, port.Name, port.Master, c.Home())},
			Likely:     "something has changed the pod's routes, or the bridge's address",
			Rank:       rankMeasured,
		}
		for _, l := range links {
			if l.Name == port.Master {
				f.Evidence = append(f.Evidence, "addresses of "+l.Name+": "+strings.Join(l.Addrs, ", "))
			}
		}
		f.Explains = beyond(c, c.Home())
		if pod := c.Facts.Vantage.Pod; pod != nil {
			f.Try = []string{fmt.Sprintf("ip addr show dev %s   (on node %s)", port.Master, c.Home()), fmt.Sprintf("kubectl -n %s delete pod %s   (if a controller owns it, which makes it anew)", pod.Namespace, pod.Name)}
		}
		if len(f.Explains) > 0 {
			findings = append(findings, f)
		}
	}
	return findings
}

// ownGateways are those of the vantage pod's default routes by the link whose other end
// has an index on the node.
func ownGateways(c *diagnose.Case, peer int) []netip.Addr {
	var list []netip.Addr
	for _, r := range c.Find(diagnose.Match{Check: "vantage.interface", Vantage: "pod/"}) {
		if r.Kernel == nil {
			continue
		}
		for _, route := range r.Kernel.Routes {
			if !slices.ContainsFunc(r.Kernel.Links, func(l facts.Link) bool { return l.Name == route.Dev && l.PeerIndex == peer }) {
				continue // by another network of the pod
			}
			addr, err := netip.ParseAddr(route.Gateway)
			if route.Dst == "default" && err == nil && !slices.Contains(list, addr) {
				list = append(list, addr)
			}
		}
	}
	return list
}

// hasFamily reports whether a link has a global address of the family of addr.
func hasFamily(l facts.Link, addr netip.Addr) bool {
	return slices.ContainsFunc(l.Addrs, func(text string) bool {
		p, err := netip.ParsePrefix(text)
		return err == nil && p.Addr().Is4() == addr.Is4() && !p.Addr().IsLinkLocalUnicast()
	})
}

func holds(l facts.Link, addr netip.Addr) bool {
	return slices.ContainsFunc(l.Addrs, func(text string) bool {
		p, err := netip.ParsePrefix(text)
		return err == nil && p.Addr() == addr
	})
}
