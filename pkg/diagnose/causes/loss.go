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

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-PATH-LOSS",
		Summary: "a share of the packets to a node's pods is lost",
		Signal:  "To every pod on one node some connections come about and others do not, or had to repeat their first packet (TCP_INFO, tcpi_total_retrans), and pods elsewhere lose nothing. Where the pods of all other nodes lose, it is the way out of the node of the vantage point.",
		Meaning: "Connections are slow to start (a lost SYN costs 1 s) and now and then fail.",
		Confirm: []string{"ping -c 100 -i 0.1 ADDRESS", "ip -s link show", "tc -s qdisc show"},
		Remedy:  []string{"replace the cable, port or instance; look at interface errors and drops on both nodes"},
		Source:  "RFC 6298: the first retransmission timeout is 1 s; tcp(7), TCP_INFO",
		Spot:    diagnose.Spot{Place: diagnose.AtBetween, Says: "packets lost"},
		Find:    findLoss,
	})
}

const (
	// minLost is how many attempts must have been lost before it is called loss, and
	// minTried how many an address needs to count as one that loses nothing.
	minLost  = 3
	minTried = 10
	// otherLoss is the share of attempts elsewhere, one in so many, that makes it
	// everybody's loss.
	otherLoss = 10
)

// lossTally is how the packets to an address, or to all of a node's, fared.
type lossTally struct {
	tried, lost int
	// lossy are addresses to which some attempts were lost and others not; dead those
	// to which all were, clean those to which none was.
	lossy, dead, clean []netip.Addr
	results            []check.Result
}

func (t *lossTally) add(o lossTally) {
	t.tried += o.tried
	t.lost += o.lost
	t.lossy = append(t.lossy, o.lossy...)
	t.dead = append(t.dead, o.dead...)
	t.clean = append(t.clean, o.clean...)
	t.results = append(t.results, o.results...)
}

// whole reports whether all of the node's addresses that answer lose packets, and more
// than the odd one that any network loses: a check found it bad.
func (t *lossTally) whole() bool {
	return slices.ContainsFunc(t.results, diagnose.Bad) && len(t.clean) == 0 && len(t.dead) <= len(t.lossy) && t.lost >= minLost
}

// findLoss counts, by vantage point and far node, attempts that were lost among some
// that were not.
func findLoss(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, vantage := range vantages(c) {
		home := homeOf(c, vantage)
		nodes := tallyLoss(c, vantage)
		var names, ill []string
		for node, t := range nodes {
			if node != home {
				names = append(names, node)
			}
			if node != home && t.whole() {
				ill = append(ill, node)
			}
		}
		slices.Sort(ill)
		if len(ill) > 1 && len(ill) == len(names) && home != "" {
			var all lossTally
			for _, node := range ill {
				all.add(*nodes[node])
			}
			findings = append(findings, lossFinding(c, vantage, home, "any other node", all, *orNone(nodes[home])))
			continue
		}
		for _, node := range ill {
			var others lossTally
			for other, t := range nodes {
				if other != node {
					others.add(*t)
				}
			}
			if others.lost*otherLoss <= others.tried {
				findings = append(findings, lossFinding(c, vantage, node, "node "+node, *nodes[node], others))
			}
		}
	}
	return findings
}

func orNone(t *lossTally) *lossTally {
	if t == nil {
		return &lossTally{}
	}
	return t
}

// tallyLoss sums up what came of all attempts from a vantage point at pods, by node.
func tallyLoss(c *diagnose.Case, vantage string) map[string]*lossTally {
	byAddr := map[netip.Addr]*lossTally{}
	var order []netip.Addr
	// Echoes last, and only as a second witness: some networks let few of them pass.
	results := slices.Clone(c.Results)
	slices.SortStableFunc(results, func(a, b check.Result) int { return boolInt(a.Check == "path.echo") - boolInt(b.Check == "path.echo") })
	alive := answering(c, results, vantage)
	for _, r := range results {
		addr, known := diagnose.TargetAddr(r)
		if !known || r.Vantage != vantage || c.NodeOf(r) == "" || r.Check == "path.mtu" || len(r.Attempts) == 0 {
			continue
		}
		t := byAddr[addr]
		if r.Check == "path.echo" && (t == nil || t.lost == 0) {
			continue
		}
		if t == nil {
			t = &lossTally{}
			byAddr[addr] = t
			order = append(order, addr)
		}
		if slices.ContainsFunc(r.Attempts, func(a check.Attempt) bool {
			return a.Failure != "" && a.Failure != check.Timeout && a.Failure != check.Undelivered && !saidNo(a)
		}) {
			continue // a closed UDP port: hosts say so once a second, and are silent between
		}
		lost := 0
		for _, a := range r.Attempts {
			if a.Failure != "" && !saidNo(a) || a.Repeats > 0 {
				lost++
			}
		}
		if lost == len(r.Attempts) && lost > 1 && r.Check != "path.loss" && (!alive[portOf(r)] || !ofItsOwn(c, r)) {
			continue // a port that never answers has a trouble of its own
		}
		t.tried += len(r.Attempts)
		t.lost += lost
		if lost > 0 {
			t.results = append(t.results, r)
		}
	}
	nodes := map[string]*lossTally{}
	for _, addr := range order {
		t := byAddr[addr]
		switch {
		case t.tried == 0:
			t.dead = append(t.dead, addr)
		case t.lost > 0:
			t.lossy = append(t.lossy, addr)
		case t.tried >= minTried:
			t.clean = append(t.clean, addr)
		}
		node := c.NodeOfAddr(addr)
		if nodes[node] == nil {
			nodes[node] = &lossTally{}
		}
		nodes[node].add(*t)
	}
	return nodes
}

