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
		Code:    "NL-NODE-MASQUERADE",
		Summary: "what pods send out of the cluster keeps the pod's address, and no answer finds the way back",
		Signal:  "Hosts outside do not answer the pod, everything inside the cluster does, and from the node itself the same hosts answer. Packets leave with the pod's own source address.",
		Meaning: "Pods of the node have no way out; the node has.",
		Confirm: []string{"iptables -t nat -S POSTROUTING; nft list ruleset (on the node): is there a MASQUERADE for the pod CIDR?"},
		Remedy:  []string{"restart the CNI daemon (flannel --ip-masq), or the ip-masq-agent, so that it writes its rule again"},
		Source:  "flannel: Documentation/configuration.md, ip-masq",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtNode, Says: "not masqueraded"},
		Find:    findMasquerade,
	})
}

// lostOutside are the bad results of the vantage pod at what is outside of the cluster,
// where nobody there answers it and pods on other nodes do, and how many of those. None
// means that it is not the way out alone that fails.
func lostOutside(c *diagnose.Case) (lost []check.Result, inside int) {
	kinds := []check.Failure{check.Timeout, check.Unreachable}
	lost = c.Find(diagnose.Match{Check: "external.host", Vantage: "pod/", Status: failing, Failure: kinds})
	for _, r := range c.Find(diagnose.Match{Vantage: "pod/", Status: failing, Failure: kinds}) {
		if addr, ok := diagnose.TargetAddr(r); ok && c.Outside(addr) && r.Check != "external.host" {
			lost = append(lost, r)
		}
	}
	// A name that does not resolve has not even been tried.
	lost = slices.DeleteFunc(lost, byName)
	if len(lost) == 0 || c.Facts.Vantage.Pod == nil || c.Facts.Vantage.Pod.HostNetwork {
		return nil, 0
	}
	for _, r := range c.Results {
		if addr, ok := diagnose.TargetAddr(r); r.Vantage == c.Facts.Vantage.String() && r.Status == check.Pass && len(r.Attempts) > 0 && (r.Check == "external.host" || ok && c.Outside(addr)) {
			return nil, 0 // somebody outside answers it
		}
	}
	for _, p := range c.Peers() {
		if p.Node != "" && p.Node != c.Home() && p.Answered > 0 {
			inside++
		}
	}
	if inside == 0 {
		return nil, 0
	}
	return lost, inside
}

func findMasquerade(c *diagnose.Case) []diagnose.Finding {
	lost, inside := lostOutside(c)
	if len(lost) == 0 {
		return nil
	}
	home := c.Home()
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("pods of node %s have no way out of the cluster", home),
		Confidence: diagnose.Possible,
		Where:      []string{"node/" + home},
		Evidence:   append(seenAll(lost), answerElsewhere(inside)),
		Explains:   diagnose.Keys(lost),
		Likely:     "the rule that gives pods' packets the node's address is missing",
		Try:        []string{"iptables -t nat -S POSTROUTING   (on node " + home + ")"},
		Rank:       rankPath,
	}
	for _, r := range c.Find(diagnose.Match{Check: "external.host", Vantage: "node/"}) {
		if r.Vantage != "node/"+home {
			continue
		}
		if r.Status != check.Pass {
			return nil // nobody gets out of here
		}
		f.Evidence = append(f.Evidence, seen(r)+", from the node itself")
		bare, translated := sources(c, home)
		switch {
		case translated > 0:
			return nil // they leave with the node's address
		case bare > 0:
			f.Confidence, f.Rank = diagnose.Certain, rankMeasured
			f.Evidence = append(f.Evidence, fmt.Sprintf("the kernel sent %d connections out with the pod's own address", bare))
		}
	}
	return []diagnose.Finding{f}
}

// sources counts the pod's connections to the outside that its node sent on: with the
// pod's own address as their source, or with another. Those that a policy or a rule
// dropped are in neither.
func sources(c *diagnose.Case, home string) (bare, translated int) {
	for _, flow := range flowsAt(c, home) {
		dst, err := netip.ParseAddrPort(flow.Orig.Dst)
		if err != nil || !flow.Found || !c.Outside(dst.Addr().Unmap()) {
			continue
		}
		if flow.SrcNAT {
			translated++
		} else {
			bare++
		}
	}
	return bare, translated
}
