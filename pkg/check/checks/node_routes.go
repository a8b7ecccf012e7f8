package checks

import (
	"context"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[nodeParams]{
		ID:      "node.routes",
		Area:    "node",
		Summary: "the node's kernel has a route to its own and to every other node's pod CIDR, and sends what its pods send there by that route",
		Plan:    planNode("routes"),
		Run: func(_ context.Context, _ check.Task, p nodeParams) check.Result {
			k, err := linksAndRoutes()
			if err != nil {
				return check.Errorf("%v", err)
			}
			k.Forwards = forwards(p, k)
			k.Rules, _ = netsys.Rules() // only to name the one that refuses
			r := judgeRoutes(p, k)
			r.Evidence = append(r.Evidence, strays(p, k, kernelRoutes{netsys.RouteTo, netsys.Forward})...)
			return r
		},
	}))
}

// judgeRoutes is pure: the nodes' pod CIDRs against the routing tables. Only where the
// node visibly routes by pod CIDR is a missing route a failure: by flannel's word, or
// because at least two other nodes' CIDRs, or the only one, have a route of their own.
// CNIs with address pools of their own, or whose packets a cloud's or an eBPF map's
// tables send, have none and need none.
func judgeRoutes(p nodeParams, k facts.Kernel) check.Result {
	table := map[netip.Prefix][]facts.Route{}
	for _, r := range k.Routes {
		if dst, err := netip.ParsePrefix(r.Dst); err == nil && r.Type != "local" && r.Type != "broadcast" {
			table[dst] = append(table[dst], r)
		}
	}
	if gone := p.flannelGone(k); p.flannelRoutes() && gone != "" {
		return check.Skipf("", "%s", gone)
	}
	if !p.routesByCIDR(table) {
		return check.Skipf("", "this CNI does not route by pod CIDR in the kernel's tables, so none can be said to be missing")
	}
	// elsewhere are CIDRs without a route of their own where flannel does not say that
	// there has to be one: a CNI may leave nodes of other subnets to the default route.
	var d, elsewhere nodeDifferences
	p.ownRoute(&d, k, table)
	for _, peer := range p.Peers {
		for _, cidr := range peer.PodCIDRs {
			if !p.expects(peer, cidr) {
				continue
			}
			d.compared++
			have := table[cidr.Masked()]
			switch {
			case len(have) == 0 && p.flannelRoutes():
				d.missing(peer, cidr, table)
			case len(have) == 0:
				elsewhere.missing(peer, cidr, table)
			case !slices.ContainsFunc(have, func(r facts.Route) bool { return peer.accepts(cidr, r) }):
				d.add(peer.Name, "%s goes %s, want %s", cidr, routeText(have[0]), peer.wanted(cidr))
			default:
				d.forwarded(peer, cidr, k)
			}
		}
	}
	r := d.result(check.NoRoute, "routes to pod CIDRs", p)
	for _, route := range p.refusals(k.Routes) {
		r.With("refuses", "%s", route)
	}
	if r.Failure == "" && len(elsewhere.nodes) > 0 {
		r.Summary += "; " + fewOf(elsewhere.nodes) + " by the default route"
		r.Evidence = append(r.Evidence, elsewhere.lines...)
	}
	if r.Failure != "" {
		r.Meaning = "pods on this node cannot reach the pods of the nodes named: what is sent there leaves by another way, or not at all"
	}
	return r
}

// flannelRoutes reports whether flannel says that it routes by pod CIDR here.
func (p nodeParams) flannelRoutes() bool {
	f := p.Self.Flannel
	return f != nil && (f.BackendType == "vxlan" || f.BackendType == "host-gw")
}

func (p nodeParams) routesByCIDR(table map[netip.Prefix][]facts.Route) bool {
	if p.flannelRoutes() {
		return true
	}
	routed := 0
	for _, peer := range p.Peers {
		if slices.ContainsFunc(peer.PodCIDRs, func(c netip.Prefix) bool { return len(table[c.Masked()]) > 0 }) {
			routed++
		}
	}
	return routed >= 2 || routed > 0 && routed == len(p.Peers)
}

// missing notes a CIDR without a route of its own, unless one that is more than the
// default covers it.
func (d *nodeDifferences) missing(peer nodePeer, cidr netip.Prefix, table map[netip.Prefix][]facts.Route) {
	for bits := cidr.Bits() - 1; bits > 0; bits-- {
		wider := netip.PrefixFrom(cidr.Addr(), bits).Masked()
		if have := table[wider]; len(have) > 0 && have[0].Type == "unicast" && peer.Flannel == nil {
			return
		}
	}
	d.add(peer.Name, "no route to %s, want %s", cidr, peer.wanted(cidr))
}

// accepts reports whether a route leads to the node's CIDR as its CNI sets it up.
func (n nodePeer) accepts(cidr netip.Prefix, r facts.Route) bool {
	if r.Type != "unicast" {
		return false
	}
	if n.Flannel == nil || n.Flannel.BackendType != "vxlan" && n.Flannel.BackendType != "host-gw" {
		return true
	}
	gateway, err := netip.ParseAddr(r.Gateway)
	if err != nil {
		return false
	}
	// The vxlan backend with DirectRouting routes as host-gw does where it can.
	if public := n.publicFor(cidr); public.IsValid() && gateway == public {
		return true
	}
	return n.Flannel.BackendType == "vxlan" && gateway == cidr.Masked().Addr()
}

// wanted is the route that is to be there, in words.
func (n nodePeer) wanted(cidr netip.Prefix) string {
	switch {
	case n.vxlan():
		return "via " + cidr.Masked().Addr().String() + " onlink (flannel vxlan)"
	case n.publicFor(cidr).IsValid():
		return "via " + n.publicFor(cidr).String()
	}
	return "any"
}

func routeText(r facts.Route) string {
	text := r.Type
	if r.Gateway != "" {
		text = "via " + r.Gateway
	}
	if r.Dev != "" {
		text += " dev " + r.Dev
	}
	return text
}
