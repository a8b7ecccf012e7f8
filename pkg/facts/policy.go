package facts

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// PolicyVerdict is what NetworkPolicies say of a flow. It is a prediction from the
// API's objects, never evidence that packets pass or do not.
type PolicyVerdict string

// The verdicts. PolicyUnsure stands for something that was not evaluated, or that
// network plugins do differently, and that decides: the notes say what. The zero value
// means not evaluated at all.
const (
	PolicyAllowed PolicyVerdict = "allowed"
	PolicyDenied  PolicyVerdict = "denied"
	PolicyUnsure  PolicyVerdict = "unsure"
)

// PolicyDirection is a policyType of the API, in lower case.
type PolicyDirection string

// The directions: ingress is judged at the destination, egress at the source.
const (
	PolicyIngress PolicyDirection = "ingress"
	PolicyEgress  PolicyDirection = "egress"
)

// PolicyDecision is what the NetworkPolicies of a cluster say of one flow, made by
// pkg/policy. It is a plain model here, so that causes and reports can use it.
type PolicyDecision struct {
	Ingress PolicySide `json:"ingress"`
	Egress  PolicySide `json:"egress"`
}

// Verdict is that of both directions together: a flow needs both.
func (d PolicyDecision) Verdict() PolicyVerdict {
	switch {
	case d.Ingress.Verdict == PolicyDenied || d.Egress.Verdict == PolicyDenied:
		return PolicyDenied
	case d.Ingress.Verdict == PolicyAllowed && d.Egress.Verdict == PolicyAllowed:
		return PolicyAllowed
	}
	return PolicyUnsure
}

// Lines are those of both directions, egress first, as a packet meets them.
func (d PolicyDecision) Lines() []string { return append(d.Egress.Lines(), d.Ingress.Lines()...) }

// Notes are those of both directions, each once, sorted.
func (d PolicyDecision) Notes() []PolicyNote {
	notes := slices.Concat(d.Ingress.Notes, d.Egress.Notes)
	SortPolicyNotes(notes)
	return slices.Compact(notes)
}

// PolicySide is one direction of a decision. Its slices are sorted.
type PolicySide struct {
	Direction PolicyDirection `json:"direction"`
	Verdict   PolicyVerdict   `json:"verdict"`
	// Isolated says that a policy selects the pod in this direction: what no rule
	// allows is then denied.
	Isolated bool `json:"isolated"`
	// Because says why, where no rule does: nothing selects the pod, the end is no
	// pod, ...
	Because string `json:"because,omitempty"`
	// Selecting are the policies that select the pod in this direction.
	Selecting []Ref `json:"selecting,omitempty"`
	// Allowing are the rules that allow the flow, with the first peer and the first
	// port of each that do.
	Allowing []PolicyRule `json:"allowing,omitempty"`
	// Silent are the selecting policies of which no rule allows the flow, nor may. When
	// the verdict is denied it is they who deny it.
	Silent []Ref `json:"silent,omitempty"`
	// Near are the rules of selecting policies that half fit: the peer and not the
	// port, or the port and not the peer.
	Near []PolicyMiss `json:"near,omitempty"`
	// Notes say what was not evaluated and why, and what holds only for some plugins.
	Notes []PolicyNote `json:"notes,omitempty"`
}

// Lines say in one line each who allows the flow, or who does not and what half fits.
func (s PolicySide) Lines() []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if s.Because != "" {
		add("%s: %s", s.Direction, s.Because)
	}
	for _, rule := range s.Allowing {
		lines = append(lines, rule.String())
	}
	if s.Verdict == PolicyAllowed {
		return lines
	}
	for _, ref := range s.Silent {
		add("networkpolicy/%s %s: selects the pod, no rule allows", ref, s.Direction)
	}
	for _, miss := range s.Near {
		lines = append(lines, miss.String())
	}
	if s.Verdict == PolicyUnsure {
		for _, note := range s.Notes {
			add("not evaluated: %s", note)
		}
	}
	return lines
}

// PolicyRule names a rule of a policy, and what in it matches.
type PolicyRule struct {
	Policy    Ref             `json:"policy"`
	Direction PolicyDirection `json:"direction"`
	// Rule is the index in spec.ingress or spec.egress; Peer that in the rule's from or
	// to, -1 when the rule has none and so takes any peer.
	Rule int `json:"rule"`
	Peer int `json:"peer"`
	// Port is for people: "port 8080", "ports 8000-9000/UDP", "port http", "any port".
	Port string `json:"port,omitempty"`
}

