package policy

import (
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// compiled is a policy, read once.
type compiled struct {
	ref  facts.Ref
	pods selector
	// sides are the directions that the policy is for.
	sides map[facts.PolicyDirection]side
}

// side is a policy in one direction.
type side struct {
	rules []rule
	// doubt is why the policy may not be for this direction at all.
	doubt string
}

// rule is an item of ingress or egress, the same in either direction.
type rule struct {
	name  facts.PolicyRule // with Peer -1 and without a port
	peers []peerMatcher
	ports []portMatcher
}

func compile(p *networkingv1.NetworkPolicy) compiled {
	c := compiled{
		ref:   facts.Ref{Namespace: p.Namespace, Name: p.Name},
		pods:  compileSelector("podSelector", &p.Spec.PodSelector),
		sides: map[facts.PolicyDirection]side{},
	}
	var ingress, egress []rule
	for i, r := range p.Spec.Ingress {
		ingress = append(ingress, c.rule(facts.PolicyIngress, i, r.From, r.Ports))
	}
	for i, r := range p.Spec.Egress {
		egress = append(egress, c.rule(facts.PolicyEgress, i, r.To, r.Ports))
	}
	doubt := ""
	for _, kind := range policyTypes(p.Spec) {
		switch kind {
		case networkingv1.PolicyTypeIngress:
			c.sides[facts.PolicyIngress] = side{rules: ingress}
		case networkingv1.PolicyTypeEgress:
			c.sides[facts.PolicyEgress] = side{rules: egress}
		default:
			doubt = fmt.Sprintf("policyType %.60q is neither Ingress nor Egress", string(kind))
		}
	}
	if doubt != "" {
		// What it was meant to say is one of the directions that are not there.
		for dir, rules := range map[facts.PolicyDirection][]rule{facts.PolicyIngress: ingress, facts.PolicyEgress: egress} {
			if _, listed := c.sides[dir]; !listed {
				c.sides[dir] = side{rules: rules, doubt: doubt}
			}
		}
	}
	return c
}

// policyTypes applies the default as the API server does (SetDefaults_NetworkPolicy of
// pkg/apis/networking/v1): ingress always, egress where there are rules for it. Where
// types are given, rules of others do not count.
func policyTypes(spec networkingv1.NetworkPolicySpec) []networkingv1.PolicyType {
	switch {
	case len(spec.PolicyTypes) > 0:
		return spec.PolicyTypes
	case len(spec.Egress) > 0:
		return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	}
	return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
}

func (c compiled) rule(dir facts.PolicyDirection, index int, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) rule {
	r := rule{name: facts.PolicyRule{Policy: c.ref, Direction: dir, Rule: index, Peer: -1}}
	for _, p := range peers {
		r.peers = append(r.peers, compilePeer(p))
	}
	for _, p := range ports {
		r.ports = append(r.ports, compilePort(p))
	}
	return r
}

// peerNote and portNote say something of an item of a rule.
func (r rule) peerNote(i int, why string) facts.PolicyNote {
	name := r.name
	name.Peer = i
	return facts.PolicyNote{What: name.String(), Why: why}
}

func (r rule) portNote(i int, why string) facts.PolicyNote {
	return facts.PolicyNote{What: fmt.Sprintf("%s.ports[%d]", r.name, i), Why: why}
}

func (c compiled) note(why string) facts.PolicyNote {
	return facts.PolicyNote{What: "networkpolicy/" + c.ref.String(), Why: why}
}

// problems are all parts that cannot be evaluated, whatever the flow.
func (c compiled) problems() []facts.PolicyNote {
	notes := []facts.PolicyNote{c.note(c.pods.broken)}
	for _, s := range c.sides {
		notes = append(notes, c.note(s.doubt))
		for _, r := range s.rules {
			for i, p := range r.peers {
				for _, why := range p.problems() {
					notes = append(notes, r.peerNote(i, why))
				}
			}
			for i, p := range r.ports {
				notes = append(notes, r.portNote(i, p.broken))
			}
		}
	}
	return slices.DeleteFunc(notes, func(n facts.PolicyNote) bool { return n.Why == "" })
}
