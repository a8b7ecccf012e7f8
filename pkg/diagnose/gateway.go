package diagnose

import (
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// LostGateways are the bad results that say of a pod's default gateway that nobody on its
// link owns that address: what the pod sends elsewhere is lost before it is on any node's
// way. Of a node it says less, since other nodes may be on its link.
func (c *Case) LostGateways(vantage string) []check.Result { return c.known.lost[vantage] }

func (c *Case) findLostGateways() map[string][]check.Result {
	lost := map[string][]check.Result{}
	for _, r := range c.Find(Match{Check: "gateway.icmp", Vantage: "pod/", Status: []check.Status{check.Fail}, Failure: []check.Failure{check.Unreachable}}) {
		if gateway, ok := TargetAddr(r); ok && !c.leaves(r.Vantage, gateway.Is4()) {
			lost[r.Vantage] = append(lost[r.Vantage], r)
		}
	}
	return lost
}

// leaves reports whether somebody beyond its own node answers a vantage point in a family:
// a gateway that is lost is not the one in use then, of several networks or routes.
func (c *Case) leaves(vantage string, v4 bool) bool {
	home := c.nodeOfVantage(vantage)
	for _, p := range c.Peers() {
		if p.Vantage == vantage && p.Answered > 0 && p.Node != "" && p.Node != home && p.Addr.Is4() == v4 {
			return true
		}
	}
	return slices.ContainsFunc(c.Find(Match{Check: "api.endpoint", Vantage: vantage, Status: []check.Status{check.Pass}}), func(r check.Result) bool {
		addr, ok := TargetAddr(r)
		return r.Vantage == vantage && ok && addr.Is4() == v4
	})
}

// CutOffFrom reports whether it says nothing of an address, or of the way to it, that a
// vantage point gets no answer from there: the vantage point is cut off, or the gateway by
// which it sends to other nodes is lost.
func (c *Case) CutOffFrom(vantage string, addr netip.Addr) bool {
	if c.CutOff(vantage) {
		return true
	}
	return c.NodeOfAddr(addr) != c.nodeOfVantage(vantage) && slices.ContainsFunc(c.known.lost[vantage], func(r check.Result) bool {
		gateway, ok := TargetAddr(r)
		return ok && gateway.Is4() == addr.Unmap().Is4()
	})
}
