package causes

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// tracksConnections reports whether pods' connections are to be found in a node's
// connection tracking, so that the lack of one means something: the table is in use,
// nothing is there that sends packets past it, and of our connections that were answered
// those that were looked up are in it.
func tracksConnections(c *diagnose.Case, node string) bool {
	used := false
	for _, r := range c.Find(diagnose.Match{Check: "node.", Vantage: "node/"}) {
		if r.Vantage != "node/"+node || r.Kernel == nil {
			continue
		}
		if r.Check == "node.conntrack" && r.Kernel.Conntrack != nil {
			used = r.Kernel.Conntrack.Count > 0
		}
		for _, l := range r.Kernel.Links {
			if bypasses(l.Name) {
				return false
			}
		}
	}
	return used && controlsFound(c, c.Home())
}

// bypasses reports whether an interface is of a dataplane that tracks connections by
// itself: Cilium's and Calico's in eBPF maps, Open vSwitch's in zones of its own.
func bypasses(link string) bool {
	return slices.ContainsFunc([]string{"cilium_", "lxc", "bpfin.cali", "bpfout.cali", "ovs-system", "br-int", "ovn-k8s-mp", "antrea-gw"}, func(known string) bool {
		return strings.HasPrefix(link, known)
	})
}

// controlsFound reports whether connections that were answered are in a node's table,
// true when none was looked up there.
func controlsFound(c *diagnose.Case, node string) bool {
	passed := map[netip.AddrPort]bool{}
	for _, r := range c.Find(diagnose.Match{Vantage: c.Facts.Vantage.String(), Status: []check.Status{check.Pass}}) {
		if at, _, ok := diagnose.TargetPort(r); ok {
			passed[netip.AddrPortFrom(at.Addr().Unmap(), at.Port())] = true
		}
	}
	asked := false
	for _, flow := range flowsAt(c, node) {
		if flow.Found {
			return true
		}
		dst, err := netip.ParseAddrPort(flow.Orig.Dst)
		asked = asked || err == nil && passed[netip.AddrPortFrom(dst.Addr().Unmap(), dst.Port())]
	}
	return !asked
}
