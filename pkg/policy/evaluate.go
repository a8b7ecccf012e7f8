package policy

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// side judges one direction: the policies that hold for subject, and what their rules
// say of the other end.
//
// The law (types.go, NetworkPolicySpec.Ingress and .Egress): allowed where no policy
// selects the pod, or where a rule of any policy that does matches.
func (s *Set) side(dir facts.PolicyDirection, subject, peer end, r resolved) facts.PolicySide {
	out := facts.PolicySide{Direction: dir}
	if subject.pod == nil {
		out.Verdict = facts.PolicyAllowed
		out.Because = subject.name + " is no pod, and policies hold for pods only"
		return out
	}
	var t tally
	for _, p := range s.policies {
		selects := p.selects(dir, subject)
		if selects.is == no {
			continue
		}
		if selects.is == yes {
			out.Selecting = append(out.Selecting, p.ref)
		} else {
			out.Notes = append(out.Notes, p.note(selects.why))
		}
		allows := p.judge(dir, peer, r, &out)
		if selects.is == yes && allows == no {
			out.Silent = append(out.Silent, p.ref)
		}
		t.add(selects.is, allows)
	}
	out.Isolated = len(out.Selecting) > 0
	out.Verdict = t.verdict()
	if !t.any {
		out.Because = "no policy selects " + subject.name
	}
	exceptions(&out, subject, peer, r)
	finish(&out)
	return out
}

// selects asks whether a policy is for a pod in a direction.
func (c compiled) selects(dir facts.PolicyDirection, e end) answer {
	side, listed := c.sides[dir]
	if !listed || e.pod.Namespace != c.ref.Namespace {
		return answer{}
	}
	result := c.pods.matches(e.pod.Labels)
	if side.doubt != "" {
		result = both(result, answer{maybe, side.doubt})
	}
	if result.is == yes && e.pod.HostNetwork {
		return answer{maybe, fmt.Sprintf("it selects %s, which is in the host network: most plugins do not apply policies there", e.name)}
	}
	return result
}

// judge asks all rules of a policy, and writes down which allow and which half fit.
func (c compiled) judge(dir facts.PolicyDirection, peer end, r resolved, out *facts.PolicySide) truth {
	best := no
	for _, rule := range c.sides[dir].rules {
		peerFits, from := rule.matchPeer(peer)
		portFits, port := rule.matchPort(r)
		name := rule.name
		name.Peer = from.index
		switch result := min(peerFits, portFits); {
		case result == yes:
			name.Port = port.text
			out.Allowing = append(out.Allowing, name)
			out.Notes = append(out.Notes, from.notes...)
			best = yes
		case result == maybe:
			out.Notes = append(out.Notes, slices.Concat(from.notes, port.notes)...)
			best = max(best, maybe)
		case peerFits == yes:
			out.Near = append(out.Near, facts.PolicyMiss{PolicyRule: name, PeerFits: true, Why: rule.wrongPort(r)})
		case portFits == yes:
			name.Port = port.text
			out.Near = append(out.Near, facts.PolicyMiss{PolicyRule: name, PortFits: true, Why: rule.wrongPeer(peer)})
		}
	}
	return best
}

// exceptions are flows that policies have no say in.
func exceptions(out *facts.PolicySide, subject, peer end, r resolved) {
	if out.Verdict == facts.PolicyAllowed {
		return
	}
	sameNode := peer.onNode() && peer.node != "" && peer.node == subject.node && !subject.pod.HostNetwork
	switch {
	case r.loops:
		// It does not leave the pod, unless it goes through a service and comes back.
		out.Verdict = facts.PolicyAllowed
		out.Because = "a pod reaches itself, whatever policies say (through a service some plugins do apply them)"
	case sameNode && out.Direction == facts.PolicyIngress:
		// Without it the kubelet could not probe the pod (types.go: "OR if the traffic
		// source is the pod's local node").
		out.Verdict = facts.PolicyAllowed
		out.Because = fmt.Sprintf("%s is on the pod's own node, which policies do not keep out", peer.name)
	case sameNode:
		out.Verdict = facts.PolicyUnsure
		out.Notes = append(out.Notes, facts.PolicyNote{What: peer.name,
			Why: "it is the pod's own node: Kubernetes documents that as always allowed, and some plugins (Cilium) deny it"})
	case !known(r.protocol):
		out.Verdict = facts.PolicyUnsure
		out.Notes = append(out.Notes, facts.PolicyNote{What: fmt.Sprintf("protocol %.20q", string(r.protocol)),
			Why: "NetworkPolicy is defined for TCP, UDP and SCTP only; plugins differ"})
	}
}

// finish makes the lists stable: whatever order the API lists policies in, the decision
// reads the same.
func finish(out *facts.PolicySide) {
	slices.SortFunc(out.Selecting, facts.CompareRefs)
	slices.SortFunc(out.Silent, facts.CompareRefs)
	slices.SortFunc(out.Allowing, facts.ComparePolicyRules)
	slices.SortFunc(out.Near, func(a, b facts.PolicyMiss) int { return facts.ComparePolicyRules(a.PolicyRule, b.PolicyRule) })
	facts.SortPolicyNotes(out.Notes)
	out.Notes = slices.Compact(out.Notes)
}

// tally sums up policies into a verdict, for every way the maybes may come out.
type tally struct {
	any      bool // a policy selects, or may
	isolated bool // a policy selects for sure
	allows   bool // one that selects for sure allows for sure
	mayAllow bool // one that may select may allow
	mayDeny  bool // one that may select may not allow
}

func (t *tally) add(selects, allows truth) {
	t.any = true
	t.isolated = t.isolated || selects == yes
	t.allows = t.allows || selects == yes && allows == yes
	t.mayAllow = t.mayAllow || allows != no
	t.mayDeny = t.mayDeny || allows != yes
}

func (t *tally) verdict() facts.PolicyVerdict {
	switch {
	case t.allows, !t.any:
		return facts.PolicyAllowed
	case !t.isolated && !t.mayDeny:
		// Whichever of them select: each allows, and without any nothing is isolated.
		return facts.PolicyAllowed
	case t.isolated && !t.mayAllow:
		return facts.PolicyDenied
	}
	return facts.PolicyUnsure
}
