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
			if ill(c, h.From) || ill(c, h.To) || len(h.Dark) < 2 && h.Elsewhere == 0 {
				continue
			}
			f.Confidence = diagnose.Likely
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
