package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-VIP-DROPPED",
		Summary: "what is sent to a ClusterIP is dropped before the node hands it over",
		Signal:  "A ClusterIP never answers while every endpoint answers by itself, kube-proxy is well, and the node's connection tracking holds none of the connections that were made to it: a rule, or a program at the pod's link, drops them in the pod or on the node before they are sent on.",
		Meaning: "Services cannot be reached from there, whoever is behind them.",
		Confirm: []string{"nft list ruleset (in the pod's network namespace, and on the node)", "iptables-save | grep -e DROP -e REJECT", "bpftool net show (on the node: eBPF programs, which no rule shows)"},
		Remedy:  []string{"remove the rule or program that drops the service range"},
		Source:  "net/netfilter/nf_conntrack_core.c, nf_conntrack_confirm: an entry exists once its first packet was sent on",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtService, Says: "dropped"},
		Find:    findVIPDropped,
	})
}

func findVIPDropped(c *diagnose.Case) []diagnose.Finding {
	home := c.Home()
	deep := c.Deep(home)
	var troubles []vipTrouble
	for _, t := range append(vipTroubles(c), coreTroubles(c)...) {
		if t.whole && t.result.Failure == check.Timeout && (!deep || !exempt(c, home, vipAddr(t.result))) {
			troubles = append(troubles, t)
		}
	}
	if len(troubles) == 0 || deep && !neverCame(c, troubles) && !heldBack(c) {
		return nil
	}
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("connections to ClusterIPs are dropped in %s or on node %s before they are handed over", c.Facts.Vantage.String(), home),
		Confidence: diagnose.Possible,
		Where:      []string{c.Facts.Vantage.String(), "node/" + home},
		Likely:     "a packet filter rule in the pod's own network namespace (a sidecar's or an init container's), or on the node; or an eBPF program at the pod's link",
		Try:        []string{"nft list ruleset   (in the pod and on node " + home + ")", "bpftool net show   (on node " + home + ")"},
		Rank:       rankPod,
	}
	for _, t := range troubles {
		f.Evidence = append(f.Evidence, t.evidence()...)
		f.Explains = append(f.Explains, t.keys()...)
	}
	if deep {
		f.Confidence = diagnose.Likely
		if _, known := ownPort(c); known && !cameOut(c) {
			f.Evidence = append(f.Evidence, "fewer packets came out of the pod than connections were made in it: they are dropped inside")
		}
		if !tracksPast(c, home) {
			f.Evidence = append(f.Evidence, "none of these connections is in the connection tracking of node "+home)
		}
	}
	return []diagnose.Finding{f}
}

// heldBack reports whether fewer packets came out of the pod than connections were made
// in it, where that is all that the node's kernel can tell of them.
func heldBack(c *diagnose.Case) bool {
	_, known := ownPort(c)
	return known && tracksPast(c, c.Home()) && len(flowsAt(c, c.Home())) > 0 && !cameOut(c)
}

// neverCame reports whether the home node was asked for connections to these
// ClusterIPs, tracks connections, and holds none of them. Refused ones prove nothing:
// a reset ends an entry at once.
func neverCame(c *diagnose.Case, troubles []vipTrouble) bool {
	home := c.Home()
	if len(troubles) == 0 || !tracksConnections(c, home) {
		return false
	}
	asked := false
	for _, t := range troubles {
		if t.result.Failure != check.Timeout {
			return false
		}
		addr := vipAddr(t.result)
		for _, flow := range flowsAt(c, home) {
			if !isTo(flow, addr) {
				continue
			}
			if flow.Found {
				return false
			}
			asked = true
		}
	}
	return asked && !slices.ContainsFunc(c.Find(diagnose.Match{Check: "node.proxy", Vantage: "node/", Status: failing}), func(r check.Result) bool {
		return r.Vantage == "node/"+home
	})
}
