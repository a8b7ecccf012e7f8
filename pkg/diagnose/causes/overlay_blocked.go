package causes

import (
	"fmt"
	"net/netip"
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
			w := watch(c, h)
			switch {
			case w.tracked > 0 || w.filtered >= minFiltered:
				continue // they arrive: it is lost behind the tunnel
			case w.counted && w.expected >= minTunnelled && w.left >= w.expected && w.arrived*2 < w.expected:
				f.Confidence, f.Rank = diagnose.Certain, rankMeasured
				f.Evidence = append(f.Evidence, fmt.Sprintf("%d packets were sent through the tunnel of node %s to node %s, whose tunnel received %d meanwhile", w.expected, h.From, h.To, w.arrived))
			case w.counted && w.left < w.expected:
				continue // they do not even leave
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

// watched is what became of the packets that were sent along a dark hop while the
// failing checks were repeated.
type watched struct {
	// expected is how many were sent at least: the first of each flow.
	expected uint64
	// tracked is how many of these flows the far node's connection tracking holds: it
	// takes them in when it has sent them on (nf_conntrack_confirm).
	tracked int
	// left and arrived are the packets that all tunnel devices at the near end sent
	// and at the far end received, strangers' among them; counted when both were read.
	left, arrived uint64
	counted       bool
	// filtered are those that the far end's reverse path filter dropped.
	filtered uint64
}

func watch(c *diagnose.Case, h diagnose.Hop) watched {
	var w watched
	to := map[netip.Addr]bool{}
	for _, p := range h.Dark {
		to[p.Addr] = true
	}
	for _, flow := range flowsAt(c, h.To) {
		dst, err := netip.ParseAddrPort(flow.Orig.Dst)
		if err != nil || !to[dst.Addr().Unmap()] {
			continue
		}
		w.expected++
		if flow.Found {
			w.tracked++
		}
	}
	near, known := c.Moved[h.From]
	far, also := c.Moved[h.To]
	out, in := tunnels(c, h.From), tunnels(c, h.To)
	w.counted = known && also && len(out) > 0 && len(in) > 0
	for _, dev := range out {
		w.left += near["dev."+dev+".txPackets"]
	}
	for _, dev := range in {
		w.arrived += far["dev."+dev+".rxPackets"]
	}
	w.filtered = far[filteredCounter]
	return w
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
