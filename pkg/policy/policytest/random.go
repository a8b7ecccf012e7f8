// Package policytest makes random NetworkPolicies and flows, for tests that hold an
// evaluator against laws or against another one. It is for tests only, and apart from
// them because those of two modules use it.
package policytest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/policy"
)

// Random makes policies and flows of few words, so that rules often match. Its seed
// makes it repeatable.
type Random struct {
	*rand.Rand
	// Broken makes one part in that many unreadable; 0 for none.
	Broken int
}

// New returns a source that makes the same for the same seed, and nothing broken.
func New(seed uint64) Random { return Random{Rand: rand.New(rand.NewPCG(seed, 1))} }

func pick[T any](r Random, list ...T) T { return list[r.IntN(len(list))] }

func (r Random) breaks() bool { return r.Broken > 0 && r.IntN(r.Broken) == 0 }

func (r Random) selector() metav1.LabelSelector {
	key, value := pick(r, "app", "tier"), pick(r, "a", "b", "c")
	switch r.IntN(6) {
	case 0, 1:
		return metav1.LabelSelector{}
	case 2, 3:
		return metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
	}
	req := metav1.LabelSelectorRequirement{Key: key, Operator: pick(r, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn,
		metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist)}
	if req.Operator == metav1.LabelSelectorOpIn || req.Operator == metav1.LabelSelectorOpNotIn {
		req.Values = []string{value, pick(r, "a", "b", "c")}
	}
	if r.breaks() {
		req.Operator = "Like"
	}
	return metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{req}}
}

func (r Random) peer() networkingv1.NetworkPolicyPeer {
	a, b := r.selector(), r.selector()
	switch r.IntN(4) {
	case 0:
		block := &networkingv1.IPBlock{CIDR: pick(r, "10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24", "0.0.0.0/0", "fd00::/16")}
		if r.IntN(2) == 0 {
			block.Except = []string{pick(r, "10.1.1.0/24", "192.0.2.0/25")}
		}
		if r.breaks() {
			block.CIDR = "10.0.0.0/99"
		}
		return networkingv1.NetworkPolicyPeer{IPBlock: block}
	case 1:
		return networkingv1.NetworkPolicyPeer{PodSelector: &a}
	case 2:
		return networkingv1.NetworkPolicyPeer{NamespaceSelector: &b}
	}
	return networkingv1.NetworkPolicyPeer{PodSelector: &a, NamespaceSelector: &b}
}

func (r Random) port() networkingv1.NetworkPolicyPort {
	var p networkingv1.NetworkPolicyPort
	if r.IntN(2) == 0 {
		protocol := pick(r, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)
		if r.breaks() {
			protocol = "ICMP"
		}
		p.Protocol = &protocol
	}
	switch r.IntN(4) {
	case 0:
		number, end := intstr.FromInt32(80), int32(80+r.IntN(3))
		if r.breaks() {
			end = 1
		}
		p.Port, p.EndPort = &number, &end
	case 1, 2:
		port := pick(r, intstr.FromInt32(80), intstr.FromInt32(81), intstr.FromString("http"), intstr.FromString("dns"))
		p.Port = &port
	}
	return p
}

// Many makes up to most of a thing.
func Many[T any](r Random, most int, make func() T) []T {
	var list []T
	for range r.IntN(most + 1) {
		list = append(list, make())
	}
	return list
}

// Ingress makes a rule for ingress.
func (r Random) Ingress() networkingv1.NetworkPolicyIngressRule {
	return networkingv1.NetworkPolicyIngressRule{From: Many(r, 3, r.peer), Ports: Many(r, 2, r.port)}
}

// Egress makes a rule for egress.
func (r Random) Egress() networkingv1.NetworkPolicyEgressRule {
	return networkingv1.NetworkPolicyEgressRule{To: Many(r, 3, r.peer), Ports: Many(r, 2, r.port)}
}

// Policy makes a policy in namespace a or b.
func (r Random) Policy() networkingv1.NetworkPolicy {
	var p networkingv1.NetworkPolicy
	p.Namespace, p.Name = pick(r, "a", "b"), fmt.Sprintf("p%d", r.IntN(1000000))
	p.Spec = networkingv1.NetworkPolicySpec{PodSelector: r.selector(), Ingress: Many(r, 3, r.Ingress), Egress: Many(r, 3, r.Egress)}
	p.Spec.PolicyTypes = pick(r, nil, nil, []networkingv1.PolicyType{"Ingress"}, []networkingv1.PolicyType{"Egress"}, []networkingv1.PolicyType{"Egress", "Ingress"})
	if r.breaks() {
		p.Spec.PolicyTypes = []networkingv1.PolicyType{"Both"}
	}
	return p
}

// End makes a pod most of the time; plain leaves out what plugins differ about.
func (r Random) End(plain bool) policy.Peer {
	kind := r.IntN(8)
	switch {
	case kind == 0:
		return policy.Peer{Addr: netip.MustParseAddr(pick(r, "192.0.2.1", "192.0.2.200", "10.1.1.1"))}
	case kind == 1 && !plain:
		return policy.Peer{Node: pick(r, "w1", "w2"), Addr: netip.MustParseAddr("10.9.9.9")}
	}
	p := &facts.Pod{Namespace: pick(r, "a", "b"), Name: pick(r, "x", "y", "z"), Node: pick(r, "w1", "w2"), Labels: map[string]string{}}
	for _, key := range []string{"app", "tier"} {
		if r.IntN(3) > 0 {
			p.Labels[key] = pick(r, "a", "b", "c")
		}
	}
	p.IPs = []netip.Addr{netip.AddrFrom4([4]byte{10, byte(r.IntN(2)), byte(r.IntN(2)), 7})}
	p.Containers = []facts.Container{{Ports: []facts.ContainerPort{
		{Name: "http", Port: uint16(80 + r.IntN(2)), Protocol: facts.TCP}, {Name: "dns", Port: 80, Protocol: facts.UDP}}}}
	p.HostNetwork = !plain && r.IntN(4) == 0
	e := policy.Peer{Pod: p, NamespaceLabels: map[string]string{"app": p.Namespace}}
	if !plain && r.IntN(4) == 0 {
		e.NamespaceLabels = nil
	}
	return e
}

// Flow makes a flow between two such ends.
func (r Random) Flow(plain bool) policy.Flow {
	return policy.Flow{Source: r.End(plain), Destination: r.End(plain), Port: uint16(79 + r.IntN(4)), Protocol: pick(r, facts.TCP, facts.TCP, facts.UDP, facts.SCTP)}
}
