package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-OVERLAY-BLOCKED",
		Summary: "the tunnel between two nodes is blocked: its packets leave one and never arrive",
		Signal:  "No pod of one node answers pods of the other, the kernel state of both nodes is in order, and the nodes reach each other. Where the counters were read: the tunnel device sends, the other end's receives nothing.",
		Meaning: "Pods cannot reach each other across these nodes; the nodes themselves can, so that health checks between nodes see nothing.",
		Confirm: []string{"tcpdump -ni UNDERLAY udp port 8472 or udp port 4789 (on both nodes)"},
		Remedy:  []string{"allow the tunnel's UDP port (flannel 8472, most others 4789) between the nodes in the firewall or security group"},
		Source:  "RFC 7348; flannel: Documentation/troubleshooting.md",
		Deep:    true,
		Find:    findOverlayBlocked,
	})
}

func findOverlayBlocked(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, h := range c.Hops() {
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
			sent, received, counted := tunnelled(c, h)
			switch {
			case counted && (sent < minTunnelled || received*2 > sent):
				continue // what is sent there arrives, or nothing is: it is lost elsewhere
			case counted:
				f.Confidence, f.Rank = diagnose.Certain, rankMeasured
				f.Evidence = append(f.Evidence, fmt.Sprintf("while the failing checks were repeated the tunnel of node %s sent %d packets, and that of node %s received %d", h.From, sent, h.To, received))
			case len(h.Dark) > 1:
				f.Confidence = diagnose.Likely
			default:
				continue // one pod alone: it may be its own trouble
			}
			f.Evidence = append(f.Evidence, "routes, tunnel entries, links and settings of both nodes are as they should be")
			for _, r := range reached(c, h.From, h.To) {
				f.Evidence = append(f.Evidence, seen(r)+": the nodes reach each other")
			}
		}
		findings = append(findings, f)
	}
	return findings
}

// ill reports whether a check of a node's kernel found something that would explain a
// dark way by itself.
func ill(c *diagnose.Case, node string) bool {
	return slices.ContainsFunc(c.Find(diagnose.Match{Check: "node.", Vantage: "node/"}), func(r check.Result) bool {
		return r.Vantage == "node/"+node && r.Status == check.Fail
	})
}

// reached are results that show that one node reaches the other's own address.
func reached(c *diagnose.Case, from, to string) []check.Result {
	for _, r := range c.Find(diagnose.Match{Check: "node.peer", Vantage: "node/", Status: []check.Status{check.Pass}}) {
		if r.Vantage == "node/"+from && r.Object == "node/"+to {
			return []check.Result{r}
		}
	}
	return nil
}

// minTunnelled is how many packets must have left for their loss to mean something.
const minTunnelled = 3

// tunnelled are the packets that the tunnel devices of a hop's ends sent and received
// while the failing checks were repeated; false when no counters of both were read.
func tunnelled(c *diagnose.Case, h diagnose.Hop) (sent, received uint64, counted bool) {
	from, known := c.Moved[h.From]
	to, also := c.Moved[h.To]
	if !known || !also {
		return 0, 0, false
	}
	out, in := tunnels(c, h.From), tunnels(c, h.To)
	for _, dev := range out {
		sent += from["dev."+dev+".txPackets"]
	}
	for _, dev := range in {
		received += to["dev."+dev+".rxPackets"]
	}
	return sent, received, len(out) > 0 && len(in) > 0
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
