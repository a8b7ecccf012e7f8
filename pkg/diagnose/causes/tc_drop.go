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
		Code:    "NL-NODE-TC-DROP",
		Summary: "a tc filter or an eBPF program (XDP, tc, tcx) at a node's interface drops or redirects the packets",
		Signal:  "Connections came to an end on a node just where such a filter or program stands, which is not the network plugin's: its interface took the packets in, and they are not in the node's connection tracking; or they are in it, and no answer came by. It is certain only where a counter of its own grew by as much, and not by many times that, and no other filter stands before it: that of a filter's action, the drops of a qdisc clsact or ingress, a driver's of XDP. Generic XDP and tcx count nothing.",
		Meaning: "It decides before iptables and nftables see a packet, or behind them: no rule shows it, no counter of theirs moves, and what XDP drops tcpdump does not see either.",
		Confirm: []string{"bpftool net show (on the node itself; all programs at interfaces)", "tc -s filter show dev DEVICE ingress, and egress (on the node)", "ip -d link show DEVICE (on the node; 'xdp', 'xdpgeneric')"},
		Remedy:  []string{"find whose it is: bpftool prog show id N tells its name, bpftool link who holds it", "tc filter del dev DEVICE ingress protocol P pref N handle H KIND, or ip link set dev DEVICE xdp off (xdpgeneric off where it is that), or bpftool net detach TYPE dev DEVICE, or bpftool link detach id N where a link holds it (on the node), once you know whose it is; look again: an agent that runs attaches it again", "reboot a node that was moved from one network plugin to another"},
		Source:  "net/core/dev.c, sch_handle_ingress and do_xdp_generic; tc(8), bpftool-net(8)",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtNode, Says: "tc or eBPF takes"},
		Find:    findTCDrop,
	})
}

// atMost is how many packets of a connection that gets no answer a program may have
// dropped at most while it was watched, those of connections before it among them. Of a
// counter that grew by more it is not known whose they were.
const atMost = 10

func findTCDrop(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "node.tc", Vantage: "node/"}) {
		node := strings.TrimPrefix(r.Vantage, "node/")
		if r.Kernel == nil || !tracksConnections(c, node) {
			continue
		}
		var silent []takenAt
		for _, a := range r.Kernel.Attached {
			if !a.Foreign(c.Facts.Network.Plugin) {
				continue
			}
			t := takenBy(c, node, a)
			t.counted -= min(t.counted, shotBeside(c, node, a, r.Kernel.Attached))
			switch {
			case len(t.flows) == 0:
			case a.Packets == nil:
				silent = append(silent, t)
			case t.counted >= minDropped:
				findings = append(findings, tcCounted(c, r, t))
			}
		}
		if len(silent) > 0 {
			findings = append(findings, tcSilent(c, silent))
		}
	}
	return findings
}

// tcCounted is what a filter or a program comes to whose counter grew.
func tcCounted(c *diagnose.Case, r check.Result, t takenAt) diagnose.Finding {
	f := tcFinding(c, t)
	n := uint64(len(t.flows))
	sure := t.counted <= atMost*n && !slices.ContainsFunc(r.Kernel.Attached, func(o facts.Attached) bool { return before(o, t.a) })
	alone := !slices.ContainsFunc(r.Kernel.Attached, func(o facts.Attached) bool {
		return o.Name() != t.a.Name() && (o.Packets != nil && o.CountedBy == t.a.CountedBy && o.CountedBy != ownAction || shoots(o) && shares(t.a, o))
	})
	named := (alone || t.a.CountedBy == ownAction) && len(t.a.Match.Others) == 0 && !t.a.Match.Anyone() && (!t.wrapped || !t.a.Match.DstPort.Any()) // the tunnel's own, then
	f.Confidence = diagnose.Possible
	if t.way == onWay && t.counted >= n && !t.plugins {
		f.Confidence = diagnose.Likely
		if sure && (named || alone && !t.busy && !othersMay(c, t)) {
			f.Confidence, f.Rank = diagnose.Certain, rankMeasured
			f.Explains = append(f.Explains, diagnose.Key(r)) // else it is told by its row: it may be harmless
			f.Try = append(f.Try, detach(t)...)
		}
	}
	by := t.a.CountedBy
	if by == ownAction {
		by = "its action's own counter"
	}
	f.Evidence = append(f.Evidence, fmt.Sprintf("%s grew by %d while the failing checks were repeated", by, t.counted), t.ended())
	if t.way < onWay {
		f.Evidence = append(f.Evidence, "these connections are not known to pass "+t.a.Dev)
	}
	return f
}

