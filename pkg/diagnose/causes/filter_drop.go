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
		Code:    "NL-NODE-FILTER-DROP",
		Summary: "a packet filter rule on a node drops or rejects the packets",
		Signal:  "While the failing checks were repeated, the counter of a rule of nftables (of any family), iptables-nft or iptables-legacy that drops or rejects grew on a node, which did not send our connections on (they are not in its connection tracking). A rule without a counter is meant where it asks for the very addresses or ports that fail, by itself, by a set, map or range, or by the jumps that lead to it, and nothing before it in its chain lets them pass; or where they are none of those that it, or all that passes before it, lets pass (an allow-list). What is not understood of a rule (a limit, a mark, a payload) leaves it suspected (but for a limit, where some connections to the one address that it asks for come about and others do not), and so does a device that the connections are not known to pass. Without --deep: a TCP port that refuses at times and is silent at others, or one pod that takes some connections only.",
		Meaning: "Somebody's rule, or a policy's, decides what may pass; what it hits fails, whatever the services and pods are like.",
		Confirm: []string{"nft -a list ruleset (on the node)", "iptables-save -c | grep -e DROP -e REJECT (on the node)", "iptables-legacy-save -c (on the node; nft does not show these)"},
		Remedy:  []string{"nft delete rule FAMILY TABLE CHAIN handle N (on the node), once you know whose it is: a NetworkPolicy's comes back"},
		Source:  "nft(8); net/netfilter/nf_tables_core.c, nft_do_chain",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtNode, Says: "a rule drops"},
		Find:    findFilterDrop,
	})
}

// minDropped is how many packets a rule must have dropped for that to mean something.
const minDropped = 3

func findFilterDrop(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, node := range deepNodes(c) {
		var uncounted []facts.Drop
		passed := false // all of them ask for devices that may not be on the way
		for _, d := range dropsAt(c, node) {
			if proxysOwn(d) {
				continue // what they drop has causes of its own
			}
			stopped := stoppedAt(c, node, d.Verdict == "reject")
			if !onTheWay(d) {
				stopped = atHost(c, node, stopped)
			}
			n := c.Moved[node][d.Counter()]
			named, ends := namedBy(c, node, d, stopped)
			meant, way := meantBy(c, node, d, stopped)
			if len(named) > 0 {
				_, way = meantBy(c, node, d, named)
			}
			switch {
			case len(stopped) == 0 || len(named) == 0 && forOthers(c, node, d, stopped, stoppedFlows(c, node, stopped)):
			case d.Packets == nil && onTheWay(d) && len(limitedBy(c, node, d, stopped)) > 0:
				ends := limitedBy(c, node, d, stopped)
				f := filterFinding(node, d, ends, about(c, node, ends))
				f.Headline = fmt.Sprintf("a packet filter rule on node %s drops some of %s: %s", node, packetsTo(ends), d.Name())
				f.Confidence = diagnose.Likely // some may be lost elsewhere
				doubtDevice(&f, way)
				f.Evidence = append(f.Evidence, "it counts nothing, but asks for that address, and for no more than so many at once: "+d.Match.String(), ended(node, ends))
				findings = append(findings, f)
			case d.Packets == nil && onTheWay(d) && len(answersNamedBy(c, node, d)) > 0:
				ends := answersNamedBy(c, node, d)
				f := filterFinding(node, d, ends, about(c, node, ends))
				f.Headline = fmt.Sprintf("a packet filter rule on node %s drops answers from %s: %s", node, ends[0], d.Name())
				f.Confidence = diagnose.Likely // what of it is not understood may ask for others
				doubtDevice(&f, way)
				f.Evidence = append(f.Evidence, fmt.Sprintf("node %s saw %d of our connections answered, and the answers did not leave it", node, len(ends)), "it counts nothing, but asks for that address: "+d.Match.String())
				findings = append(findings, f)
			case d.Packets == nil && len(named) > 0:
				f := filterFinding(node, d, ends, about(c, node, named))
				f.Confidence = diagnose.Likely // a rule before it may let them pass
				doubtDevice(&f, way)
				f.Evidence = append(f.Evidence, asksForIt(d), ended(node, named))
				findings = append(findings, f)
			case d.Packets == nil && onTheWay(d):
				if way > astray {
					uncounted, passed = append(uncounted, d), passed || way == onWay
				}
			case n >= minDropped:
				to := meant
				if len(named) > 0 { // it is understood as a whole: the others are not its own
					meant, to = named, ends
				}
				f := filterFinding(node, d, to, about(c, node, meant))
				f.Confidence, f.Rank = diagnose.Certain, rankMeasured
				if n < uint64(len(meant)) {
					f.Confidence, f.Rank = diagnose.Likely, rankNode // not all of them
				}
				doubtDevice(&f, way)
				if policyChain(d.Chain) {
					f.Likely = "a NetworkPolicy, as a policy engine has written it there"
					f.Try = append(f.Try, "kubectl get networkpolicies -A")
				} else if f.Confidence == diagnose.Certain && !d.Policy {
					f.Try = append(f.Try, removal(node, d)...)
				}
				f.Evidence = append(f.Evidence, fmt.Sprintf("its counter grew by %d while the failing checks were repeated", n), ended(node, meant))
				findings = append(findings, f)
			}
		}
		if len(uncounted) == 0 {
			continue
		}
		stopped := stoppedAt(c, node, false)
		f := filterFinding(node, uncounted[0], stopped, about(c, node, stopped))
		f.Headline = fmt.Sprintf("a packet filter rule on node %s may drop %s: %s", node, packetsTo(stopped), uncounted[0].Name())
		if len(uncounted) > 1 {
			f.Headline = fmt.Sprintf("one of %d packet filter rules on node %s may drop %s", len(uncounted), node, packetsTo(stopped))
			f.Where, f.Try = []string{"node/" + node}, []string{fmt.Sprintf("nft -a list ruleset   (on node %s)", node)}
		}
		f.Evidence = append(f.Evidence, ended(node, stopped), fmt.Sprintf("%d rules or policies there drop, and count nothing", len(uncounted)))
		f.Confidence = diagnose.Possible
		if passed && node == c.Home() && cameOut(c) {
			f.Confidence = diagnose.Likely
			f.Evidence = append(f.Evidence, "all of them left the pod")
		}
		findings = append(findings, f)
	}
	findings = append(findings, dataDrops(c)...)
	return append(findings, filterSuspects(c)...)
}

