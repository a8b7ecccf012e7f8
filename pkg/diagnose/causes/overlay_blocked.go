package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-OVERLAY-BLOCKED",
		Summary: "the tunnel between two nodes is blocked: its packets leave one and never arrive",
		Signal:  "No pod of one node answers pods of the other, and the kernel state of both nodes is in order. Where the counters were read: the tunnel device sends, the other end's receives nothing, or nothing from there, which connection tracking tells where it sees the tunnel's own packets.",
		Meaning: "Pods cannot reach each other across these nodes; the nodes themselves can, so that health checks between nodes see nothing.",
		Confirm: []string{"tcpdump -ni UNDERLAY udp port 8472 or udp port 4789 (on both nodes)"},
		Remedy:  []string{"allow the tunnel's UDP port (flannel 8472, most others 4789) between the nodes in the firewall or security group"},
		Source:  "RFC 7348; flannel: Documentation/troubleshooting.md",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtUnderlay, Says: "lost"},
		Find:    findOverlayBlocked,
	})
}

func findOverlayBlocked(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, h := range c.Hops() {
		if shutIn(c, h.From) {
			continue // what needs no tunnel is lost as well
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("the overlay between nodes %s and %s loses everything", h.From, h.To),
			Confidence: diagnose.Possible,
			Where:      []string{"node/" + h.From, "node/" + h.To, "the network between them"},
			Evidence:   dark(h),
			Explains:   c.Crossing(h.From, h.To),
			Likely:     "a firewall or security group between the nodes drops the tunnel's port",
			Try:        []string{netlookNode(h.From), netlookNode(h.To)},
			Rank:       rankNode,
		}
		if c.Deep(h.From) && c.Deep(h.To) {
			if ill(c, h.From) || ill(c, h.To) {
				continue
			}
			if _, found := damage(c, h); found {
				continue // they arrive, and are thrown away
			}
			if len(tunnels(c, h.From))+len(tunnels(c, h.To)) == 0 {
				f.Headline = fmt.Sprintf("the network between nodes %s and %s, or a policy, loses what pods send to each other", h.From, h.To)
				f.Likely = "there is no tunnel: a router or cloud network that does not know the pods' addresses, or a NetworkPolicy"
				findings = append(findings, f)
				continue
			}
			w := watch(c, h)
			switch l, cut := w.cut(); {
			case w.looked && !cut:
				continue // they are lost before the tunnel, or behind it
			case w.looked && l.vanished():
				f.Confidence, f.Rank = diagnose.Certain, rankMeasured
				f.Evidence = append(append(f.Evidence, l.text()), tunnelRules(c, l.to)...)
				if l.held() {
					f.Evidence = append(f.Evidence, tunnelRules(c, l.from)...)
					f.Where = []string{"node/" + l.from, "its way to node/" + l.to}
					f.Likely = "a packet filter rule on node " + l.from + " itself drops what its tunnel sends"
					f.Try = append([]string{"nft list ruleset   (on node " + l.from + ")"}, f.Try...)
				}
			case l.counted && l.packets >= minTunnelled && l.none():
				f.Confidence = diagnose.Likely
				f.Evidence = append(f.Evidence, l.text(), fmt.Sprintf("none of these came from node %s: connection tracking on node %s has %d flows from other nodes into the tunnel, and none from there", l.from, l.to, l.others))
			case l.counted && l.received >= l.packets:
				// So many may be ours: something behind the tunnel may drop them.
				f.Evidence = append(f.Evidence, l.text())
			case len(h.Dark) > 1:
				f.Confidence = diagnose.Likely
			default:
				continue // one pod alone: it may be its own trouble
			}
			f.Evidence = append(f.Evidence, "routes, tunnel entries, links and settings of both nodes are as they should be")
		}
		findings = append(findings, f)
	}
	return findings
}

// shutIn reports whether nothing beyond a node answers the pod on it: no pod on any
// other node, and no API server at its own address either.
func shutIn(c *diagnose.Case, home string) bool {
	if home != c.Home() {
		return false
	}
	vantage := c.Facts.Vantage.String()
	for _, p := range c.Peers() {
		if p.Vantage == vantage && p.Node != home && !p.Dark() {
			return false
		}
	}
	direct := slices.DeleteFunc(c.Find(diagnose.Match{Check: "api.endpoint", Vantage: vantage}), func(r check.Result) bool {
		return r.Vantage != vantage || slices.ContainsFunc(c.Facts.Nodes, func(n facts.Node) bool {
			addr, ok := diagnose.TargetAddr(r)
			return n.Name == home && ok && slices.Contains(n.IPs, addr)
		})
	})
	return len(direct) > 0 && !slices.ContainsFunc(direct, func(r check.Result) bool { return !allFailures(r, check.Timeout, check.Unreachable) })
}

// ill reports whether a check of a node's kernel found something that would explain a
// dark way by itself.
func ill(c *diagnose.Case, node string) bool {
	return slices.ContainsFunc(c.Find(diagnose.Match{Check: "node.", Vantage: "node/"}), func(r check.Result) bool {
		return r.Vantage == "node/"+node && r.Status == check.Fail
	})
}

// tunnels are the names of a node's tunnel devices.
func tunnels(c *diagnose.Case, node string) []string {
	var names []string
	for _, r := range c.Find(diagnose.Match{Check: "node.", Vantage: "node/"}) {
		if r.Vantage != "node/"+node || r.Kernel == nil {
			continue
		}
		for _, l := range r.Kernel.Links {
			switch l.Kind {
			case "vxlan", "geneve", "ipip", "wireguard", "gre", "sit":
				if !slices.Contains(names, l.Name) {
					names = append(names, l.Name)
				}
			}
		}
	}
	return names
}
