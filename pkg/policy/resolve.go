package policy

import (
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// resolved is a flow with all that the matchers ask of it filled in.
type resolved struct {
	source, destination end
	port                uint16
	protocol            facts.Protocol
	// loops says that both ends are one pod.
	loops bool
}

// end is one end of a resolved flow.
type end struct {
	name            string // for people: "pod/shop/web-0", "node/w1", "10.0.0.1"
	pod             *facts.Pod
	namespaceLabels map[string]string
	// node is the node the end is on, for pods, or is itself.
	node string
	addr netip.Addr
}

// onNode says that the end has a node's own address.
func (e end) onNode() bool {
	return e.pod == nil && e.node != "" || e.pod != nil && e.pod.HostNetwork
}

func resolve(f Flow) resolved {
	r := resolved{source: newEnd(f.Source), destination: newEnd(f.Destination), port: f.Port, protocol: f.Protocol}
	if r.protocol == "" {
		r.protocol = facts.TCP
	}
	// Both ends have an address of one family. What the caller knows decides it, the
	// destination first; else the first address of the destination that the source has
	// a counterpart to.
	fromDestination := addresses(f.Destination)
	fromSource := addresses(f.Source)
	r.destination.addr, r.source.addr = pair(fromDestination, fromSource)
	src, dst := r.source.pod, r.destination.pod
	r.loops = src != nil && dst != nil && src.Ref() == dst.Ref() && src.UID == dst.UID
	return r
}

func newEnd(p Peer) end {
	e := end{pod: p.Pod, namespaceLabels: p.NamespaceLabels, node: p.Node, addr: p.Addr.Unmap()}
	switch {
	case p.Pod != nil:
		e.name, e.node = "pod/"+p.Pod.Ref().String(), p.Pod.Node
	case p.Node != "":
		e.name = "node/" + p.Node
	case p.Addr.IsValid():
		e.name = p.Addr.String()
	default:
		e.name = "an unknown address"
	}
	return e
}

// addresses are those that an end may have in the flow.
func addresses(p Peer) []netip.Addr {
	switch {
	case p.Addr.IsValid():
		return []netip.Addr{p.Addr.Unmap()}
	case p.Pod != nil:
		return p.Pod.IPs
	}
	return nil
}

// pair picks an address of either list, of one family where that is possible.
func pair(as, bs []netip.Addr) (a, b netip.Addr) {
	for _, a := range as {
		for _, b := range bs {
			if a.Unmap().Is4() == b.Unmap().Is4() {
				return a.Unmap(), b.Unmap()
			}
		}
	}
	return first(as), first(bs)
}

func first(list []netip.Addr) netip.Addr {
	if len(list) == 0 {
		return netip.Addr{}
	}
	return list[0].Unmap()
}
