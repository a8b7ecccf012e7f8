package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-GATEWAY",
		Summary: "a pod's default gateway is not its node's bridge",
		Signal:  "The pod hangs on a bridge of its node, and the gateway of its default route is an address that neither the bridge nor another interface of the node has, or the pod sends to it at a hardware address that no interface of the node has. Or the pod gets no answer when it asks for the bridge's hardware address, though its link is up and the bridge has the address. From the pod: nobody answers ARP (or neighbour discovery) for the gateway; pods on the same bridge answer, nothing beyond does.",
		Meaning: "The pod reaches pods on its own node only: what is to leave the node goes to an address that does not forward it.",
		Confirm: []string{"ip route; ip neigh (in the pod)", "ip addr show dev BRIDGE (on the node)"},
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
		return noGateway(c, doubtfulGateways(c), fmt.Sprintf("nobody owns the address that is the gateway of %s", vantage))
	}
	var links []facts.Link
	for _, r := range c.Find(diagnose.Match{Check: "node.bridge", Vantage: "node/"}) {
		if r.Vantage == "node/"+c.Home() && r.Kernel != nil {
			links = r.Kernel.Links
		}
	}
	var findings []diagnose.Finding
	for _, gateway := range ownGateways(c, port.Index) {
		if gateway.IsLinkLocalUnicast() {
			continue // 169.254.1.1 and fe80::1 are answered for by proxy ARP and NDP
		}
		if i := slices.IndexFunc(links, func(l facts.Link) bool { return holds(l, gateway) }); i >= 0 {
			findings = append(findings, strangersGateway(c, gateway, port, links)...)
			findings = append(findings, muteGateway(c, gateway, port, links[i])...)
			continue
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
		f.Explains = beyondGateway(c, gateway)
		f.Try = append([]string{fmt.Sprintf("ip addr show dev %s   (on node %s)", device(port.Master), c.Home())}, newPod(c)...)
		if len(f.Explains) > 0 {
			findings = append(findings, f)
		}
	}
	return findings
}

// newPod is how to have the vantage pod's network made anew.
func newPod(c *diagnose.Case) []string {
	pod := c.Facts.Vantage.Pod
	if pod == nil {
		return nil
	}
	return []string{fmt.Sprintf("kubectl -n %s delete pod %s   (if a controller owns it, which makes it anew)", pod.Namespace, pod.Name)}
}

// strangersGateway is a gateway whose address is right, and whose hardware address, as the
// pod knows it, is nobody's on the node: an entry written by hand, or another host that
// answers for the address.
func strangersGateway(c *diagnose.Case, gateway netip.Addr, port facts.Link, links []facts.Link) []diagnose.Finding {
	vantage := c.Facts.Vantage.String()
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "gateway.icmp", Vantage: vantage}) {
		mac, state, _ := strings.Cut(value(r, "neighbour"), " ")
		known := func(l facts.Link) bool { return strings.EqualFold(l.MAC, mac) }
		if addr, ok := diagnose.TargetAddr(r); !ok || addr != gateway || strings.Count(mac, ":") != 5 || slices.ContainsFunc(links, known) {
			continue
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("%s sends what leaves its node to %s, which is no interface of node %s", vantage, mac, c.Home()),
			Confidence: diagnose.Certain,
			Where:      []string{vantage, "bridge " + port.Master + " on node " + c.Home()},
			Evidence:   []string{fmt.Sprintf("the neighbour entry of its gateway %s is %s %s", gateway, mac, state)},
			Explains:   beyondGateway(c, gateway),
			Likely:     "a neighbour entry was written by hand or is of an older bridge, or another pod has taken the gateway's address",
			Try:        newPod(c),
			Rank:       rankMeasured,
		}
		if namespace, pod := namespaced(vantage); pod != "" {
			f.Try = append([]string{fmt.Sprintf("kubectl netlook shell %s -n %s -- ip neigh show", pod, namespace)}, f.Try...)
		}
		for _, l := range links {
			if l.Name == port.Master {
				f.Evidence = append(f.Evidence, fmt.Sprintf("%s of node %s, which has that address, is %s", l.Name, c.Home(), l.MAC))
			}
		}
		if len(f.Explains) > 0 {
			findings = append(findings, f)
		}
	}
	return findings
}

// noGateway is a finding that may be, where the results in lost say that the pod's gateway
// is not there, pods beside it answer, and its node was not looked at.
func noGateway(c *diagnose.Case, lost []check.Result, headline string) []diagnose.Finding {
	vantage := c.Facts.Vantage.String()
	if len(lost) == 0 || c.CutOff(vantage) || c.Home() == "" || c.Deep(c.Home()) {
		return nil
	}
	f := diagnose.Finding{
		Headline:   headline,
		Confidence: diagnose.Possible,
		Where:      []string{vantage, "node/" + c.Home()},
		Try:        []string{netlookNode(c.Home())},
		Rank:       rankPod,
	}
	for _, r := range lost {
		f.Evidence = append(append(f.Evidence, seen(r)), evidenceLines(r)...)
		if gateway, ok := diagnose.TargetAddr(r); ok {
			f.Explains = append(f.Explains, beyondGateway(c, gateway)...)
		}
	}
	return []diagnose.Finding{f}
}

// doubtfulGateways are the results about gateways that are lost, or that are known by an
// entry which nobody had to confirm while nothing beyond them answers.
func doubtfulGateways(c *diagnose.Case) []check.Result {
	vantage := c.Facts.Vantage.String()
	list := slices.Clone(c.LostGateways(vantage))
	if !shutIn(c, c.Home()) {
		return list
	}
	for _, r := range c.Find(diagnose.Match{Check: "gateway.icmp", Vantage: vantage}) {
		if strings.HasSuffix(value(r, "neighbour"), " permanent") {
			list = append(list, r)
		}
	}
	return list
}

// beyondGateway are the bad results of the vantage pod at what lies behind a gateway, in its
// family, and at the gateway.
func beyondGateway(c *diagnose.Case, gateway netip.Addr) []string {
	var keys []string
	for _, key := range beyond(c, c.Home()) {
		r, _ := c.Get(key)
		if addr, ok := diagnose.TargetAddr(r); !ok || addr.Is4() == gateway.Is4() {
			keys = append(keys, key)
		}
	}
	for _, r := range c.LostGateways(c.Facts.Vantage.String()) {
		if addr, _ := diagnose.TargetAddr(r); addr.Is4() == gateway.Is4() && !slices.Contains(keys, diagnose.Key(r)) {
			keys = append(keys, diagnose.Key(r))
		}
	}
	return keys
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