// doubtDevice leaves a finding possible where the devices that its rule asks for are not
// known to be on the way: its counter counts strangers' packets.
func doubtDevice(f *diagnose.Finding, way reach) {
	if way < onWay {
		f.Confidence, f.Rank = diagnose.Possible, rankNode
		f.Evidence = append(f.Evidence, "it asks for a device which these connections are not known to pass")
	}
}

func ended(node string, stopped []netip.AddrPort) string {
	return fmt.Sprintf("%d of our connections came to an end on node %s", len(stopped), node)
}

// packetsTo says whose packets came to an end.
func packetsTo(stopped []netip.AddrPort) string {
	distinct := slices.Clone(stopped)
	slices.SortFunc(distinct, netip.AddrPort.Compare)
	distinct = slices.Compact(distinct)
	switch len(distinct) {
	case 1:
		return "what goes to " + distinct[0].String()
	case 2:
		return fmt.Sprintf("what goes to %s and %s", distinct[0], distinct[1])
	}
	return fmt.Sprintf("what goes to %s and %d others", distinct[0], len(distinct)-1)
}

func filterFinding(node string, d facts.Drop, stopped []netip.AddrPort, keys []string) diagnose.Finding {
	f := diagnose.Finding{
		Headline: fmt.Sprintf("a packet filter rule on node %s drops %s: %s", node, packetsTo(stopped), d.Name()),
		Where:    []string{"node/" + node, d.Name()},
		Explains: keys,
		Likely:   "an administrator's, a security agent's or a policy engine's rule",
		Try:      []string{listing(node, d)},
		Rank:     rankNode,
	}
	if d.Verdict == "reject" {
		f.Headline = fmt.Sprintf("a packet filter rule on node %s rejects %s: %s", node, packetsTo(stopped), d.Name())
	}
	if d.Hook != "" {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s: %s, reached from %s", d.Name(), d.Verdict, d.Hook))
	}
	if d.Legacy {
		f.Evidence = append(f.Evidence, "it is a rule of "+d.Tool()+": nft, and an iptables that writes into nftables, do not show it")
	}
	return f
}

