package causes

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// minTunnelled is how many packets must have left for their loss to mean something.
const minTunnelled = 3

// watched is what became of the packets that were sent along a dark hop while the
// failing checks were repeated, as both nodes' connection tracking tells it. A node
// takes a flow in when it has sent its first packet on (nf_conntrack_confirm), and
// marks it when a packet comes back.
type watched struct {
	// looked says that flows were looked up at the far node.
	looked bool
	// sent is how many flows set out, left how many of them the near node sent on, and
	// nearLooked that it was asked; arrived is how many the far node sent on to its
	// pods, answered how many of those it saw an answer to, and heard how many answers
	// came back to the near node.
	sent, left, arrived, answered, heard uint64
	nearLooked                           bool
	there, back                          leg
}

// leg is one direction of a hop.
type leg struct {
	from, to string
	// packets is how many of ours went into it at least.
	packets uint64
	// given and received are the packets that all tunnel devices at its ends sent and
	// received meanwhile, strangers' among them; counted when both were read.
	given, received uint64
	counted         bool
	// refused are those that the node's tunnel devices were to send and could not: a
	// rule on the node itself drops what they send, or it has no way to the other end
	// (net/ipv4/ip_tunnel_core.c, iptunnel_xmit_stats).
	refused uint64
	// filtered are those that the reverse path filter dropped at its end.
	filtered uint64
	// came are the flows that its beginning sent into the tunnel at its end, and others
	// those that other nodes did, as connection tracking there has them; known when it
	// was asked.
	came, others uint64
	known        bool
}

func watch(c *diagnose.Case, h diagnose.Hop) watched {
	w := watched{there: legOf(c, h.From, h.To), back: legOf(c, h.To, h.From)}
	to := map[netip.Addr]bool{}
	for _, p := range h.Dark {
		to[p.Addr] = true
	}
	for _, node := range []string{h.From, h.To} {
		for _, flow := range flowsAt(c, node) {
			dst, err := netip.ParseAddrPort(flow.Orig.Dst)
			if err != nil || !to[dst.Addr().Unmap()] {
				continue
			}
			switch {
			case node == h.To:
				w.sent++
				w.looked = true
				if flow.Found {
					w.arrived++
				}
				if flow.SeenReply {
					w.answered++
				}
			case flow.Found:
				w.nearLooked = true
				w.left++
				if flow.SeenReply {
					w.heard++
				}
			default:
				w.nearLooked = true
			}
		}
	}
	w.there.packets, w.back.packets = w.sent, w.answered
	if w.nearLooked && (w.left > 0 || tracksConnections(c, h.From)) {
		w.there.packets = w.left
	}
	return w
}

func legOf(c *diagnose.Case, from, to string) leg {
	l := leg{from: from, to: to}
	near, known := c.Moved[from]
	far, also := c.Moved[to]
	out, in := tunnels(c, from), tunnels(c, to)
	l.counted = known && also && len(out) > 0 && len(in) > 0
	for _, dev := range out {
		l.given += near["dev."+dev+".txPackets"]
		l.refused += near["dev."+dev+".txDropped"] + near["dev."+dev+".txErrors"]
	}
	for _, dev := range in {
		l.received += far["dev."+dev+".rxPackets"]
	}
	l.filtered = far[filteredCounter]
	l.came, l.others, l.known = tunnelled(c, from, to)
	return l
}

// tunnelled are how many flows a node sent through the tunnel that ends at another, and
// how many all others did.
func tunnelled(c *diagnose.Case, from, to string) (came, others uint64, known bool) {
	for _, r := range c.Find(diagnose.Match{Check: "node.flows", Vantage: "node/"}) {
		if r.Vantage != "node/"+to || r.Kernel == nil || r.Kernel.Tunnelled == nil {
			continue
		}
		known = true
		for peer, n := range r.Kernel.Tunnelled {
			addr, err := netip.ParseAddr(peer)
			switch {
			case err != nil || n < 0:
			case c.HostOfAddr(addr) == from || tunnelEnd(c, from, peer):
				came += uint64(n)
			default:
				others += uint64(n)
			}
		}
	}
	return came, others, known
}

// tunnelEnd reports whether an address is the one that a node's tunnel sends from.
func tunnelEnd(c *diagnose.Case, node, addr string) bool {
	for _, r := range c.Find(diagnose.Match{Check: "node.", Vantage: "node/"}) {
		if r.Vantage == "node/"+node && r.Kernel != nil && slices.ContainsFunc(r.Kernel.Links, func(l facts.Link) bool { return l.VXLAN != nil && l.VXLAN.Local == addr }) {
			return true
		}
	}
	return false
}

// passed reports whether so many flows came out of the tunnel that ours are among them:
// each has a source port of its own there. What is lost is lost behind it.
func (l leg) passed() bool { return l.known && l.came >= minTunnelled && l.came*2 >= l.packets }

// none reports whether the tunnel's end heard others meanwhile, and nothing from its
// beginning.
func (l leg) none() bool { return l.known && l.came == 0 && l.others >= minTunnelled }

// cut returns the direction in which the hop loses everything, false when that is in
// neither: what was sent did not leave the near node, or was dropped behind the tunnel.
func (w watched) cut() (leg, bool) {
	switch {
	case w.arrived == 0:
		l := w.there
		return l, l.packets > 0 && !l.passed() && l.filtered < minFiltered && (!l.counted || l.given+l.refused >= l.packets)
	case w.answered >= minTunnelled && w.heard == 0 && w.nearLooked:
		l := w.back
		return l, !l.passed() && l.filtered < minFiltered && (!l.counted || l.given+l.refused >= l.packets)
	}
	return leg{}, false
}

// vanished reports whether the tunnel's other end received so little that ours cannot
// be among it, or this end could not send them.
func (l leg) vanished() bool {
	return l.counted && l.packets >= minTunnelled && (l.received*2 < l.packets || l.held())
}

// held reports whether the packets did not even leave the node that was to send them.
func (l leg) held() bool { return l.refused*2 >= l.packets && l.given < l.packets }

func (l leg) text() string {
	if l.held() {
		return fmt.Sprintf("%d packets were to be sent through the tunnel of node %s to node %s, which dropped %d itself", l.packets, l.from, l.to, l.refused)
	}
	return fmt.Sprintf("%d packets were sent through the tunnel of node %s to node %s, whose tunnel received %d meanwhile", l.packets, l.from, l.to, l.received)
}
