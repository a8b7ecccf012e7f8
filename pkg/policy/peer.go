package policy

import (
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
)

// peerMatcher is an item of a rule's from or to, read once.
type peerMatcher struct {
	// Of these three, block stands alone. pods is nil for all pods, namespaces is nil
	// for the policy's own.
	pods, namespaces *selector
	block            *ipBlock
	broken           string
}

func compilePeer(p networkingv1.NetworkPolicyPeer) peerMatcher {
	var m peerMatcher
	switch selects := p.PodSelector != nil || p.NamespaceSelector != nil; {
	case p.IPBlock != nil && selects:
		m.broken = "ipBlock stands with a selector, which the API forbids"
	case p.IPBlock != nil:
		block := compileIPBlock(p.IPBlock)
		m.block = &block
	case !selects:
		m.broken = "the peer is empty: neither a selector nor an ipBlock"
	}
	if p.PodSelector != nil {
		s := compileSelector("podSelector", p.PodSelector)
		m.pods = &s
	}
	if p.NamespaceSelector != nil {
		s := compileSelector("namespaceSelector", p.NamespaceSelector)
		m.namespaces = &s
	}
	return m
}

// problems are why the item cannot be evaluated, whatever the flow.
func (m peerMatcher) problems() []string {
	list := []string{m.broken}
	if m.block != nil {
		list = append(list, m.block.broken, m.block.brokenExcept)
	}
	for _, s := range []*selector{m.pods, m.namespaces} {
		if s != nil {
			list = append(list, s.broken)
		}
	}
	return list
}

// match asks whether the item takes an end of a flow, in a policy of that namespace.
func (m peerMatcher) match(e end, namespace string) answer {
	switch {
	case m.broken != "":
		return answer{maybe, m.broken}
	case m.block != nil:
		return m.matchBlock(e)
	case e.pod == nil:
		return answer{} // selectors take pods, and nothing else
	}
	own := answer{is: truthOf(e.pod.Namespace == namespace)}
	if m.namespaces != nil {
		own = m.namespaces.matchesNamespace(e.pod.Namespace, e.namespaceLabels)
	}
	pods := answer{is: yes}
	if m.pods != nil {
		pods = m.pods.matches(e.pod.Labels)
	}
	result := both(own, pods)
	if result.is == yes && e.onNode() {
		return answer{maybe, hostNetworkPeer(e)}
	}
	return result
}

// matchBlock: the API takes any address, but tells people to use blocks for addresses
// outside the cluster, and plugins differ in what they do with those inside.
func (m peerMatcher) matchBlock(e end) answer {
	result := m.block.contains(e.addr)
	switch {
	case result.is != yes:
	case e.onNode():
		return answer{maybe, fmt.Sprintf("ipBlock holds %s, an address of a node: some plugins (Cilium) never match nodes by address", e.addr)}
	case e.pod != nil:
		result.why = fmt.Sprintf("ipBlock holds %s, a pod's address: some plugins (Cilium) never match pods by address", e.addr)
	}
	return result
}

// hostNetworkPeer: the API leaves policies for pods in the host network undefined. Most
// plugins see the node's address and no pod.
func hostNetworkPeer(e end) string {
	return e.name + " is in the host network: most plugins see its node's address and match no selector"
}
