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
		Code:    "NL-NODE-PORT-ISOLATED",
		Summary: "a node's bridge keeps its pods apart",
		Signal:  "Pods on the vantage pod's own node do not answer it, and the ports of both on the node's bridge are isolated; certain where a probe inside the other pod tells which port is its own.",
		Meaning: "A bridge sends nothing from one isolated port to another: pods of one node do not reach one another, pods of other nodes and the world they do.",
		Confirm: []string{"bridge -d link show (on the node): isolated on"},
		Remedy:  []string{"if nobody meant to keep these pods apart, for tenants: bridge link set dev VETH isolated off (on the node)", "portIsolation: false in the CNI configuration of the bridge plugin, and recreate the pods"},
		Source:  "bridge(8), isolated; https://www.cni.dev/plugins/current/main/bridge/",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtBridge, Says: "ports isolated"},
		Find:    findPortIsolated,
	})
}

func findPortIsolated(c *diagnose.Case) []diagnose.Finding {
	own, found := ownPort(c)
	if !found || !own.Isolated || own.Master == "" {
		return nil
	}
	var bridge facts.Link
	others := map[int]facts.Link{} // the isolated ports of the same bridge, by index
	for _, r := range c.Find(diagnose.Match{Check: "node.bridge", Vantage: "node/"}) {
		if r.Vantage != "node/"+c.Home() || r.Kernel == nil {
			continue
		}
		for _, l := range r.Kernel.Links {
			if l.Name == own.Master {
				bridge = l
			}
			if l.Isolated && l.Master == own.Master && l.Index != own.Index {
				others[l.Index] = l
			}
		}
	}
	vantage := c.Facts.Vantage.String()
	certain := true
	var lost []check.Result
	var seenPorts []string
	for _, r := range c.Find(diagnose.Match{Vantage: vantage, Status: failing, Failure: []check.Failure{check.Timeout, check.Unreachable}}) {
		if addr, ok := diagnose.TargetAddr(r); !ok || r.Object == "" || c.NodeOf(r) != c.Home() || r.Object == vantage || byBridge(c, addr, bridge) {
			continue
		}
		port, known := portInside(c, r.Object)
		link, isolated := others[port]
		if known && !isolated || len(others) == 0 {
			continue
		}
		certain = certain && known
		lost = append(lost, r)
		if known && !slices.Contains(seenPorts, link.Name) {
			seenPorts = append(seenPorts, link.Name)
		}
	}
	isolated, unknown := besidePorts(c, others)
	if len(lost) == 0 || isolated {
		return nil
	}
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("bridge %s of node %s keeps pods apart: %s and %s are on isolated ports", own.Master, c.Home(), vantage, lost[0].Object),
		Confidence: diagnose.Likely, // its port may be one of the others
		Where:      append([]string{fmt.Sprintf("bridge %s on node %s", own.Master, c.Home())}, places(c, lost)...),
		Evidence:   append(firstOf(seenAll(lost), mostEvidence), fmt.Sprintf("%s, the port of %s, is isolated, and so are %d others of %s", own.Name, vantage, len(others), own.Master)),
		Explains:   c.Through(diagnose.Keys(lost)),
		Likely:     "the CNI's bridge plugin is told to isolate ports (portIsolation), or somebody has set it by hand",
		Try:        []string{fmt.Sprintf("bridge -d link show   (on node %s)", c.Home()), fmt.Sprintf("bridge link set dev %s isolated off   (there, if nobody meant to keep these pods apart)", device(own.Name))},
		Rank:       rankNode,
	}
	switch {
	case unknown && len(seenPorts) < len(others): // it may be on one whose pod is not known
		f.Confidence = diagnose.Possible
		f.Evidence = append(f.Evidence, "other pods of the node answer, and may be on isolated ports as well")
	case certain:
		f.Confidence, f.Rank = diagnose.Certain, rankMeasured
		for _, port := range seenPorts {
			f.Evidence = append(f.Evidence, port+", isolated too, is the port of a pod that does not answer")
		}
	}
	return []diagnose.Finding{f}
}

// byBridge reports whether what the vantage pod sends to an address is routed by its node,
// and passes isolated ports by: it has a gateway, or the bridge answers for the address.
func byBridge(c *diagnose.Case, addr netip.Addr, bridge facts.Link) bool {
	vantage := c.Facts.Vantage.String()
	if route, ok := routeOf(c, vantage, addr); ok && route.Gateway != "" {
		return true
	}
	return bridge.MAC != "" && slices.ContainsFunc(c.Find(diagnose.Match{Check: "vantage.interface", Vantage: vantage}), func(r check.Result) bool {
		return r.Kernel != nil && r.Vantage == vantage && slices.ContainsFunc(r.Kernel.Neighbours, func(n facts.Neighbour) bool {
			return n.IP == addr.String() && strings.EqualFold(n.MAC, bridge.MAC)
		})
	})
}

// besidePorts tells of the pods of the vantage point's own node that answer it: whether one
// is known to be on a port that is isolated too, so that isolation is not what keeps pods
// apart (the node routes between them: proxy_arp_pvlan), and whether the port of one is not
// known.
func besidePorts(c *diagnose.Case, isolated map[int]facts.Link) (known, unknown bool) {
	vantage := c.Facts.Vantage.String()
	for _, p := range c.Peers() {
		if p.Vantage != vantage || p.Node != c.Home() || p.Object == vantage || p.Answered == 0 {
			continue
		}
		port, read := 0, false
		if p.Object != "" {
			port, read = portInside(c, p.Object)
		}
		_, kept := isolated[port]
		known, unknown = known || read && kept, unknown || !read
	}
	return known, unknown
}

// portInside is the index of the node's end of a pod's link, as a probe inside the pod has
// read it.
func portInside(c *diagnose.Case, object string) (index int, known bool) {
	for _, r := range c.Find(diagnose.Match{Check: "pod.network", Object: object}) {
		if r.Kernel == nil {
			continue
		}
		for _, l := range r.Kernel.Links {
			if l.Kind == "veth" && l.PeerIndex > 0 {
				return l.PeerIndex, true
			}
		}
	}
	return 0, false
}