// saidNo reports whether a DNS server answered that there is nothing: no packet was lost.
func saidNo(a check.Attempt) bool { return a.Failure == check.NoData || a.Failure == check.NXDomain }

// spokenPort is a port, and the protocol that it is spoken to in.
type spokenPort struct {
	at       netip.AddrPort
	protocol facts.Protocol
}

func portOf(r check.Result) spokenPort {
	at, protocol, _ := diagnose.TargetPort(r)
	return spokenPort{netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), protocol}
}

// answering are the ports that answered some attempt from a vantage point: two attempts in
// a row that both time out there are chance, where packets get lost.
func answering(c *diagnose.Case, results []check.Result, vantage string) map[spokenPort]bool {
	alive := map[spokenPort]bool{}
	for _, r := range results {
		if port := portOf(r); port.at.IsValid() && r.Vantage == vantage && ofItsOwn(c, r) {
			alive[port] = alive[port] || slices.ContainsFunc(r.Attempts, func(a check.Attempt) bool { return a.Failure == "" })
		}
	}
	return alive
}

// ofItsOwn reports whether a port answers what a check asked it of its own accord, or does
// not: a name outside the cluster is another server's to answer, and so is that of a service
// which is an alias of one. Nothing but timeouts: what is said or sent after a connection
// came about has other ways to fail.
func ofItsOwn(c *diagnose.Case, r check.Result) bool {
	if r.Check == "dns.service" {
		if s := serviceNamed(c, r.Target[strings.LastIndex(r.Target, " ")+1:]); s != nil && s.Type == "ExternalName" {
			return false
		}
	}
	return r.Check != "dns.external" && !slices.ContainsFunc(r.Attempts, func(a check.Attempt) bool {
		return a.Failure != "" && a.Failure != check.Timeout
	})
}

// lossFinding says that the way to place loses packets; node is where to look.
func lossFinding(c *diagnose.Case, vantage, node, place string, t, others lossTally) diagnose.Finding {
	keys := diagnose.Keys(t.results)
	for _, r := range c.Find(diagnose.Match{Vantage: vantage, Status: failing, Failure: []check.Failure{check.Timeout, check.Silent, check.Undelivered, check.MTU, check.Loss}}) {
		addr, _ := diagnose.TargetAddr(r)
		if r.Vantage == vantage && (slices.Contains(t.lossy, addr) || slices.Contains(t.dead, addr)) {
			keys = append(keys, diagnose.Key(r))
		}
	}
	slices.SortStableFunc(t.results, func(a, b check.Result) int { return strings.Compare(b.Check, a.Check) })
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("%d of %d packets to pods on %s were lost", t.lost, t.tried, place),
		Confidence: diagnose.Likely,
		Where:      []string{"node/" + node, "the way from " + vantage + " to " + place},
		Evidence:   append(seenAll(t.results), fmt.Sprintf("to other pods: %d of %d lost", others.lost, others.tried)),
		Explains:   c.Through(keys),
		Likely:     "a bad link, an overloaded interface, or a rate limit on the way",
		Try:        []string{netlookNode(node), "ip -s link show   (on node " + node + ": errors, dropped, overruns)"},
		Rank:       rankPath,
	}
	if len(t.lossy) == 1 {
		f.Where = append(f.Where, "or the link of pod "+t.lossy[0].String()+" itself: no other was tried there")
		if oneTarget(t.results) {
			// A process that does not keep up with accepting looks alike: the kernel
			// drops its SYNs (TcpExt ListenOverflows).
			f.Confidence = diagnose.Possible
			f.Likely = "a bad link, or a process that accepts more slowly than connections come"
		}
	}
	return f
}

func oneTarget(results []check.Result) bool {
	for _, r := range results {
		if r.Target != results[0].Target {
			return false
		}
	}
	return true
}

// vantages are the vantage points of the results, but for the API, sorted.
func vantages(c *diagnose.Case) []string {
	var list []string
	for _, r := range c.Results {
		if r.Vantage != check.VantageAPI && !slices.Contains(list, r.Vantage) {
			list = append(list, r.Vantage)
		}
	}
	slices.Sort(list)
	return list
}

// homeOf is the node that a vantage point is on.
func homeOf(c *diagnose.Case, vantage string) string {
	if node, ok := strings.CutPrefix(vantage, "node/"); ok {
		return node
	}
	return c.Home()
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
