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

// ownAction is what facts.Attached.CountedBy says of a filter's action.
const ownAction = "its action"

// takenAt is what may have been taken by something that is attached at an interface.
type takenAt struct {
	node string
	a    facts.Attached
	// flows are the connections that ended just there, and ends where they were going.
	// answers says that it was not them that ended there, but what came back.
	flows   []facts.Flow
	ends    []netip.AddrPort
	answers bool
	way     reach
	// counted is by how much its counter grew.
	counted uint64
	// came says that the interface's counters show that the packets came as far as there,
	// and mute that the pod may as well have said nothing; busy that the interface carries
	// everybody's packets, so that its counters show nothing of ours.
	// plugins says that it may be the network plugin's own, which is not known.
	came, mute, busy, plugins bool
	// wrapped says that some of it passes there only as what a tunnel carries.
	wrapped bool
}

// takenBy looks for connections that came to an end at an interface: as far as the node's
// connection tracking can tell, right before it, or right behind it.
func takenBy(c *diagnose.Case, node string, a facts.Attached) takenAt {
	t := takenAt{node: node, a: a, counted: c.Moved[node][a.Counter()]}
	if t.a.Match == nil {
		t.a.Match = &facts.Match{Others: []string{"what its program looks at"}}
	}
	links := devicesAt(c, node)
	i := slices.IndexFunc(links, func(l facts.Link) bool { return l.Name == a.Dev })
	if i < 0 {
		return t
	}
	refused := refusedAt(c)
	for _, flow := range flowsAt(c, node) {
		src, dst, ends, ok := wayOf(c, flow)
		if !ok || refused[dst] || !flow.Found && exempt(c, node, dst.Addr()) || node != c.Home() && c.NodeOfAddr(dst.Addr()) != node {
			continue // what a service translated has another destination by then
		}
		for _, to := range ends {
			answers, passes := endsAt(c, node, t.a, links, links[i], flow, src.Addr(), to.Addr())
			from, at := src, to
			if answers {
				from, at = to, src
			}
			if passes == astray || !attachedMayTake(c, node, t.a, links, links[i], flow, from, at) {
				continue
			}
			t.flows, t.ends = append(t.flows, flow), append(t.ends, dst)
			t.wrapped = t.wrapped || wrappedAt(c, node, links, links[i], from, at)
			t.way, t.answers = max(t.way, passes), t.answers || answers
			t.mute = t.mute || flow.Found && !flow.SeenReply && c.NodeOfAddr(to.Addr()) == node
			break
		}
	}
	t.busy = underlays(c, node, links, links[i])
	t.came = !t.busy && cameTo(c, t, links[i])
	t.plugins = !t.busy && (links[i].Kind == "veth" || links[i].Kind == "netkit") && a.Unplaced(c.Facts.Network.Plugin)
	return t
}

// cameTo reports whether an interface took in as many packets as there were connections,
// and a tunnel some from each of the nodes at their other ends; or sent fewer than that.
func cameTo(c *diagnose.Case, t takenAt, l facts.Link) bool {
	moved, n := c.Moved[t.node], uint64(len(t.flows))
	switch {
	case moved == nil:
		return false
	case t.a.Direction == "egress":
		return moved["dev."+l.Name+".txPackets"] < n
	case isTunnel(l) && t.node != c.Home():
		if !arrivedAt(c, c.Home(), t.node) {
			return false
		}
	case isTunnel(l):
		for _, flow := range t.flows {
			if !arrivedAt(c, farOf(c, flow), t.node) {
				return false
			}
		}
	}
	return moved["dev."+l.Name+".rxPackets"] >= n
}

// refusedAt are where connections were refused: no connection tracking holds those.
func refusedAt(c *diagnose.Case) map[netip.AddrPort]bool {
	refused := map[netip.AddrPort]bool{}
	for _, r := range c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.Refused}}) {
		if at, _, ok := diagnose.TargetPort(r); ok {
			refused[netip.AddrPortFrom(at.Addr().Unmap(), at.Port())] = true
		}
	}
	return refused
}

// endsAt is how surely a connection came to an end at an interface of a node, and whether
// that is what came back of it. The node tracks it between the interface that it comes in
// by and the one that it leaves by: what is not tracked ended before the first, in its
// ingress; what is tracked and not answered behind the second, in its egress, or its answer
// did in its ingress; what is answered and never heard behind the first, in its egress.
func endsAt(c *diagnose.Case, node string, a facts.Attached, links []facts.Link, l facts.Link, flow facts.Flow, src, to netip.Addr) (answers bool, passes reach) {
	near, far := node == c.Home(), c.NodeOfAddr(to) == node
	if !near && !far {
		return false, astray // it may never have been on its way through this node
	}
	ingress := a.Direction == "ingress"
	switch {
	case !flow.Found && ingress:
		return false, faces(c, node, a, links, l, src)
	case flow.Found && !flow.SeenReply && (flow.State == "SYN_SENT" || flow.State == ""):
		if near && !far && !endedBetween(c, flow, ingress) {
			return false, astray
		}
		return ingress, faces(c, node, a, links, l, to)
	case heldHalfOpen(flow) && !ingress:
		return true, faces(c, node, a, links, l, src)
	}
	return false, astray
}

