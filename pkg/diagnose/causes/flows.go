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
	for _, flow := range flowsAt(c, "") {
		if !flow.Found {
			continue
		}
		backend := flow.SentTo()
		if addr, err := netip.ParseAddr(vip); err == nil && isTo(flow, addr) && backend.IsValid() {
			list = append(list, handedOver{vip: vip, backend: backend.Addr().Unmap().String()})
		}
	}
	return list
}

// flowsAt are the connections that were looked up on a node, or on any for "", also
// those that were not found.
func flowsAt(c *diagnose.Case, node string) []facts.Flow {
	var list []facts.Flow
	for _, r := range c.Find(diagnose.Match{Check: "node.flows", Vantage: "node/"}) {
		if r.Kernel != nil && (node == "" || r.Vantage == "node/"+node) {
			list = append(list, r.Kernel.Flows...)
		}
	}
	return list
}

// isTo reports whether a flow was sent to an address.
func isTo(flow facts.Flow, addr netip.Addr) bool {
	dst, err := netip.ParseAddrPort(flow.Orig.Dst)
	return err == nil && dst.Addr().Unmap() == addr.Unmap()
}
