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
		ID:      "node.neigh",
		Area:    "node",
		Summary: "flannel vxlan: the neighbour entry of every other node's VTEP holds its MAC",
		Plan:    planVXLAN("neighbours"),
		Run: func(_ context.Context, _ check.Task, p nodeParams) check.Result {
			k, err := linksAndRoutes()
			if err != nil {
				return check.Errorf("%v", err)
			}
			if k.Neighbours, err = netsys.Neighbours(); err != nil {
				return check.Errorf("%v", err)
			}
			return judgeNeigh(p, k)
		},
	}))
}

// judgeNeigh is pure: the nodes' VTEPs against the neighbour table.
func judgeNeigh(p nodeParams, k facts.Kernel) check.Result {
	devices := vxlanDevices(k.Links, p.Self.Flannel.VNI)
	if gone := p.flannelGone(k); gone != "" {
		return check.Skipf("", "%s", gone)
	}
	if len(devices) == 0 {
		return failed(check.Config, "no vxlan device with VNI %d on this node", p.Self.Flannel.VNI)
	}
	entries := map[netip.Addr]facts.Neighbour{}
	for _, n := range k.Neighbours {
		if addr, err := netip.ParseAddr(n.IP); err == nil && devices[n.Dev] {
			entries[addr] = n
		}
	}
	direct := directRoutes(k.Routes)
	var d nodeDifferences
	for _, peer := range p.Peers {
		for _, v := range peer.vteps() {
			if !p.expects(peer, v.cidr) || direct[v.routeText()] {
				continue
			}
			d.compared++
			have, known := entries[v.addr]
			switch {
			case !known:
				d.add(peer.Name, "no entry for %s, want %s", v.addr, v.mac)
			case have.MAC == "" || have.State == "failed" || have.State == "incomplete":
				// Nobody answers ARP on the tunnel: the entry is flannel's to set.
				d.add(peer.Name, "%s is %s, want %s permanent", v.addr, have.State, v.mac)
			case !sameMAC(have.MAC, v.mac):
				d.add(peer.Name, "%s is at %s, want %s", v.addr, have.MAC, v.mac)
			}
		}
	}
	r := d.result(check.Config, "neighbour entries of VTEPs", p)
	if r.Failure != "" {
		r.Meaning = "packets to pods on the nodes named get no, or a wrong, inner hardware address: the other node drops them"
	}
	return r
}

// directRoutes are the routes with a gateway, as vtep.routeText writes them.
func directRoutes(routes []facts.Route) map[string]bool {
	direct := map[string]bool{}
	for _, r := range routes {
		if r.Type == "unicast" && r.Gateway != "" {
			direct[r.Dst+" via "+r.Gateway] = true
		}
	}
	return direct
}

// routeText is the route that leads to a VTEP's pods past the tunnel (DirectRouting);
// where it is, flannel sets up no tunnel entries.
func (v vtep) routeText() string { return v.cidr.String() + " via " + v.public.String() }

// containsAddr reports whether one of the texts is that address.
func containsAddr(texts []string, want netip.Addr) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		addr, err := netip.ParseAddr(text)
		return err == nil && addr == want
	})
}