// filterSuspects are what the shallow rung can say: a rule on either node, where
// nothing gets through between two, or one on the own node, where only pings do, or one
// that rejects.
func filterSuspects(c *diagnose.Case) []diagnose.Finding {
	findings := append(rejectSuspects(c), limitSuspects(c)...)
	for _, vantage := range vantages(c) {
		if p, found := onlyPings(c, vantage); found && !c.Deep(p.home) {
			findings = append(findings, diagnose.Finding{
				Headline: fmt.Sprintf("from node %s pods on other nodes answer pings and nothing else: a packet filter rule may let only those pass", p.home), Confidence: diagnose.Possible,
				Where: p.where(), Evidence: p.evidence(), Explains: append(slices.Clone(p.keys), namesLost(c, p.keys)...), Try: []string{netlookNode(p.home)}, Rank: rankNode,
			})
		}
	}
	if lost, inside := lostOutside(c); len(lost) > 0 && c.Home() != "" && !c.Deep(c.Home()) {
		findings = append(findings, diagnose.Finding{
			Headline: fmt.Sprintf("a packet filter rule on node %s, or a firewall behind it, may drop what leaves the cluster", c.Home()), Confidence: diagnose.Possible,
			Where: []string{"node/" + c.Home()}, Evidence: append(seenAll(lost), answerElsewhere(inside)), Explains: diagnose.Keys(lost), Try: []string{netlookNode(c.Home())}, Rank: rankPath,
		})
	}
	for _, h := range c.Hops() {
		for _, node := range []string{h.From, h.To} {
			if c.Deep(node) {
				continue
			}
			findings = append(findings, diagnose.Finding{
				Headline: fmt.Sprintf("a packet filter rule on node %s may drop the packets", node), Confidence: diagnose.Possible,
				Where: []string{"node/" + node}, Evidence: dark(h), Explains: c.Through(h.Keys), Try: []string{netlookNode(node)}, Rank: rankNode,
			})
		}
	}
	return findings
}

// deepNodes are the nodes whose kernels were asked, in order.
func deepNodes(c *diagnose.Case) []string {
	var nodes []string
	for _, r := range c.Find(diagnose.Match{Check: "node.filter", Vantage: "node/"}) {
		nodes = append(nodes, strings.TrimPrefix(r.Vantage, "node/"))
	}
	slices.Sort(nodes)
	return nodes
}

func dropsAt(c *diagnose.Case, node string) []facts.Drop {
	for _, r := range c.Find(diagnose.Match{Check: "node.filter", Vantage: "node/"}) {
		if r.Vantage == "node/"+node && r.Kernel != nil {
			return r.Kernel.Drops
		}
	}
	return nil
}

// stoppedAt are where the repeated connections were to go that a node did not send on,
// from pods on it or to pods on it: it does not hold them, or holds them half open, since
// the other side did not hear the answer. Those that were refused are held by nobody;
// they count only for a rule that rejects.
func stoppedAt(c *diagnose.Case, node string, rejected bool) []netip.AddrPort {
	if !tracksConnections(c, node) {
		return nil
	}
	refused := map[netip.AddrPort]bool{}
	for _, r := range c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.Refused}}) {
		if at, _, ok := diagnose.TargetPort(r); ok {
			refused[netip.AddrPortFrom(at.Addr().Unmap(), at.Port())] = true
		}
	}
	var list []netip.AddrPort
	for _, flow := range flowsAt(c, node) {
		dst, err := netip.ParseAddrPort(flow.Orig.Dst)
		if err != nil || flow.Found && flow.State != "SYN_RECV" {
			continue
		}
		dst = netip.AddrPortFrom(dst.Addr().Unmap(), dst.Port())
		if c.NodeOfAddr(dst.Addr()) != node && c.HostOfAddr(dst.Addr()) != node && node != c.Home() || refused[dst] && !rejected || !flow.Found && exempt(c, node, dst.Addr()) {
			continue
		}
		list = append(list, dst)
	}
	return list
}

// about are the bad results about these addresses, and what depends on them; where
// nothing gets through to a whole node and they are all that ended there, all between the
// two.
func about(c *diagnose.Case, node string, addrs []netip.AddrPort) []string {
	var keys []string
	all := !slices.ContainsFunc(stoppedAt(c, node, false), func(a netip.AddrPort) bool {
		return c.NodeOfAddr(a.Addr()) == node && !slices.Contains(addrs, a)
	})
	for _, h := range c.Hops() {
		if all && h.To == node && watch(c, h).arrived == 0 && !tracksPast(c, node) {
			keys = append(keys, c.Crossing(h.From, h.To)...)
		}
	}
	for _, r := range c.Results {
		addr, ok := diagnose.TargetAddr(r)
		lost := allFailures(r, check.Timeout, check.Unreachable, check.Refused, check.Silent, check.Undelivered, check.Loss) || len(r.Attempts) > 0 && r.Lost() > 0
		if !ok || !diagnose.Bad(r) || !lost || strings.HasPrefix(r.Check, "node.") {
			continue
		}
		if slices.ContainsFunc(addrs, func(a netip.AddrPort) bool { return a.Addr() == addr }) {
			keys = append(keys, diagnose.Key(r))
		}
	}
	keys = c.Through(keys)
	if dns := c.Facts.DNS.Service; dns != nil && slices.ContainsFunc(dns.ClusterIPs, func(ip netip.Addr) bool {
		return slices.ContainsFunc(addrs, func(a netip.AddrPort) bool { return a.Addr() == ip })
	}) {
		keys = append(keys, namesFailing(c)...)
	}
	return keys
}
