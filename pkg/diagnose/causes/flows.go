package causes

import (
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// handedOver is a connection to a ClusterIP and where the kernel sent it.
type handedOver struct{ vip, backend string }

// flowsTo are the flows to an address that the nodes' conntrack tables held, with the
// address that the kernel sent them to: the same where no rule translated it.
func flowsTo(c *diagnose.Case, vip string) []handedOver {
	var list []handedOver
	for _, flow := range flows(c) {
		dst, err := netip.ParseAddrPort(flow.Orig.Dst)
		backend := flow.SentTo()
		if err == nil && dst.Addr().Unmap().String() == vip && backend.IsValid() {
			list = append(list, handedOver{vip: vip, backend: backend.Addr().Unmap().String()})
		}
	}
	return list
}

// flows are all connections that were looked up and found, on any node.
func flows(c *diagnose.Case) []facts.Flow {
	var list []facts.Flow
	for _, r := range c.Find(diagnose.Match{Check: "node.flows", Vantage: "node/"}) {
		if r.Kernel == nil {
			continue
		}
		for _, flow := range r.Kernel.Flows {
			if flow.Found {
				list = append(list, flow)
			}
		}
	}
	return list
}
