package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// leastSent is how often each connection whose data are lost sends them while it is
// watched: at first, and when TCP's timer runs out (RFC 6298), 0.2 s later where the way is
// short.
const leastSent = 2

// dataDrops are the rules that dropped what connections sent that had opened. Both nodes
// have such connections in their tracking, so that it is the counter alone that tells, in
// which strangers' packets are counted too: that is never certain.
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
	for _, node := range deepNodes(c) {
		opened := openedThrough(c, node, lost)
		for _, d := range dropsAt(c, node) {
			through, way, ours := throughRule(c, node, d, opened)
			n := c.Moved[node][d.Counter()]
			if !ours || proxysOwn(d) || n < uint64(max(minDropped, leastSent*len(through))) {
				continue
			}
			f := filterFinding(node, d, through, about(c, node, through))
			f.Headline = fmt.Sprintf("a packet filter rule on node %s drops the data of connections to %s: %s", node, strings.TrimPrefix(packetsTo(through), "what goes to "), d.Name())
			f.Confidence, f.Rank = diagnose.Likely, rankMeasured
			doubtDevice(&f, way)
			f.Evidence = append(f.Evidence,
				fmt.Sprintf("its counter grew by %d while the failing checks were repeated", n),
				fmt.Sprintf("%d of our connections opened through node %s, and their data were lost: sent, sent again and not acknowledged, or not received", len(through), node))
			findings = append(findings, f)
		}
	}
	for i := range findings {
		for j, other := range findings {
			if i != j {
				findings[i].Evidence = append(findings[i].Evidence, "or "+other.Where[1]+" on "+other.Where[0]+", whose counter grew as well")
			}
		}
	}
	return findings
}

// opening is a repeated connection that opened, and where it was to go of the ports at
// which data are lost.
type opening struct {
	at   netip.AddrPort
	flow facts.Flow
}

// openedThrough are those that a node has as answered.
func openedThrough(c *diagnose.Case, node string, lost map[netip.AddrPort]bool) []opening {
	var list []opening
	for _, flow := range flowsAt(c, node) {
		for _, text := range []string{flow.Orig.Dst, sentTo(flow)} {
			dst, err := netip.ParseAddrPort(text)
			if err != nil || !flow.Found || !flow.SeenReply {
				continue
			}
			if dst = netip.AddrPortFrom(dst.Addr().Unmap(), dst.Port()); lost[dst] {
				list = append(list, opening{dst, flow})
				break
			}
		}
	}
	return list
}

// throughRule are where those were to go that a rule names, or whose hook they pass where
// it names none of them; with how surely they pass its devices, and whether what it
// dropped may be theirs at all.
func throughRule(c *diagnose.Case, node string, d facts.Drop, opened []opening) (through []netip.AddrPort, way reach, ours bool) {
	var named []netip.AddrPort
	var flows []facts.Flow
	var namedWay reach
	for _, o := range opened {
		if !onTheWay(d) && c.HostOfAddr(o.at.Addr()) != node {
			continue
		}
		r := flowReach(c, node, d, o.flow)
		through, flows, way = append(through, o.at), append(flows, o.flow), max(way, r)
		if _, _, ok := names(c, node, d, o.flow); ok {
			named, namedWay = append(named, o.at), max(namedWay, r)
		}
	}
	if len(named) > 0 {
		return named, namedWay, true
	}
	return through, way, len(through) > 0 && !forOthers(c, node, d, through, flows)
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
		try = append(try, listing(node, silent[0]))
	}
	if !grew && slices.Contains(deepNodes(c), node) && c.Moved[node] != nil {
		lines = append(lines, fmt.Sprintf("no rule on node %s that counts what it drops counted them", node))
	}
	return lines, try
}
