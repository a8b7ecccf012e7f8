package causes

import (
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
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

// heldHalfOpen reports whether a node saw a connection answered, and never the end of the
// handshake: the answer was lost behind the place where the node tracks connections.
func heldHalfOpen(flow facts.Flow) bool {
	return flow.Found && flow.SeenReply && flow.State == "SYN_RECV"
}

// answeredUnheard counts connections to a result's target that its node saw answered,
// while the vantage point heard nothing.
func answeredUnheard(c *diagnose.Case, r check.Result) int {
	at, _, ok := diagnose.TargetPort(r)
	n, node := 0, c.NodeOf(r)
	if node == "" {
		return 0
	}
	for _, flow := range flowsAt(c, node) {
		dst, err := netip.ParseAddrPort(flow.Orig.Dst)
		if ok && err == nil && heldHalfOpen(flow) && dst.Addr().Unmap() == at.Addr().Unmap() && dst.Port() == at.Port() {
			n++
		}
	}
	return n
}

// isTo reports whether a flow was sent to an address.
func isTo(flow facts.Flow, addr netip.Addr) bool {
	dst, err := netip.ParseAddrPort(flow.Orig.Dst)
	return err == nil && dst.Addr().Unmap() == addr.Unmap()
}
