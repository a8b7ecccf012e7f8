package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-NODE-CONNTRACK-FULL",
		Summary: "a node's connection tracking table is full",
		Signal:  "nf_conntrack_count is at nf_conntrack_max on the node, or its drop counter grew while the failing checks were repeated; near the limit it is only suspected. From the pod: new connections time out now and then, whatever the target.",
		Meaning: "The first packet of every new connection is dropped; connections that exist go on.",
		Confirm: []string{"sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max (on the node)", "conntrack -S (on the node)", "dmesg | grep 'table full' (on the node)"},
		Remedy:  []string{"sysctl -w net.netfilter.nf_conntrack_max=N (on the node), or kube-proxy's --conntrack-max-per-core", "find who opens so many: conntrack -L | awk '{print $5}' | sort | uniq -c | sort -n"},
		Source:  "kernel: Documentation/networking/nf_conntrack-sysctl.rst",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtNode, Says: "table full"},
		Find:    findConntrackFull,
	})
}

func findConntrackFull(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "node.conntrack", Vantage: "node/", Status: []check.Status{check.Fail}}) {
		node := strings.TrimPrefix(r.Vantage, "node/")
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("the connection tracking table of node %s is nearly full: %s", node, r.Summary),
			Confidence: diagnose.Likely,
			Where:      []string{"node/" + node},
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Explains:   []string{diagnose.Key(r)},
			Likely:     "many short connections, a scan, or a limit that is too small for the node",
			Try:        []string{"conntrack -S   (on node " + node + ")"},
			Rank:       rankMeasured,
		}
		var table facts.Conntrack
		if r.Kernel != nil && r.Kernel.Conntrack != nil {
			table = *r.Kernel.Conntrack
			f.Try = append(f.Try, fmt.Sprintf("sysctl -w net.netfilter.nf_conntrack_max=%d   (on node %s: twice what it is)", 2*table.Max, node))
		}
		refused := c.Moved[node]["conntrack.drop"] + c.Moved[node]["conntrack.early_drop"]
		if refused > 0 {
			f.Evidence = append(f.Evidence, fmt.Sprintf("%d packets or older flows were dropped for want of room while the failing checks were repeated", refused))
		}
		if refused > 0 || table.Max > 0 && table.Count >= table.Max {
			f.Headline = fmt.Sprintf("the connection tracking table of node %s is full: %s", node, r.Summary)
			f.Confidence = diagnose.Certain
			f.Explains = append(f.Explains, refusedFlows(c, node)...)
		}
		findings = append(findings, f)
	}
	if len(findings) > 0 {
		return findings
	}
	for _, h := range c.Hops() {
		if c.Deep(h.To) {
			continue
		}
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("the connection tracking table of node %s may be full", h.To),
			Confidence: diagnose.Possible,
			Where:      []string{"node/" + h.To},
			Evidence:   dark(h),
			Explains:   c.Through(h.Keys),
			Try:        []string{netlookNode(h.To)},
			Rank:       rankNode,
		})
	}
	if len(findings) > 0 || c.Deep(c.Home()) || c.Home() == "" || len(c.LostGateways(c.Facts.Vantage.String())) > 0 {
		return findings
	}
	// From the pod: targets on several nodes, or also outside, lose new connections.
	scattered := map[string]bool{}
	var keys []string
	for _, r := range c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.Timeout}}) {
		if r.Vantage == check.VantageAPI {
			continue
		}
		if node := c.NodeOf(r); node != "" {
			scattered[node] = true
		} else if r.Check == "external.host" || strings.HasPrefix(r.Check, "api.") {
			scattered[r.Check] = true
		}
		keys = append(keys, diagnose.Key(r))
	}
	if len(scattered) < 2 {
		return nil
	}
	return []diagnose.Finding{{
		Headline:   fmt.Sprintf("the connection tracking table of node %s may be full", c.Home()),
		Confidence: diagnose.Possible,
		Where:      []string{"node/" + c.Home()},
		Evidence:   []string{fmt.Sprintf("%d results of different kinds time out", len(keys))},
		Explains:   append(keys, namesFailing(c)...),
		Try:        []string{"sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max   (on node " + c.Home() + ")"},
		Rank:       rankNode,
	}}
}

// refusedFlows are what new connections across a node fail at while its table is full.
func refusedFlows(c *diagnose.Case, node string) []string {
	var keys []string
	for _, r := range c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.Timeout, check.Silent, check.Undelivered, check.Unreachable, check.Denied, check.MTU}}) {
		if node == homeOf(c, r.Vantage) || node == c.NodeOf(r) {
			keys = append(keys, diagnose.Key(r))
		}
	}
	keys = c.Through(keys)
	if node == c.Home() || servesNames(c, node) {
		keys = append(keys, namesFailing(c)...)
	}
	return keys
}

// servesNames reports whether a DNS server of the cluster is on a node.
func servesNames(c *diagnose.Case, node string) bool {
	return c.Facts.DNS.Service != nil && slices.ContainsFunc(c.Facts.DNS.Service.Ready(), func(e facts.Endpoint) bool { return e.Node == node })
}
