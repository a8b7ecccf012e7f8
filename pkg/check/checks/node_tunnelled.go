package checks

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// maxTunnelPeers bounds the nodes that are told one by one.
const maxTunnelPeers = 512

// withTunnelled adds to what was looked up who sent packets into this node's tunnels
// meanwhile. The counters of a tunnel's device do not tell its peers apart; connection
// tracking does, where it sees the packets that carry the others: a VXLAN sender takes a
// source port for each flow inside (RFC 7348, section 5).
func withTunnelled(ctx context.Context, r check.Result, p flowsParams, timeouts netsys.FlowTimeouts) check.Result {
	if !p.Tunnels || p.Within <= 0 || r.Kernel == nil {
		return r
	}
	links, err := netsys.Links()
	if err != nil {
		return r
	}
	t := tunnelledOf(links, p.Within.D()+flowSlack, timeouts)
	for _, family := range t.families {
		if netsys.EachFlow(family, func(f facts.Flow) bool { t.count(f); return ctx.Err() == nil }) != nil {
			return r
		}
	}
	if len(t.families) == 0 || ctx.Err() != nil {
		return r
	}
	r.Kernel.Tunnelled = t.from
	return r
}

// tunnelled counts the tunnels' own flows by who sent them.
type tunnelled struct {
	families []string
	ports    map[uint16]bool
	own      map[netip.Addr]bool
	within   time.Duration
	timeouts netsys.FlowTimeouts
	from     map[string]int
}

func tunnelledOf(links []facts.Link, within time.Duration, timeouts netsys.FlowTimeouts) *tunnelled {
	t := &tunnelled{ports: map[uint16]bool{}, own: map[netip.Addr]bool{}, within: within, timeouts: timeouts, from: map[string]int{}}
	for _, l := range links {
		for _, cidr := range l.Addrs {
			if prefix, err := netip.ParsePrefix(cidr); err == nil {
				t.own[prefix.Addr().Unmap()] = true
			}
		}
		if l.VXLAN == nil || l.VXLAN.Port <= 0 || l.VXLAN.Port >= 1<<16 {
			continue
		}
		t.ports[uint16(l.VXLAN.Port)] = true
		family := netsys.IPv4
		if local, err := netip.ParseAddr(l.VXLAN.Local); err == nil {
			family = netsys.Family(local)
		}
		if !slices.Contains(t.families, family) {
			t.families = append(t.families, family)
		}
	}
	return t
}

// count takes in a flow that somebody else sent into a tunnel of this node's, lately.
func (t *tunnelled) count(f facts.Flow) {
	src, err := netip.ParseAddrPort(f.Orig.Src)
	dst, dstErr := netip.ParseAddrPort(f.Orig.Dst)
	if f.Protocol != "udp" || err != nil || dstErr != nil || !t.ports[dst.Port()] || !t.own[dst.Addr().Unmap()] || t.own[src.Addr().Unmap()] {
		return
	}
	if idle, known := t.timeouts.Idle(f); !known || idle > t.within {
		return
	}
	peer := src.Addr().Unmap().String()
	if _, counted := t.from[peer]; counted || len(t.from) < maxTunnelPeers {
		t.from[peer]++
	}
}
