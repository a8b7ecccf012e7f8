package causes

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// strayPods are pods whose own node sends what is for them, or what they answer, another
// way than that of its other pods, and which do not answer.
func strayPods(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "node.routes", Vantage: "node/"}) {
		node := strings.TrimPrefix(r.Vantage, "node/")
		for _, e := range r.Evidence {
			first, way, _ := strings.Cut(e.Value, " ")
			pod, err := netip.ParseAddr(first)
			if e.Key != "astray to" && e.Key != "astray from" || err != nil {
				continue
			}
			var lost []check.Result
			for _, l := range c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.Timeout, check.Unreachable}}) {
				if addr, ok := diagnose.TargetAddr(l); ok && addr == pod && homeOf(c, l.Vantage) != node {
					lost = append(lost, l)
				}
			}
			if len(lost) == 0 {
				continue
			}
			f := diagnose.Finding{
				Headline:   fmt.Sprintf("node %s sends what is for its own pod %s elsewhere: %s", node, pod, way),
				Confidence: diagnose.Certain, // by the kernel's own word
				Where:      append([]string{"node/" + node}, places(c, lost[:1])...),
				Evidence:   append(seenAll(lost), fmt.Sprintf("node %s, asked for the route to %s: %s", node, pod, way)),
				Explains:   c.Through(diagnose.Keys(lost)),
				Likely:     "a route for that address was left there, from when it was another node's, or by a VPN",
				Try:        []string{fmt.Sprintf("ip route get %s; ip route show %s; ip rule   (on node %s)", pod, pod, node)},
				Rank:       rankMeasured,
			}
			if e.Key == "astray from" {
				f.Headline = fmt.Sprintf("node %s sends what its pod %s answers another way than that of its other pods: %s", node, pod, way)
				f.Evidence[len(f.Evidence)-1] = fmt.Sprintf("node %s, asked for the way of packets from %s: %s", node, pod, way)
				f.Likely = "a policy rule for that address (a second network, an egress gateway, a VPN)"
				f.Try = []string{fmt.Sprintf("ip rule; ip route show table all   (on node %s)", node)}
			}
			findings = append(findings, f)
		}
	}
	return findings
}
