package causes

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Each connection whose data are lost sends them so often while it is watched: at first,
// and when TCP's timer runs out (RFC 6298), after 0.2 s and 0.4 s more where the way is
// short. More than mostSent and it is not these packets that a rule counted, or others too.
const (
	leastSent = 2
	mostSent  = 8
)

// dataDrops are the rules that dropped what connections sent that had opened. Both nodes
// have such connections in their tracking, so that it is the counter alone that tells: it
// is certain only where one rule grew on all of the way, and about as it should have.
func dataDrops(c *diagnose.Case) []diagnose.Finding {
	lost := map[netip.AddrPort]bool{}
	for _, group := range undelivered(c) {
		for _, r := range group {
			if at, _, ok := diagnose.TargetPort(r); ok && allFailures(r, check.Undelivered) {
				lost[netip.AddrPortFrom(at.Addr().Unmap(), at.Port())] = true
			}
		}
	}
	var findings []diagnose.Finding
	grew := 0
	for _, node := range deepNodes(c) {
		through := openedThrough(c, node, lost)
		for _, d := range dropsAt(c, node) {
			n := c.Moved[node][d.Counter()]
			switch {
			case n < minDropped || proxysOwn(d) || !onTheWay(d) && len(atHost(c, node, through)) == 0:
				continue
			case len(through) == 0:
				continue
			}
			grew++
			f := filterFinding(node, d, through, about(c, node, through))
			f.Evidence = append(f.Evidence,
				fmt.Sprintf("its counter grew by %d while the failing checks were repeated", n),
				fmt.Sprintf("%d of our connections opened through node %s, and data in them were lost", len(through), node))
			f.Confidence, f.Rank = diagnose.Likely, rankMeasured
			if sent := uint64(len(through)); n >= leastSent*sent && n <= mostSent*sent {
				f.Confidence = diagnose.Certain
			}
			findings = append(findings, f)
		}
	}
	if grew > 1 { // it is one of them
		for i := range findings {
			findings[i].Confidence = diagnose.Likely
		}
	}
	return findings
}

// openedThrough are where the repeated connections were to go that a node has as answered,
// of those to ports at which data are lost.
func openedThrough(c *diagnose.Case, node string, lost map[netip.AddrPort]bool) []netip.AddrPort {
	var list []netip.AddrPort
	for _, flow := range flowsAt(c, node) {
		for _, text := range []string{flow.Orig.Dst, sentTo(flow)} {
			dst, err := netip.ParseAddrPort(text)
			if err != nil || !flow.Found || !flow.SeenReply {
				continue
			}
			if dst = netip.AddrPortFrom(dst.Addr().Unmap(), dst.Port()); lost[dst] {
				list = append(list, dst)
				break
			}
		}
	}
	return list
}

func sentTo(flow facts.Flow) string {
	if !flow.DstNAT {
		return ""
	}
	return flow.SentTo().String()
}

// rulesSeen is what is known of a node's rules where data of connections are lost and no
// rule was found to have dropped them.
func rulesSeen(c *diagnose.Case, node string) (lines, try []string) {
	var silent []facts.Drop
	grew := false
	for _, d := range dropsAt(c, node) {
		switch {
		case proxysOwn(d) || !onTheWay(d):
		case d.Packets == nil:
			silent = append(silent, d)
		case c.Moved[node][d.Counter()] >= minDropped:
			grew = true
		}
	}
	if len(silent) > 0 {
		lines = append(lines, fmt.Sprintf("rules or policies on node %s that drop, and count nothing: %d, such as %s", node, len(silent), silent[0].Name()))
		try = append(try, fmt.Sprintf("nft -a list chain %s %s %s   (on node %s)", silent[0].Family, silent[0].Table, silent[0].Chain, node))
	}
	if !grew && slices.Contains(deepNodes(c), node) && c.Moved[node] != nil {
		lines = append(lines, fmt.Sprintf("no rule on node %s that counts what it drops counted them", node))
	}
	return lines, try
}
