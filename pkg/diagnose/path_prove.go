package diagnose

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

func (b *pathBuilder) near(i int) bool { return i < b.split }
func (b *pathBuilder) away(i int) bool { return i >= b.split }
func (b *pathBuilder) all(int) bool    { return true }

// port is the port of the tunnel, as the near device has it, "" when it was not read.
func (b *pathBuilder) port() string {
	if t := b.from.links.tunnel(); t != nil && t.VXLAN != nil && t.VXLAN.Port != 0 && b.find(b.near, HopOverlay) >= 0 {
		return fmt.Sprintf("UDP %d", t.VXLAN.Port)
	}
	return ""
}

// prove says ok of the hops before the break that something passed. What lies behind the
// break stays unknown: no packet of ours came there.
func (b *pathBuilder) prove() {
	k := b.known()
	last := -1
	proven := make([]bool, len(b.hops))
	for i := range b.hops {
		if 2*i >= b.broken {
			break
		}
		if proven[i] = k.passed(b, i); proven[i] {
			last = i
		}
	}
	// Who was heard from behind a hop was heard through it; not through a tunnel, which a
	// node's own address does not need.
	for i := 0; i <= last; i++ {
		proven[i] = proven[i] || b.hops[i].Kind != HopOverlay
		if proven[i] {
			b.hops[i].Status = HopOK
		}
		if i > 0 && proven[i-1] && proven[i] && k.crossed(b, i-1) {
			b.links[i-1].Status = HopOK
		}
	}
	// The link before a broken hop is well where it ends at the hop before.
	if last >= 0 && b.broken == 2*(last+1) && k.crossed(b, last) {
		b.links[last].Status = HopOK
	}
}

// crossed reports whether link i has nothing against it: one within a node stands and
// falls with its hops, but only an answer from behind a network shows that it carries
// anything, and through a tunnel only that of a pod.
func (k heard) crossed(b *pathBuilder, i int) bool {
	switch b.links[i].Kind {
	case LinkNetwork:
		return k.farNode || k.peer
	case LinkTunnel:
		return k.farPod || k.peer
	}
	return true
}

// heard is from where the vantage point got any answer.
type heard struct {
	anybody, otherNode, farNode, farPod, peer bool
	nearTunnel                                bool // its device sent something meanwhile
}

func (b *pathBuilder) known() heard {
	var k heard
	for _, r := range b.c.Results {
		addr, ok := TargetAddr(r)
		if r.Vantage != b.path.From || !ok || addr.IsLoopback() || slices.Contains(b.c.Facts.Vantage.IPs(), addr) || !answered(r) {
			continue
		}
		k.anybody = true
		if b.c.isVIP(addr) {
			continue // whoever answered, it is not known where
		}
		if node := b.c.NodeOfAddr(addr); node != "" && node != b.from.node || b.c.HostOfAddr(addr) != "" && b.c.HostOfAddr(addr) != b.from.node {
			k.otherNode = true
		}
		k.add(b, addr)
	}
	if t := b.from.links.tunnel(); t != nil {
		k.nearTunnel = b.c.Moved[b.from.node]["dev."+t.Name+".txPackets"] > 0
	}
	return k
}

func (k *heard) add(b *pathBuilder, addr netip.Addr) {
	node, host := b.c.NodeOfAddr(addr), b.c.HostOfAddr(addr)
	if b.to.node != "" && b.to.node != b.from.node {
		k.farNode = k.farNode || host == b.to.node || node == b.to.node
		k.farPod = k.farPod || node == b.to.node
	}
	k.peer = k.peer || addr == b.to.addr
}

// answered reports whether anything came back: an answer, or a refusal.
func answered(r check.Result) bool {
	switch r.Check {
	case "vantage.interface", "vantage.resolv":
		return false
	}
	if len(r.Attempts) > 0 {
		return r.Lost() < len(r.Attempts) || r.Failure == check.Refused || r.Failure == check.Reset
	}
	return r.Status == check.Pass || r.Failure == check.Refused
}

// passed reports whether something is known to have passed hop i of the builder's path.
func (k heard) passed(b *pathBuilder, i int) bool {
	h := b.hops[i]
	if i == 0 {
		return true // the probe runs there
	}
	if b.away(i) {
		switch h.Kind {
		case HopUnderlay:
			return k.farNode
		case HopPeer, HopApp:
			return k.peer
		case HopVeth:
			return k.peer
		case HopService:
			return false
		}
		if b.to.node == b.from.node {
			return k.anybody
		}
		return k.farPod || k.peer
	}
	switch h.Kind {
	case HopInterface:
		return k.anybody || b.interfaceUp()
	case HopNode:
		return k.otherNode || b.to.node == b.from.node && k.anybody
	case HopOverlay:
		return k.otherNode && k.farPod || k.nearTunnel
	case HopUnderlay:
		return k.otherNode
	}
	return k.anybody
}

func (b *pathBuilder) interfaceUp() bool {
	return slices.ContainsFunc(b.c.Results, func(r check.Result) bool {
		return r.Check == "vantage.interface" && r.Vantage == b.path.From && r.Status == check.Pass
	})
}