// String is one line: "networkpolicy/shop/allow-web ingress[0].from[1] port 8080".
func (r PolicyRule) String() string {
	list := "from"
	if r.Direction == PolicyEgress {
		list = "to"
	}
	text := fmt.Sprintf("networkpolicy/%s %s[%d]", r.Policy, r.Direction, r.Rule)
	if r.Peer >= 0 {
		text += fmt.Sprintf(".%s[%d]", list, r.Peer)
	}
	if r.Port != "" {
		text += " " + r.Port
	}
	return text
}

// ComparePolicyRules orders rules by policy, then as they stand in it.
func ComparePolicyRules(a, b PolicyRule) int {
	return cmp.Or(CompareRefs(a.Policy, b.Policy), cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.Port, b.Port))
}

// PolicyMiss is a rule that half fits a flow.
type PolicyMiss struct {
	PolicyRule
	// PeerFits and PortFits say which half does; exactly one is set.
	PeerFits bool `json:"peerFits"`
	PortFits bool `json:"portFits"`
	// Why is what does not fit, for people.
	Why string `json:"why"`
}

// String is one line: "networkpolicy/shop/allow-web ingress[0].from[1]: fits the peer,
// but allows port http (8081) only".
func (m PolicyMiss) String() string { return m.PolicyRule.String() + ": " + m.Why }

// PolicyNote says of a part of a policy that it was not evaluated, or only so.
type PolicyNote struct {
	// What is the part: "networkpolicy/shop/web ingress[0].from[1]", or an end of the
	// flow: "pod/shop/web-0".
	What string `json:"what"`
	Why  string `json:"why"`
}

// String is one line.
func (n PolicyNote) String() string { return strings.TrimPrefix(n.What+": "+n.Why, ": ") }

// SortPolicyNotes sorts in place.
func SortPolicyNotes(notes []PolicyNote) {
	slices.SortFunc(notes, func(a, b PolicyNote) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Why, b.Why))
	})
}

// CompareRefs orders by namespace, then by name.
func CompareRefs(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// Policies is what NetworkPolicies say of the flows of this run.
type Policies struct {
	// Read says that the policies at both ends could be read; Count how many there are.
	Read  bool
	Count int
	// Flows are those that were judged; none where there is no policy.
	Flows []PolicyFlow
	// Outside judges what goes to any address outside the cluster, nil where that depends
	// on the address or the port.
	Outside *PolicyFlow
	// Notes are parts of policies that cannot be evaluated, whatever the flow.
	Notes []PolicyNote
	// Unenforced says that, as far as is known, nothing in the cluster enforces policies:
	// its CNI is flannel, and no policy engine's API is served.
	Unenforced bool
	// Engine is the policy engine whose API is served, "" where none is known.
	Engine string
	// Foreign are policies of other APIs that may hold for the flows: they are not
	// evaluated. ForeignUnread says of which it is not known whether there are any.
	Foreign       []ForeignPolicy
	ForeignUnread []string
}

// ForeignPolicy is a policy of another API than Kubernetes' own.
type ForeignPolicy struct {
	Kind string // CiliumNetworkPolicy ...
	Name string // "namespace/name", or "name" for one of the whole cluster
	// Known says that its selector could be read; Selects are then those pods at the ends
	// of the flows that it selects.
	Known   bool
	Selects []Ref
	// NotIn and NotOut say that it has no rules for what comes to such a pod, or for what
	// goes out of it, and so denies none of that.
	NotIn, NotOut bool
}

// String is its kind and name.
func (p ForeignPolicy) String() string { return strings.TrimSpace(p.Kind + " " + p.Name) }

// MayDeny reports whether it may deny a flow from one pod to another, as far as is known.
func (p ForeignPolicy) MayDeny(from, to Ref) bool {
	return !p.NotOut && p.MaySelect(from) || !p.NotIn && p.MaySelect(to)
}

// MaySelect reports whether it selects a pod, as far as is known.
func (p ForeignPolicy) MaySelect(pod Ref) bool { return !p.Known || slices.Contains(p.Selects, pod) }

// DenyOutside names a policy by which nothing outside the cluster may be reached, "" when
// none says so or nothing enforces it.
func (p Policies) DenyOutside() string {
	if p.Outside == nil || p.Unenforced {
		return ""
	}
	return p.Outside.Decision.Denier()
}

// Denier names a policy that denies a flow, "" for a flow that is not denied.
func (d PolicyDecision) Denier() string {
	if d.Verdict() != PolicyDenied {
		return ""
	}
	for _, side := range []PolicySide{d.Egress, d.Ingress} {
		if side.Verdict == PolicyDenied && len(side.Silent) > 0 {
			return "NetworkPolicy " + side.Silent[0].String()
		}
	}
	return ""
}

// PolicyFlow is a flow from the vantage pod, and what policies say of it.
type PolicyFlow struct {
	To       netip.AddrPort
	Protocol Protocol
	// Object is the pod at its end, Subject the service or target it was judged for.
	Object, Subject string
	Decision        PolicyDecision
}
