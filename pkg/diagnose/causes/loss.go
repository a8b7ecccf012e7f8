package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-PATH-LOSS",
		Summary: "a share of the packets to a node's pods is lost",
		Signal:  "Attempts at several addresses on one node fail or are repeated in part, none fails always, and addresses elsewhere lose nothing.",
		Meaning: "Connections are slow to start (a lost SYN costs 1 s) and now and then fail.",
		Confirm: []string{"ping -c 100 -i 0.1 ADDRESS", "ip -s link show", "tc -s qdisc show"},
		Remedy:  []string{"replace the cable, port or instance; look at interface errors and drops on both nodes"},
		Source:  "RFC 6298: the first retransmission timeout is 1 s",
		Find:    findLoss,
	})
}

// findLoss counts, by vantage point and far node, attempts that were lost among some
// that were not.
func findLoss(c *diagnose.Case) []diagnose.Finding {
	type tally struct {
		vantage, node string
		tried, lost   int
		addrs, dead   map[string]bool
		results       []check.Result
	}
	tallies := map[string]*tally{}
	var order []string
	for _, r := range c.Results {
		node := c.NodeOf(r)
		if node == "" || len(r.Attempts) == 0 || r.Vantage == check.VantageAPI {
			continue
		}
		key := r.Vantage + " " + node
		t := tallies[key]
		if t == nil {
			t = &tally{vantage: r.Vantage, node: node, addrs: map[string]bool{}, dead: map[string]bool{}}
			tallies[key] = t
			order = append(order, key)
		}
		lost := 0
		for _, a := range r.Attempts {
			if a.Failure == check.Timeout || a.Failure == check.Silent {
				lost++
			}
		}
		t.tried += len(r.Attempts)
		t.lost += lost
		switch {
		case lost == len(r.Attempts) && lost > 1:
			t.dead[r.Target] = true
		case lost > 0:
			t.addrs[r.Target] = true
			t.results = append(t.results, r)
		}
	}
	elsewhere := func(vantage, node string) (tried, lost int) {
		for _, t := range tallies {
			if t.vantage == vantage && t.node != node {
				tried += t.tried
				lost += t.lost
			}
		}
		return tried, lost
	}
	var findings []diagnose.Finding
	for _, key := range order {
		t := tallies[key]
		if len(t.addrs) < 2 || len(t.dead) > len(t.addrs)/2 {
			continue
		}
		tried, lost := elsewhere(t.vantage, t.node)
		if tried > 0 && lost*5 > tried {
			continue // it loses everywhere: not this node's way
		}
		keys := diagnose.Keys(t.results)
		for _, r := range c.Find(diagnose.Match{Vantage: t.vantage, Status: failing}) {
			if c.NodeOf(r) == t.node && (r.Failure == check.Timeout || r.Failure == check.Silent || r.Failure == check.MTU) {
				keys = append(keys, diagnose.Key(r))
			}
		}
		slices.SortFunc(t.results, func(a, b check.Result) int { return strings.Compare(a.Target, b.Target) })
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("%d of %d attempts at pods on node %s are lost", t.lost, t.tried, t.node),
			Confidence: diagnose.Likely,
			Where:      []string{"node/" + t.node, "the way from " + t.vantage + " to it"},
			Evidence:   append(seenAll(t.results), fmt.Sprintf("to other nodes: %d of %d lost", lost, tried)),
			Explains:   c.Through(keys),
			Likely:     "a bad link, an overloaded interface, or a rate limit on the way",
			Try:        []string{netlookNode(t.node), "kubectl get events -A --field-selector involvedObject.kind=Node"},
			Rank:       rankPath,
		})
	}
	return findings
}
