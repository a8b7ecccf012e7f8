package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-NODE-BRIDGE-NF",
		Summary: "bridged packets bypass the packet filter, so services fail for backends on the same node",
		Signal:  "A ClusterIP fails, in as many attempts as it has backends on the client's own node, while every backend answers by itself; on the node bridge-nf-call-iptables is 0 or absent. The answer of a backend on the same bridge is not translated back.",
		Meaning: "A service works or hangs depending on which backend the node picks: it looks like random loss.",
		Confirm: []string{"sysctl net.bridge.bridge-nf-call-iptables (on the node)", "lsmod | grep br_netfilter (on the node)"},
		Remedy:  []string{"modprobe br_netfilter && sysctl -w net.bridge.bridge-nf-call-iptables=1 (on the node), and files in /etc/modules-load.d and /etc/sysctl.d"},
		Source:  "https://kubernetes.io/docs/setup/production-environment/container-runtimes/",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtBridge, Says: "answers pass by NAT"},
		Find:    findBridgeNF,
	})
}

func findBridgeNF(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	home := c.Home()
	for _, t := range vipTroubles(c) {
		if t.local == 0 || len(ghostsOf(c, []vipTrouble{t})) > 0 {
			continue // no backend on this node's bridge, or one that is nobody's
		}
		if t.whole && t.local < len(t.service.Ready()) {
			continue // backends elsewhere would have answered
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("on node %s services fail for backends on the same node", home),
			Confidence: diagnose.Possible,
			Where:      []string{"node/" + home},
			Evidence:   append(t.evidence(), fmt.Sprintf("%d of its %d endpoints run on node %s", t.local, len(t.service.Ready()), home)),
			Explains:   append(append([]string{diagnose.Key(t.result)}, settingsResult(c, home)...), dnsThroughVIP(c, home)...),
			Likely:     "br_netfilter is not loaded, or bridge-nf-call-iptables was set to 0",
			Try:        []string{"sysctl net.bridge.bridge-nf-call-iptables   (on node " + home + ")"},
			Rank:       rankNode,
		}
		setting := settingFor(vipAddr(t.result))
		value, read := sysctlAt(c, home, setting)
		switch {
		case read && (value == "1" || !bridged(c)):
			continue
		case read:
			f.Confidence = diagnose.Certain
			f.Rank = rankMeasured
			f.Evidence = append(f.Evidence, fmt.Sprintf("%s=%s on node %s", setting, orAbsent(value), home))
		}
		findings = append(findings, f)
	}
	return findings
}

// bridged reports whether the vantage pod's link ends at a port of a bridge: without
// one no packet is bridged, and the setting does not matter.
func bridged(c *diagnose.Case) bool {
	port, found := ownPort(c)
	return found && port.Master != ""
}

func orAbsent(value string) string {
	if value == "" {
		return "absent"
	}
	return value
}

// settingsResult is the key of the warning about a node's settings.
func settingsResult(c *diagnose.Case, node string) []string {
	var keys []string
	for _, r := range c.Find(diagnose.Match{Check: "node.sysctl", Vantage: "node/", Status: failing}) {
		if r.Vantage == "node/"+node {
			keys = append(keys, diagnose.Key(r))
		}
	}
	return keys
}

// dnsThroughVIP are the bad results of names that were asked through the DNS service,
// when one of its servers runs on the node too. Questions to a server itself are left
// out.
func dnsThroughVIP(c *diagnose.Case, node string) []string {
	s := c.Facts.DNS.Service
	if s == nil || !slices.ContainsFunc(s.Ready(), func(e facts.Endpoint) bool { return e.Node == node }) {
		return nil
	}
	var keys []string
	for _, key := range namesFailing(c) {
		r, _ := c.Get(key)
		if addr, ok := diagnose.TargetAddr(r); ok && !slices.Contains(s.ClusterIPs, addr) {
			continue
		}
		keys = append(keys, key)
	}
	return keys
}
