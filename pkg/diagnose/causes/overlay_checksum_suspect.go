package causes

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// checksumSuspects are what the shallow rung can say of damaged checksums: where pings
// arrive and nothing else does, they are likely; where nothing at all arrives, they are
// one of many reasons.
func checksumSuspects(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, vantage := range vantages(c) {
		if home := homeOf(c, vantage); home != "" && !c.Deep(home) {
			if f, found := onlyPings(c, vantage, home); found {
				findings = append(findings, f)
			}
		}
	}
	for _, h := range c.Hops() {
		if c.Deep(h.From) && c.Deep(h.To) {
			continue // what arrives there was counted
		}
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("packets between nodes %s and %s may arrive with wrong checksums", h.From, h.To),
			Confidence: diagnose.Possible,
			Where:      []string{"node/" + h.From, "node/" + h.To},
			Evidence:   dark(h),
			Explains:   c.Through(h.Keys),
			Try:        []string{netlookNode(h.From), netlookNode(h.To)},
			Rank:       rankNode,
		})
	}
	return findings
}

// minPinged is how many pods must answer pings and nothing else: of one alone, a rule
// that drops its port is the better guess.
const minPinged = 2

// onlyPings finds that no port of any pod on another node answers, over TCP or UDP, and
// that pods there answer pings, while ports on the own node do answer. The kernel itself
// fills in the checksum of a ping; those of TCP and UDP are left to the interface.
func onlyPings(c *diagnose.Case, vantage, home string) (diagnose.Finding, bool) {
	pinged, silent := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	var nodes, keys []string
	near := 0
	for _, r := range c.Results {
		addr, known := diagnose.TargetAddr(r)
		node := c.NodeOfAddr(addr)
		if !known || r.Vantage != vantage || node == "" {
			continue
		}
		if r.Check == "target.icmp" || r.Check == "path.mtu" || r.Check == "gateway.icmp" {
			pinged[addr] = pinged[addr] || r.Check == "target.icmp" && r.Status == check.Pass
			continue
		}
		if len(r.Attempts) == 0 {
			continue
		}
		switch dead := allFailures(r, check.Timeout, check.Unreachable); {
		case node == home && !dead:
			near++
		case node != home && !dead:
			return diagnose.Finding{}, false
		case node != home:
			silent[addr] = true
			if !slices.Contains(nodes, node) {
				nodes = append(nodes, node)
				keys = append(keys, c.Crossing(home, node)...)
			}
		}
	}
	both := 0
	for addr := range silent {
		if pinged[addr] {
			both++
		}
	}
	if near == 0 || both < minPinged {
		return diagnose.Finding{}, false
	}
	slices.Sort(nodes)
	return diagnose.Finding{
		Headline:   fmt.Sprintf("from node %s pods on other nodes answer pings and nothing else: packets seem to arrive with wrong checksums", home),
		Confidence: diagnose.Likely,
		Where:      waysFrom(home, nodes),
		Evidence: []string{
			fmt.Sprintf("%d pods on other nodes answer pings, and no port of theirs answers over TCP or UDP", both),
			fmt.Sprintf("%d checks of pods on node %s itself were answered", near, home),
		},
		Explains: append(keys, namesLost(c, keys)...),
		Likely:   "a bug in the kernel, or in the driver of the interface that fills in the checksums of encapsulated packets; else a rule that lets nothing but pings pass",
		Try:      []string{netlookNode(home) + " --deep", "ethtool -k TUNNEL-DEVICE | grep tx-checksum   (on node " + home + ")"},
		Rank:     rankNode,
	}, true
}

func waysFrom(home string, nodes []string) []string {
	list := []string{"node/" + home}
	for _, n := range nodes[:min(len(nodes), mostPlaces)] {
		list = append(list, "its way to node/"+n)
	}
	return list
}
