// Package policy says what the NetworkPolicies of a cluster (networking.k8s.io/v1) make
// of a flow: allowed or denied, by which rule of which policy, or not to be told and
// why. It is the second opinion beside what probes measure, never the verdict itself.
//
// It reads no cluster: policies, pods and labels are handed in. A flow to a service's
// ClusterIP is judged at the backend, as network plugins do after destination NAT, so
// the caller hands in the backend. It may import k8s.io/api, k8s.io/apimachinery and
// pkg/facts, never client-go (a test enforces it).
//
// What is broken, or done differently by different plugins, is not guessed: it counts as
// "may match", and only where that decides the outcome is the outcome unsure.
//
// Sources: k8s.io/api/networking/v1/types.go, the API's own documentation, and
// https://kubernetes.io/docs/concepts/services-networking/network-policies/.
package policy

import (
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Peer is one end of a flow: a pod, a node itself, or an address that is neither.
type Peer struct {
	// Pod is nil for a node and for a bare address. Its labels, namespace, addresses,
	// node, hostNetwork and named container ports count.
	Pod *facts.Pod
	// NamespaceLabels are those of the pod's namespace, nil when they could not be read.
	NamespaceLabels map[string]string
	// Node is the name of the node that the end is, for a node's own address only.
	Node string
	// Addr is the address of this end as the other's policies see it, after source NAT:
	// of what comes in through a node port that is often a node's. The zero Addr stands
	// for the pod's address of the other end's family.
	Addr netip.Addr
}

// Flow is what is judged: a connection, by its first packet.
type Flow struct {
	Source, Destination Peer
	// Port is the destination's: for a service that of the backend, not the service's
	// own. 0 when it is not known.
	Port uint16
	// Protocol is TCP when empty. Of others than TCP, UDP and SCTP the API says nothing.
	Protocol facts.Protocol
}

// Set is policies, read once and ready to judge any number of flows. It is not changed
// by that and may be used concurrently. The zero value holds no policy.
type Set struct{ policies []compiled }

// New reads policies. What is wrong in one is kept as something that cannot be
// evaluated, see Notes: it never fails. The policies are not changed.
func New(policies []networkingv1.NetworkPolicy) *Set {
	s := &Set{}
	for i := range policies {
		s.policies = append(s.policies, compile(&policies[i]))
	}
	return s
}

// Notes are all parts of all policies that cannot be evaluated, whatever the flow.
func (s *Set) Notes() []facts.PolicyNote {
	var notes []facts.PolicyNote
	for _, p := range s.policies {
		notes = append(notes, p.problems()...)
	}
	facts.SortPolicyNotes(notes)
	return slices.Compact(notes)
}

// Evaluate judges a flow. It is pure.
func (s *Set) Evaluate(f Flow) facts.PolicyDecision {
	r := resolve(f)
	return facts.PolicyDecision{
		Ingress: s.side(facts.PolicyIngress, r.destination, r.source, r),
		Egress:  s.side(facts.PolicyEgress, r.source, r.destination, r),
	}
}
