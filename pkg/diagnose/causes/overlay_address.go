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
		Code:    "NL-OVERLAY-ADDRESS",
		Summary: "a node announces an address for its tunnel that is not its own, or another's as well",
		Signal:  "flannel's annotation public-ip of the node is an address that none of its interfaces has, or the same as another node's. From the pod: every pod on that node is silent.",
		Meaning: "The other nodes send what is for its pods to that address, where nobody takes it. Flannel took the interface of the default route at its start, or the address has changed since.",
		Confirm: []string{"kubectl get nodes -o custom-columns=NAME:.metadata.name,ANNOUNCED:.metadata.annotations.flannel\\.alpha\\.coreos\\.com/public-ip,INTERNAL:.status.addresses[0].address"},
		Remedy:  []string{"restart flannel on the node: it announces the address anew", "give flannel --iface or --iface-regex where nodes have several interfaces; public-ip-overwrite where they are behind NAT"},
		Source:  "flannel: Documentation/configuration.md, Documentation/kubernetes.md (annotations); Documentation/troubleshooting.md (Vagrant)",
		Spot:    diagnose.Spot{Place: diagnose.AtUnderlay, Says: "wrong address"},
		Find:    findOverlayAddress,
	})
}

func findOverlayAddress(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, n := range c.Facts.Nodes {
		i := slices.IndexFunc(c.Hops(), func(h diagnose.Hop) bool { return h.From == n.Name || h.To == n.Name })
		if i < 0 || n.Flannel == nil || reachedAcross(c, n.Name) {
			continue // whatever it announces, its pods are reached, or reach others
		}
		for _, announced := range []netip.Addr{n.Flannel.PublicIP, n.Flannel.PublicIPv6} {
			if !announced.IsValid() || n.Flannel.Overwritten {
				continue
			}
			f := diagnose.Finding{
				Where:    []string{"node/" + n.Name},
				Evidence: append(dark(c.Hops()[i]), fmt.Sprintf("flannel on node %s announces %s", n.Name, announced)),
				Explains: c.Crossing(n.Name, ""),
				Likely:   "flannel has taken another interface than the one that connects the nodes, or the node's address has changed",
				Try: []string{
					fmt.Sprintf("kubectl get node %s -o jsonpath='{.metadata.annotations}'", n.Name),
					fmt.Sprintf("kubectl -n kube-flannel delete pod --field-selector spec.nodeName=%s   (flannel announces anew at its start; your namespace may be another)", n.Name),
				},
				Rank: rankNode,
			}
			if other := alsoAnnounces(c, n, announced); other != "" {
				f.Headline = fmt.Sprintf("nodes %s and %s announce the same address for their tunnels: %s", n.Name, other, announced)
				f.Confidence, f.Rank = diagnose.Certain, rankMeasured
				findings = append(findings, f)
				continue
			}
			links := linksAt(c, n.Name)
			if slices.Contains(n.IPs, announced) || slices.ContainsFunc(links, func(l facts.Link) bool { return holds(l, announced) }) {
				continue
			}
			f.Headline = fmt.Sprintf("node %s announces %s for its tunnel, which is no address of that node", n.Name, announced)
			f.Evidence = append(f.Evidence, "its addresses by the API: "+joined(n.IPs))
			f.Confidence = diagnose.Possible // an interface that the API does not show may have it
			if len(links) > 0 {
				f.Confidence, f.Rank = diagnose.Certain, rankMeasured
				f.Evidence = append(f.Evidence, "no interface of the node has it")
			}
			findings = append(findings, f)
		}
	}
	return findings
}

// reachedAcross reports whether packets between pods of a node and those of some other node
// arrive: what it announces is right then, wherever that address is.
func reachedAcross(c *diagnose.Case, node string) bool {
	return slices.ContainsFunc(c.Peers(), func(p diagnose.Peer) bool {
		from := homeOf(c, p.Vantage)
		return p.Answered > 0 && p.Node != "" && from != p.Node && (from == node || p.Node == node)
	})
}

// alsoAnnounces is another node that announces the same address, "" for none. A node that is not
// ready may be gone, and another machine have its address.
func alsoAnnounces(c *diagnose.Case, n facts.Node, announced netip.Addr) string {
	for _, o := range c.Facts.Nodes {
		if o.Name != n.Name && o.Ready && n.Ready && o.Flannel != nil && (o.Flannel.PublicIP == announced || o.Flannel.PublicIPv6 == announced) {
			return o.Name
		}
	}
	return ""
}

// linksAt are the interfaces that were read on a node, with their addresses.
func linksAt(c *diagnose.Case, node string) []facts.Link {
	for _, r := range c.Find(diagnose.Match{Check: "node.bridge", Vantage: "node/"}) { // others read a part of them
		if r.Vantage == "node/"+node && r.Kernel != nil {
			return r.Kernel.Links
		}
	}
	return nil
}

func joined(addrs []netip.Addr) string {
	var texts []string
	for _, a := range addrs {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ", ")
}
