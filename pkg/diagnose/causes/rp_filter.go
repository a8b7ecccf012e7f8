package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-NODE-RP-FILTER",
		Summary: "a node drops packets whose answers would leave by another interface (reverse path filter)",
		Signal:  "TcpExt IPReversePathFilter grows on the node while packets are lost on the way to it or from it, and rp_filter is 1 on an interface.",
		Meaning: "One direction of a connection is lost: connects time out although the way there is open.",
		Confirm: []string{"nstat -az TcpExtIPReversePathFilter (on the node)", "sysctl -a | grep '\\.rp_filter' (on the node)"},
		Remedy:  []string{"sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.DEVICE.rp_filter=2 (on the node), or make the paths symmetric"},
		Source:  "RFC 3704; kernel: Documentation/networking/ip-sysctl.rst",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtNode, Says: "reverse path filter"},
		Find:    findRPFilter,
	})
}

// minFiltered is how many packets must have been filtered while the checks repeated:
// a few stray ones come by on any node.
const minFiltered = 2

// filteredCounter counts packets whose source has no way back by the interface they
// came in by (net/ipv4/fib_frontend.c, fib_validate_source).
const filteredCounter = "tcpext.IPReversePathFilter"

func findRPFilter(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for node, moved := range c.Moved {
		n := moved[filteredCounter]
		if n < minFiltered {
			continue
		}
		keys := c.Crossing(node, "")
		if len(keys) == 0 {
			continue
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("node %s drops packets that its reverse path filter does not like", node),
			Confidence: diagnose.Possible, // stray packets come by on hosts with several interfaces
			Where:      []string{"node/" + node},
			Evidence:   []string{fmt.Sprintf("TcpExt IPReversePathFilter grew by %d on node %s while the failing checks were repeated", n, node)},
			Explains:   keys,
			Likely:     "strict filtering (rp_filter=1) on an asymmetric path, or a route that is missing for the source",
			Try:        []string{"nstat -az TcpExtIPReversePathFilter   (on node " + node + ")"},
			Rank:       rankMeasured - 1,
		}
		if lost := lostAround(c, node); lost > 0 && n >= lost {
			f.Confidence = diagnose.Certain
			f.Evidence = append(f.Evidence, fmt.Sprintf("%d of our connections across it were lost meanwhile", lost))
		}
		for _, r := range c.Find(diagnose.Match{Check: "node.sysctl", Vantage: "node/"}) {
			if strings.TrimPrefix(r.Vantage, "node/") == node {
				if strict := value(r, "rp_filter strict (1)"); strict != "" {
					f.Evidence = append(f.Evidence, "rp_filter is 1 on "+strict)
				}
			}
		}
		findings = append(findings, f)
	}
	for _, h := range c.Hops() {
		for _, node := range []string{h.To, h.From} {
			if c.Deep(node) {
				continue // its counter was read
			}
			findings = append(findings, diagnose.Finding{
				Headline:   fmt.Sprintf("the reverse path filter of node %s may drop one direction", node),
				Confidence: diagnose.Possible,
				Where:      []string{"node/" + node},
				Evidence:   dark(h),
				Explains:   c.Through(h.Keys),
				Try:        []string{netlookNode(node)},
				Rank:       rankNode,
			})
		}
	}
	return findings
}

// lostAround is how many of the repeated connections between a node and any other got
// no answer.
func lostAround(c *diagnose.Case, node string) uint64 {
	var lost uint64
	for _, h := range c.Hops() {
		if h.From == node || h.To == node {
			w := watch(c, h)
			lost += max(w.sent, w.left) - w.heard
		}
	}
	return lost
}
