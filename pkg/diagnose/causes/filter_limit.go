package causes

import (
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// limits are the conditions, as node.filter names them, by which a rule means some packets
// of those that it asks for: no more than so many a second, at once, or by chance. Where a
// rule holds a table of them by address, what it asks of it is dynset.
var limits = []string{"limit", "connlimit", "quota", "numgen", "dynset", "-m limit", "-m hashlimit", "-m connlimit", "-m recent", "-m statistic"}

// limitedBy are where connections came to an end on a node that a rule with a limit asks
// for by their address, as far as it is understood, where others to the same were answered.
func limitedBy(c *diagnose.Case, node string, d facts.Drop, stopped []netip.AddrPort) []netip.AddrPort {
	if d.Match == nil || !slices.ContainsFunc(d.Match.Others, func(o string) bool { return slices.Contains(limits, o) }) {
		return nil
	}
	to, err := netip.ParsePrefix(d.Match.Dst)
	if err != nil || !to.IsSingleIP() {
		return nil
	}
	understood := *d.Match
	understood.Others = nil
	var list []netip.AddrPort
	for _, flow := range stoppedFlows(c, node, stopped) {
		src, dst, ends, ok := wayOf(c, flow)
		if !ok || reachOf(c, node, d, src.Addr(), dst.Addr()) == astray {
			continue
		}
		for _, end := range ends {
			asked := slices.ContainsFunc(packetsOf(flow, src, end), func(p facts.Packet) bool { return understood.Names(p) && !letBy(c, node, d, p) })
			if asked && someAnswered(c, end.Addr()) {
				list = append(list, end)
				break
			}
		}
	}
	return list
}

// someAnswered reports whether of the connections to an address some came about and others
// did not.
func someAnswered(c *diagnose.Case, addr netip.Addr) bool {
	return slices.ContainsFunc(c.Find(diagnose.Match{Status: failing}), func(r check.Result) bool {
		to, ok := diagnose.TargetAddr(r)
		return ok && to == addr && r.Lost() > 0 && r.Lost() < len(r.Attempts)
	})
}

// partlyLost are the results about ports of pods that take some connections and not others,
// by address, where another pod on the same node loses none: neither the way nor the node
// as a whole does.
func partlyLost(c *diagnose.Case) [][]check.Result {
	vantage := c.Facts.Vantage.String()
	at := map[netip.Addr]int{}
	var groups [][]check.Result
	for _, r := range c.Find(diagnose.Match{Vantage: vantage, Status: failing, Failure: []check.Failure{check.Timeout, check.Loss}}) {
		addr, ok := diagnose.TargetAddr(r)
		if !ok || r.Vantage != vantage || !slices.Contains([]string{"service.endpoint", "target.tcp", "path.loss"}, r.Check) || r.Lost() == len(r.Attempts) || c.NodeOf(r) == "" || !otherClean(c, r, addr) {
			continue
		}
		i, known := at[addr]
		if !known {
			i = len(groups)
			at[addr] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return slices.DeleteFunc(groups, func(group []check.Result) bool {
		return !slices.ContainsFunc(group, func(r check.Result) bool { return r.Lost() > 0 })
	})
}

// otherClean reports whether another pod on the node of a result was tried often enough, and
// lost nothing.
func otherClean(c *diagnose.Case, r check.Result, addr netip.Addr) bool {
	return slices.ContainsFunc(c.Find(diagnose.Match{Check: "path.loss", Vantage: r.Vantage, Status: []check.Status{check.Pass}}), func(o check.Result) bool {
		other, ok := diagnose.TargetAddr(o)
		return ok && other != addr && c.NodeOf(o) == c.NodeOf(r) && len(o.Attempts) >= minTried
	})
}

// limitSuspects are what may be so of such a pod, and the shallow rung cannot tell: a rule
// with a limit on its node.
func limitSuspects(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, group := range partlyLost(c) {
		node := c.NodeOf(group[0])
		if c.Deep(node) {
			continue
		}
		findings = append(findings, diagnose.Finding{
			Headline:   "a packet filter rule on node " + node + ", or in the pod, may drop some connections to " + group[0].Target + ": a limit",
			Confidence: diagnose.Possible,
			Where:      append([]string{"node/" + node}, places(c, group[:1])...),
			Evidence:   append(seenAll(group), "another pod on node "+node+" loses nothing"),
			Explains:   c.Through(diagnose.Keys(group)),
			Try:        []string{netlookNode(node)},
			Rank:       rankNode,
		})
	}
	return findings
}

// overflows are the same, by the application's own doing: a listen queue that is full now
// and then, unless somebody has looked into the pod.
func overflows(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, group := range partlyLost(c) {
		object := group[0].Object
		if object == "" || len(c.Find(diagnose.Match{Check: "pod.backlog", Object: object})) > 0 {
			continue
		}
		findings = append(findings, diagnose.Finding{
			Headline:   "the listen queue of " + group[0].Target + " may be full now and then: the application accepts connections too slowly",
			Confidence: diagnose.Possible,
			Where:      places(c, group[:1]),
			Evidence:   append(seenAll(group), "another pod on node "+c.NodeOf(group[0])+" loses nothing"),
			Explains:   c.Through(diagnose.Keys(group)),
			Try:        []string{"kubectl netlook " + lookFrom(object)},
			Rank:       rankSymptom,
		})
	}
	return findings
}
