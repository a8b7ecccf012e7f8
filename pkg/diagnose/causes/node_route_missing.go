package causes

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	state := nodeState{
		check:    "node.routes",
		pairwise: true,
		headline: "node %s has no right way to pods",
		likely:   "the CNI daemon of that node does not run, or somebody flushed the routes",
		try: func(node string) []string {
			return []string{netlookNode(node), "ip route   (on node " + node + ")", "kubectl -n kube-system get pods -o wide --field-selector spec.nodeName=" + node}
		},
	}
	Registry.Add(diagnose.Cause{
		Code:    "NL-NODE-ROUTE-MISSING",
		Summary: "a node has no, or a wrong, route to a node's pods: another's or its own, all or one",
		Signal:  "The node's routing tables hold no route to a pod CIDR that the API gives to another node, or it leads elsewhere than the CNI says; or the kernel, asked what it does with a packet from a pod there (RTM_GETROUTE), refuses it, as a policy rule says; or it sends what is for one of its own pods, or what that pod answers, another way than that of its other pods. From the pod: every pod on the other node is silent or unreachable.",
		Meaning: "What pods send between the two nodes leaves by the default route, and is lost or refused there.",
		Confirm: []string{"ip route get POD-IP from OWN-POD-IP iif BRIDGE (on the node)", "ip rule (on the node)"},
		Remedy:  []string{"restart the CNI daemon on the node: it writes its routes again"},
		Source:  "flannel: pkg/backend/vxlan/vxlan_network.go",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtNode, Says: "route missing"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			findings := append(append(state.find(c), byDefaultRoute(c, state)...), refusedParts(c)...)
			findings = append(findings, strayPods(c)...)
			return append(findings, noGateway(c, c.LostGateways(c.Facts.Vantage.String()), fmt.Sprintf("the pods' bridge of node %s has lost its address", c.Home()))...)
		},
	})
}

// byDefaultRoute are dark ways between nodes of which one sends what is for the other's
// pods by its default route, where no CNI says that there has to be another: it has
// routes of their own for the rest.
func byDefaultRoute(c *diagnose.Case, state nodeState) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, h := range c.Hops() {
		for _, way := range [][2]string{{h.From, h.To}, {h.To, h.From}} {
			for _, r := range c.Find(diagnose.Match{Check: state.check, Vantage: "node/", Status: []check.Status{check.Pass}}) {
				missing := value(r, way[1])
				if r.Vantage != "node/"+way[0] || missing == "" {
					continue
				}
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("node %s has no route of its own to the pods of node %s", way[0], way[1]),
					Confidence: diagnose.Likely,
					Where:      []string{"node/" + way[0]},
					Evidence:   append(dark(h), "routes of node "+way[0]+": "+r.Summary+"; "+missing),
					Explains:   c.Crossing(h.From, h.To),
					Likely:     "the CNI daemon of that node does not run or does not know the other, or the default gateway does not",
					Try:        state.try(way[0]),
					Rank:       rankNode,
				})
			}
		}
	}
	return findings
}

// refusedParts are routes of a node that refuse addresses which failing checks sent to from
// there. One that nobody meets harms nobody, and may well be meant.
func refusedParts(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "node.routes", Vantage: "node/"}) {
		node := strings.TrimPrefix(r.Vantage, "node/")
		for _, e := range r.Evidence {
			kind, text, _ := strings.Cut(e.Value, " ")
			dst, err := netip.ParsePrefix(text)
			if e.Key != "refuses" || err != nil || !word(kind) {
				continue
			}
			var met []check.Result
			for _, l := range c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.Timeout, check.Unreachable}}) {
				if addr, ok := diagnose.TargetAddr(l); ok && dst.Contains(addr) && homeOf(c, l.Vantage) == node && c.NodeOf(l) != node {
					met = append(met, l)
				}
			}
			if len(met) == 0 {
				continue
			}
			findings = append(findings, diagnose.Finding{
				Headline:   fmt.Sprintf("node %s refuses to send to %s: %s", node, dst, e.Value),
				Confidence: diagnose.Certain,
				Where:      []string{"node/" + node},
				Evidence:   append(seenAll(met), "routes of node "+node+": "+e.Value),
				Explains:   c.Through(diagnose.Keys(met)),
				Likely:     "somebody, or a security agent, has taken that address off the network",
				Try:        []string{fmt.Sprintf("ip route show %s   (on node %s)", dst, node), fmt.Sprintf("ip route del %s   (there, once you know whose it is)", e.Value)},
				Rank:       rankMeasured,
			})
		}
	}
	return findings
}
