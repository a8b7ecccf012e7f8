package causes

import (
	"fmt"
	"slices"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-PATH-SLOW",
		Summary: "the way to one node's pods is much slower than to the others",
		Signal:  "The fastest answer from every pod on one node takes many times as long as the fastest of other nodes: it is the way, not one application.",
		Meaning: "Everything that crosses this way waits: chatty protocols suffer most.",
		Confirm: []string{"ping -c 20 ADDRESS", "tc -s qdisc show"},
		Remedy:  []string{"look for a rate limit (tc qdisc), an overloaded link, or a path through another zone"},
		Source:  "field notes: degraded path",
		Spot:    diagnose.Spot{Place: diagnose.AtBetween, Says: "slow"},
		Find:    findSlow,
	})
}

// Below slowFloor nothing is called slow; a way is slow that takes slowTimes as long.
const (
	slowFloor = 40 * time.Millisecond
	slowTimes = 8
)

func findSlow(c *diagnose.Case) []diagnose.Finding {
	type pair struct{ vantage, node string }
	fastest := map[pair]time.Duration{} // the fastest answer
	medians := map[pair][]time.Duration{}
	peers := map[pair]map[string]bool{}
	for _, r := range c.Results {
		node := c.NodeOf(r)
		if node == "" || r.Vantage == check.VantageAPI {
			continue
		}
		var times []time.Duration
		for _, a := range r.Attempts {
			if a.Failure == "" && a.RTT > 0 {
				times = append(times, a.RTT.D())
			}
		}
		if len(times) == 0 {
			continue
		}
		slices.Sort(times)
		p := pair{r.Vantage, node}
		if best, known := fastest[p]; !known || times[0] < best {
			fastest[p] = times[0]
		}
		medians[p] = append(medians[p], times[len(times)/2])
		if peers[p] == nil {
			peers[p] = map[string]bool{}
		}
		peers[p][r.Target] = true
	}
	var findings []diagnose.Finding
	for p, best := range fastest {
		if best < slowFloor || len(peers[p]) < 2 {
			continue
		}
		// The fastest answer of each other node: a machine that is busy at this end makes
		// most answers late, and not the best of many.
		var elsewhere []time.Duration
		tried := 0
		for q, fast := range fastest {
			if q.vantage == p.vantage && q.node != p.node {
				elsewhere = append(elsewhere, fast)
				tried += len(medians[q])
			}
		}
		slices.Sort(elsewhere)
		if tried < 2 || best < slowTimes*elsewhere[len(elsewhere)/2] {
			continue
		}
		typical := elsewhere[len(elsewhere)/2]
		queues := c.Find(diagnose.Match{Check: "node.qdisc", Vantage: "node/" + p.node, Status: failing})
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("pods on node %s take at least %s to answer, others %s", p.node, best.Round(time.Millisecond), typical.Round(100*time.Microsecond)),
			Confidence: diagnose.Likely,
			Where:      []string{"node/" + p.node, "the way from " + p.vantage + " to it"},
			Evidence:   []string{fmt.Sprintf("fastest of %d answers from node %s: %s", len(medians[p]), p.node, best.Round(time.Microsecond)), fmt.Sprintf("fastest elsewhere, by node: %s", typical.Round(time.Microsecond))},
			Explains:   diagnose.Keys(queues),
			Likely:     "a rate limit or queue on the node's link, or a longer way (another zone)",
			Try:        []string{netlookNode(p.node)},
			Rank:       rankPath,
		}
		f.Evidence = append(f.Evidence, seenAll(queues)...)
		findings = append(findings, f)
	}
	slices.SortFunc(findings, func(a, b diagnose.Finding) int { return slices.Compare(a.Where, b.Where) })
	return findings
}