// endedBetween reports whether a connection that the own node sent on ended between the two
// nodes as far as the other one tells: it never came there, or its answer set out from there.
func endedBetween(c *diagnose.Case, flow facts.Flow, answer bool) bool {
	far := farOf(c, flow)
	if far == "" || !tracksConnections(c, far) {
		return false
	}
	for _, other := range flowsAt(c, far) {
		if other.Orig.Src == flow.Orig.Src && other.Orig.Dst == flow.Orig.Dst {
			return answer && heldHalfOpen(other) || !answer && !other.Found && !arrivedAt(c, c.Home(), far)
		}
	}
	return false
}

// farOf is the node of the pod that a connection was sent to, "" where it is not known.
func farOf(c *diagnose.Case, flow facts.Flow) string {
	dst, err := netip.ParseAddrPort(flow.Orig.Dst)
	if err != nil {
		return ""
	}
	if to := flow.SentTo(); to.IsValid() {
		dst = to
	}
	return c.NodeOfAddr(dst.Addr().Unmap())
}

// arrivedAt reports whether a node's tunnels took in what another sent meanwhile: what is
// lost is lost behind them.
func arrivedAt(c *diagnose.Case, from, at string) bool {
	came, _, known := tunnelled(c, from, at)
	return known && came >= minTunnelled
}

// faces is how surely an interface of a node is the one that leads to an address.
func faces(c *diagnose.Case, node string, a facts.Attached, links []facts.Link, l facts.Link, end netip.Addr) reach {
	end = end.Unmap()
	tunnelled := slices.ContainsFunc(links, isTunnel)
	switch host := c.HostOfAddr(end); {
	case host == node:
		return astray // the node itself
	case c.NodeOfAddr(end) == node:
		if isTunnel(l) || underlays(c, node, links, l) {
			return astray
		}
		return facesPod(c, node, a, l, end)
	case isTunnel(l):
		if host != "" {
			return astray
		}
		return pick(unplaced(c, end), perhaps, onWay)
	case underlays(c, node, links, l):
		return pick(host != "" || !tunnelled || unplaced(c, end) || mayCarry(c, node, a.Drop()), onWay, astray)
	case unplaced(c, end) && (l.Kind == "" || l.Kind == "device"):
		return perhaps // which way is not read here
	}
	return astray
}

func facesPod(c *diagnose.Case, node string, a facts.Attached, l facts.Link, pod netip.Addr) reach {
	own, found := ownPort(c)
	mine := node == c.Home() && slices.Contains(c.Facts.Vantage.IPs(), pod)
	switch l.Kind {
	case "veth", "netkit":
		switch {
		case mine && found:
			return pick(own.Index == l.Index, onWay, astray)
		case len(a.Pods) > 0:
			return pick(slices.Contains(a.Pods, pod.String()), onWay, astray)
		}
		return perhaps
	case "bridge":
		return bridgeReach(l, pod)
	}
	return astray
}

func pick(yes bool, then, otherwise reach) reach {
	if yes {
		return then
	}
	return otherwise
}

// attachedMayTake reports whether what a filter asks for, as far as it is understood, fits
// packets from one end to another, or those in which a tunnel carries them. Of a program
// nothing is understood.
func attachedMayTake(c *diagnose.Case, node string, a facts.Attached, links []facts.Link, l facts.Link, flow facts.Flow, from, to netip.AddrPort) bool {
	m := *a.Match
	if wrappedAt(c, node, links, l, from, to) {
		return mayCarry(c, node, a.Drop()) && mayBe(c, node, m.Family)
	}
	return m.Takes(facts.Packet{Protocol: flow.Protocol, Src: from, Dst: to}) > facts.No
}

// wrappedAt reports whether what goes from one end to another passes an interface as what a
// tunnel carries.
func wrappedAt(c *diagnose.Case, node string, links []facts.Link, l facts.Link, from, to netip.AddrPort) bool {
	return underlays(c, node, links, l) && slices.ContainsFunc(links, isTunnel) && c.HostOfAddr(from.Addr()) == "" && c.HostOfAddr(to.Addr()) == ""
}

// what says what is taken.
func (t takenAt) what() string {
	if t.answers {
		return "the answers from " + strings.TrimPrefix(packetsTo(t.ends), "what goes to ")
	}
	return packetsTo(t.ends)
}

// ended says how that is known.
func (t takenAt) ended() string {
	n := len(t.flows)
	switch {
	case t.answers && t.a.Direction == "ingress":
		return fmt.Sprintf("node %s sent %d of our connections on, and saw no answer behind %s", t.node, n, t.a.Dev)
	case t.answers:
		return fmt.Sprintf("node %s saw %d of our connections answered, and the answers were not heard behind %s", t.node, n, t.a.Dev)
	case t.a.Direction == "egress":
		return fmt.Sprintf("node %s sent %d of our connections on by %s, and saw no answer", t.node, n, t.a.Dev)
	}
	return fmt.Sprintf("%d of our connections came to an end on node %s: they are not in its connection tracking", n, t.node)
}

// arrival says what the interface's own counters tell.
func (t takenAt) arrival() string {
	if t.a.Direction == "egress" {
		return t.a.Dev + " sent fewer packets meanwhile than that"
	}
	return t.a.Dev + " received at least as many packets meanwhile, so that they came as far as there"
}
