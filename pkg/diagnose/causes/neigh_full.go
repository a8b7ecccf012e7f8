package causes

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-NODE-NEIGH-FULL",
		Summary: "a node's neighbour table (ARP, NDP) is full",
		Signal:  "The neighbours of a family on the node are near gc_thresh3; certain when the kernel refused entries (table_fulls) while the failing checks were repeated.",
		Meaning: "Packets to hosts and pods that are not in the table are dropped; those that are in it go on working.",
		Confirm: []string{"ip -4 neigh show | wc -l; sysctl net.ipv4.neigh.default.gc_thresh3 (on the node)", "dmesg | grep 'neighbour: arp_cache: neighbor table overflow' (on the node)"},
		Remedy:  []string{"sysctl -w net.ipv4.neigh.default.gc_thresh3=N (on the node: twice what it is, gc_thresh2 and gc_thresh1 below it)"},
		Source:  "arp(7), gc_thresh3; net/core/neighbour.c, neigh_alloc",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtNode, Says: "neighbours full"},
		Find:    findNeighFull,
	})
}

func findNeighFull(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "node.neightable", Vantage: "node/", Status: []check.Status{check.Warn, check.Fail}}) {
		node := strings.TrimPrefix(r.Vantage, "node/")
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("on node %s %s", node, r.Summary),
			Confidence: diagnose.Likely,
			Where:      []string{"node/" + node},
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Explains:   []string{diagnose.Key(r)},
			Likely:     "more pods and nodes on one link than the kernel's limits, made for small networks, allow",
			Rank:       rankNode,
		}
		if r.Kernel != nil {
			for _, limit := range r.Kernel.Sysctls {
				if n, err := strconv.Atoi(limit.Value); err == nil && word(limit.Name) && strings.Contains(r.Summary, familyOf(limit.Name)) {
					f.Try = append(f.Try, fmt.Sprintf("sysctl -w %s=%d   (on node %s: twice what it is)", limit.Name, 2*n, node))
				}
			}
		}
		if refused := c.Moved[node]["arp.table_fulls"] + c.Moved[node]["ndisc.table_fulls"]; refused > 0 {
			f.Confidence, f.Rank = diagnose.Certain, rankMeasured
			f.Evidence = append(f.Evidence, fmt.Sprintf("the kernel refused %d entries while the failing checks were repeated (table_fulls)", refused))
			f.Explains = append(append(f.Explains, c.Crossing(node, "")...), within(c, node)...)
		}
		findings = append(findings, f)
	}
	return findings
}

// familyOf is the address family in a setting's name: net.ipv4.neigh...
func familyOf(setting string) string { return strings.Split(setting+"..", ".")[1] }