// shares reports whether what a filter counts by is its qdisc, which counts as well what
// another filter's action shoots, of ingress and egress together.
func shares(a, o facts.Attached) bool {
	return a.Hook == facts.TC && o.Hook == facts.TC && a.Dev == o.Dev && a.CountedBy != ownAction
}

// shoots reports whether a filter's action drops, be it what is beyond a rate.
func shoots(a facts.Attached) bool {
	return slices.ContainsFunc(a.Takes, func(takes string) bool { return takes == "drop" || takes == facts.Police })
}

// shotBeside is how much of what a filter's qdisc counted others' actions dropped.
func shotBeside(c *diagnose.Case, node string, a facts.Attached, all []facts.Attached) (n uint64) {
	for _, o := range all {
		if shares(a, o) && shoots(o) && o.CountedBy == ownAction {
			n += c.Moved[node][o.Counter()]
		}
	}
	return n
}

// before reports whether something at the same place decides earlier than a filter, and may
// let packets pass that this would take.
func before(o, a facts.Attached) bool {
	if a.Hook != facts.TC || o.Dev != a.Dev || o.Direction != a.Direction || o.Name() == a.Name() {
		return false
	}
	return o.Hook == facts.TCX || o.Hook == facts.TC && o.Pref <= a.Pref
}

// tcSilent is what those come to that count nothing: the first of them, where it is the
// only one, or all at once. It is likely where the interface is on the way, the packets
// were taken in there, and nothing else is known on the node that would take them.
func tcSilent(c *diagnose.Case, list []takenAt) diagnose.Finding {
	t := list[0]
	f := tcFinding(c, t)
	f.Confidence = diagnose.Possible
	f.Evidence = append(f.Evidence, t.ended(), "it counts nothing")
	if len(list) > 1 {
		f.Headline = fmt.Sprintf("one of %d eBPF programs and tc filters on node %s may take %s", len(list), t.node, t.what())
		f.Where, f.Try = []string{"node/" + t.node}, []string{"bpftool net show   (on node " + t.node + ")"}
		for _, o := range list {
			f.Where = append(f.Where, o.a.Name())
		}
	}
	doubted := slices.ContainsFunc(list, func(o takenAt) bool { return o.way < onWay || !o.came || o.mute || o.plugins })
	if !doubted && !othersMay(c, t) {
		f.Confidence = diagnose.Likely
		f.Evidence = append(f.Evidence, t.arrival())
	} else if rules := silentRules(c, t); len(rules) > 0 {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%d packet filter rules there drop, and count nothing either", len(rules)))
	}
	return f
}

// othersMay reports whether the node has something else that may have taken the packets.
func othersMay(c *diagnose.Case, t takenAt) bool {
	return len(silentRules(c, t)) > 0 || c.Moved[t.node][filteredCounter] >= minFiltered
}

