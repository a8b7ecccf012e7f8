package causes

import (
	"fmt"
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
		Find:    findMasquerade,
	})
}

func findMasquerade(c *diagnose.Case) []diagnose.Finding {
	kinds := []check.Failure{check.Timeout, check.Unreachable}
	lost := c.Find(diagnose.Match{Check: "external.host", Vantage: "pod/", Status: failing, Failure: kinds})
	for _, r := range c.Find(diagnose.Match{Vantage: "pod/", Status: failing, Failure: kinds}) {
		if addr, ok := diagnose.TargetAddr(r); ok && c.Outside(addr) && r.Check != "external.host" {
			lost = append(lost, r)
		}
	}
	// A name that does not resolve has not even been tried.
	lost = slices.DeleteFunc(lost, byName)
	if len(lost) == 0 || c.Facts.Vantage.Pod == nil || c.Facts.Vantage.Pod.HostNetwork {
		return nil
	}
	inside := 0
	for _, p := range c.Peers() {
		if p.Node != "" && p.Node != c.Home() && p.Answered > 0 {
			inside++
		}
	}
	if inside == 0 {
		return nil // it is not only the way out that fails
	}
	home := c.Home()
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("pods of node %s have no way out of the cluster", home),
		Confidence: diagnose.Possible,
		Where:      []string{"node/" + home},
		Evidence:   append(seenAll(lost), fmt.Sprintf("%d pods on other nodes answer", inside)),
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
		f.Confidence = diagnose.Likely
		f.Rank = rankNode
		f.Evidence = append(f.Evidence, seen(r)+", from the node itself")
	}
	return []diagnose.Finding{f}
}