// silentRules are the packet filter's rules on the node that count nothing, and may drop
// the same.
func silentRules(c *diagnose.Case, t takenAt) []facts.Drop {
	var to []netip.AddrPort
	for _, flow := range t.flows {
		_, dst, _, _ := wayOf(c, flow)
		to = append(to, dst)
	}
	return slices.DeleteFunc(slices.Clone(dropsAt(c, t.node)), func(d facts.Drop) bool {
		_, way := meantBy(c, t.node, d, to)
		named, _ := namedBy(c, t.node, d, to)
		return d.Packets != nil || proxysOwn(d) || !onTheWay(d) || way == astray || len(named) == 0 && forOthers(c, t.node, d, to, t.flows)
	})
}

func tcFinding(c *diagnose.Case, t takenAt) diagnose.Finding {
	f := diagnose.Finding{
		Headline: fmt.Sprintf("%s at %s of node %s %s %s: %s", thing(t.a), t.a.Dev, t.node, verb(t.a), t.what(), t.a.Name()),
		Where:    []string{"node/" + t.node, t.a.Name()},
		Explains: about(c, t.node, t.ends),
		Likely:   "a security agent's, a filter against floods, or something that was set up by hand and forgotten",
		Rank:     rankNode,
	}
	if owner := t.a.Owner(); owner != nil {
		f.Likely = fmt.Sprintf("left behind by %s, as its name says: the cluster's network plugin is %s", owner.Name, c.Facts.Network.Plugin)
	}
	if t.plugins {
		f.Likely = "the network plugin's own, which is not known here, by a NetworkPolicy; or a security agent's"
		f.Evidence = append(f.Evidence, "it is attached to a pod's interface, and the cluster's network plugin is not known")
	}
	if len(t.a.Takes) > 0 {
		f.Evidence = append(f.Evidence, strings.TrimSuffix(fmt.Sprintf("%s: %s, asks for %s", t.a.Name(), strings.Join(t.a.Takes, ", "), t.a.Match), ", asks for "))
	} else if t.a.Program == "" {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s attaches no programs, and the name of this one may not be read", c.Facts.Network.Plugin))
	}
	if dev := t.a.Dev; device(dev) != dev || !word(t.a.Direction) {
		f.Try = []string{"bpftool net show   (on node " + t.node + ")"}
	} else if t.a.Hook == facts.TC {
		f.Try = []string{fmt.Sprintf("tc -s filter show dev %s %s   (on node %s)", dev, t.a.Direction, t.node)}
	} else {
		f.Try = []string{fmt.Sprintf("bpftool net show dev %s   (on node %s)", dev, t.node), fmt.Sprintf("ip -d link show dev %s   (on node %s)", dev, t.node)}
	}
	if t.a.ID > 0 {
		f.Try = append(f.Try, fmt.Sprintf("bpftool prog show id %d   (on node %s)", t.a.ID, t.node))
	}
	return f
}

func thing(a facts.Attached) string {
	if a.Decides {
		return "an eBPF program"
	}
	return "a tc filter"
}

func verb(a facts.Attached) string {
	switch {
	case slices.ContainsFunc(a.Takes, func(takes string) bool { return strings.HasPrefix(takes, "redirect ") }):
		return "redirects"
	case len(a.Takes) > 0 || a.Packets != nil:
		return "drops"
	}
	return "takes"
}

// detach are the commands that take it away.
func detach(t takenAt) []string {
	dev := t.a.Dev
	if device(dev) != dev || !word(t.a.Direction) {
		return nil
	}
	var command string
	switch {
	case t.a.Hook == facts.XDP:
		command = fmt.Sprintf("ip link set dev %s xdp off", dev)
	case t.a.Hook == facts.TC && t.a.Pref > 0 && word(t.a.Protocol) && word(t.a.Handle) && word(t.a.Kind): // else it takes others of that priority as well
		command = fmt.Sprintf("tc filter del dev %s %s protocol %s pref %d handle %s %s", dev, t.a.Direction, t.a.Protocol, t.a.Pref, t.a.Handle, t.a.Kind)
	default:
		return nil
	}
	return []string{fmt.Sprintf("%s   (on node %s, once you know whose it is)", command, t.node)}
}
