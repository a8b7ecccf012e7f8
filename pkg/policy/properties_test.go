package policy_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/policy"
	"github.com/netlook/kubectl-netlook/pkg/policy/policytest"
)

const (
	allowed = facts.PolicyAllowed
	denied  = facts.PolicyDenied
	unsure  = facts.PolicyUnsure
)

// rounds is how many sets of policies each property is tried on, with flowsEach flows.
const rounds, flowsEach = 400, 20

// forAll tries a property on random policies and flows, plain ones and such that are
// broken or that plugins differ about, and counts how the verdicts are spread: a
// property that is only ever tried on one verdict says nothing.
func forAll(t *testing.T, property func(t *testing.T, r policytest.Random, list []networkingv1.NetworkPolicy, f policy.Flow, d facts.PolicyDecision)) {
	seen := map[facts.PolicyVerdict]int{}
	for seed := range uint64(rounds) {
		r := policytest.New(seed)
		plain := seed%2 == 0
		if !plain {
			r.Broken = 6
		}
		list := policytest.Many(r, 5, r.Policy)
		set := policy.New(list)
		for range flowsEach {
			f := r.Flow(plain)
			d := set.Evaluate(f)
			seen[d.Verdict()]++
			if plain && d.Verdict() == unsure {
				t.Fatalf("seed %d: unsure, of plain policies: %v", seed, d.Notes())
			}
			property(t, r, list, f, d)
			if t.Failed() {
				t.Fatalf("seed %d: %+v\n%v", seed, f, d.Lines())
			}
		}
	}
	t.Logf("%v", seen)
	for _, v := range []facts.PolicyVerdict{allowed, denied, unsure} {
		if seen[v] < rounds/4 {
			t.Errorf("only %d flows were %q", seen[v], v)
		}
	}
}

// types spells the default of policyTypes out.
func types(spec networkingv1.NetworkPolicySpec) []networkingv1.PolicyType {
	list := spec.PolicyTypes
	if len(list) == 0 {
		list = append(list, networkingv1.PolicyTypeIngress)
		if len(spec.Egress) > 0 {
			list = append(list, networkingv1.PolicyTypeEgress)
		}
	}
	return list
}

func sides(d facts.PolicyDecision) []facts.PolicySide {
	return []facts.PolicySide{d.Ingress, d.Egress}
}

func verdicts(d facts.PolicyDecision) [2]facts.PolicyVerdict {
	return [2]facts.PolicyVerdict{d.Ingress.Verdict, d.Egress.Verdict}
}

// TestOrderDoesNotMatter: of policies, all that is said stays the same; of rules, peers
// and ports, the verdict.
func TestOrderDoesNotMatter(t *testing.T) {
	forAll(t, func(t *testing.T, r policytest.Random, list []networkingv1.NetworkPolicy, f policy.Flow, d facts.PolicyDecision) {
		list = slices.Clone(list)
		shuffle(r, list)
		if diff := cmp.Diff(d, policy.New(list).Evaluate(f)); diff != "" {
			t.Errorf("policies in another order (-want +got)\n%s", diff)
		}
		for i := range list {
			list[i] = *list[i].DeepCopy()
			spec := &list[i].Spec
			shuffle(r, spec.Ingress)
			shuffle(r, spec.Egress)
			for _, rule := range spec.Ingress {
				shuffle(r, rule.From)
				shuffle(r, rule.Ports)
			}
			for _, rule := range spec.Egress {
				shuffle(r, rule.To)
				shuffle(r, rule.Ports)
			}
		}
		if got := policy.New(list).Evaluate(f); verdicts(got) != verdicts(d) {
			t.Errorf("rules in another order: %v", got.Lines())
		}
	})
}

func shuffle[T any](r policytest.Random, list []T) {
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// TestMoreRulesNeverDeny: a policy more on a pod that is isolated already, and a rule
// more in any policy, take nothing away.
func TestMoreRulesNeverDeny(t *testing.T) {
	rank := map[facts.PolicyVerdict]int{denied: 0, unsure: 1, allowed: 2}
	forAll(t, func(t *testing.T, r policytest.Random, list []networkingv1.NetworkPolicy, f policy.Flow, d facts.PolicyDecision) {
		r.Broken = 0
		more := r.Policy()
		got := policy.New(append(slices.Clone(list), more)).Evaluate(f)
		for i, after := range sides(got) {
			before := sides(d)[i]
			if before.Isolated && rank[after.Verdict] < rank[before.Verdict] {
				t.Errorf("%s was %s and is %s with one policy more on an isolated pod", before.Direction, before.Verdict, after.Verdict)
			}
		}
		if len(list) == 0 {
			return
		}
		list = slices.Clone(list)
		p := list[r.IntN(len(list))].DeepCopy()
		kept := p.DeepCopy()
		p.Spec.Ingress = append(p.Spec.Ingress, r.Ingress())
		p.Spec.Egress = append(p.Spec.Egress, r.Egress())
		// Rules for egress make a policy one for egress, where no types are given.
		p.Spec.PolicyTypes = types(kept.Spec)
		list[slices.IndexFunc(list, func(q networkingv1.NetworkPolicy) bool { return q.Name == p.Name })] = *p
		for i, after := range sides(policy.New(list).Evaluate(f)) {
			if before := sides(d)[i]; rank[after.Verdict] < rank[before.Verdict] {
				t.Errorf("%s was %s and is %s with one rule more", before.Direction, before.Verdict, after.Verdict)
			}
		}
	})
}

// TestUnselectedIsOpen: a pod that no policy selects, and an end that is no pod.
func TestUnselectedIsOpen(t *testing.T) {
	forAll(t, func(t *testing.T, _ policytest.Random, list []networkingv1.NetworkPolicy, f policy.Flow, d facts.PolicyDecision) {
		f.Source.Pod, f.Destination.Pod = moved(f.Source.Pod), moved(f.Destination.Pod)
		got := policy.New(list).Evaluate(f)
		if got.Verdict() != allowed || got.Ingress.Isolated || got.Egress.Isolated {
			t.Errorf("in a namespace without policies: %v", got.Lines())
		}
		for _, s := range sides(d) {
			if !s.Isolated && s.Verdict == denied {
				t.Errorf("%s is denied without being isolated", s.Direction)
			}
		}
	})
}

// moved is a pod in a namespace that holds no policies.
func moved(p *facts.Pod) *facts.Pod {
	if p == nil {
		return nil
	}
	elsewhere := *p
	elsewhere.Namespace = "elsewhere"
	return &elsewhere
}

// TestSplittingChangesNothing: a rule of several peers and ports is one rule for each
// pair, and a policy is one policy for each of its rules.
func TestSplittingChangesNothing(t *testing.T) {
	forAll(t, func(t *testing.T, _ policytest.Random, list []networkingv1.NetworkPolicy, f policy.Flow, d facts.PolicyDecision) {
		var rules, single []networkingv1.NetworkPolicy
		for _, p := range list {
			p := p.DeepCopy()
			p.Spec.PolicyTypes = types(p.Spec)
			split(p)
			rules = append(rules, *p)
			single = append(single, alone(p)...)
		}
		if got := policy.New(rules).Evaluate(f); verdicts(got) != verdicts(d) {
			t.Errorf("one peer and port a rule: %v", got.Lines())
		}
		// Whether a policy in doubt holds must come out alike for all parts of it, which
		// the evaluator does not know of separate policies.
		got := policy.New(single).Evaluate(f)
		for i, s := range sides(got) {
			if before := sides(d)[i]; before.Isolated && s.Verdict != before.Verdict {
				t.Errorf("one rule a policy: %s is %s: %v", s.Direction, s.Verdict, got.Lines())
			}
		}
	})
}

func split(p *networkingv1.NetworkPolicy) {
	var ingress []networkingv1.NetworkPolicyIngressRule
	for _, rule := range p.Spec.Ingress {
		for _, part := range pairs(rule.From, rule.Ports) {
			ingress = append(ingress, networkingv1.NetworkPolicyIngressRule{From: part.peers, Ports: part.ports})
		}
	}
	var egress []networkingv1.NetworkPolicyEgressRule
	for _, rule := range p.Spec.Egress {
		for _, part := range pairs(rule.To, rule.Ports) {
			egress = append(egress, networkingv1.NetworkPolicyEgressRule{To: part.peers, Ports: part.ports})
		}
	}
	p.Spec.Ingress, p.Spec.Egress = ingress, egress
}

type part struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

func pairs(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) []part {
	var parts []part
	for i := range max(1, len(peers)) {
		for j := range max(1, len(ports)) {
			parts = append(parts, part{peers[min(i, len(peers)):min(i+1, len(peers))], ports[min(j, len(ports)):min(j+1, len(ports))]})
		}
	}
	return parts
}

// alone is a policy as several, of one rule each, beside one without any rule.
func alone(p *networkingv1.NetworkPolicy) []networkingv1.NetworkPolicy {
	bare := p.DeepCopy()
	bare.Spec.Ingress, bare.Spec.Egress = nil, nil
	list := []networkingv1.NetworkPolicy{*bare}
	for i := range p.Spec.Ingress {
		one := bare.DeepCopy()
		one.Spec.Ingress = p.Spec.Ingress[i : i+1]
		list = append(list, *one)
	}
	for i := range p.Spec.Egress {
		one := bare.DeepCopy()
		one.Spec.Egress = p.Spec.Egress[i : i+1]
		list = append(list, *one)
	}
	return list
}

// TestAttribution: what is said of a verdict is true of the policies. Taking away the
// rules that allow leaves nothing that does; each alone allows.
func TestAttribution(t *testing.T) {
	forAll(t, func(t *testing.T, _ policytest.Random, list []networkingv1.NetworkPolicy, f policy.Flow, d facts.PolicyDecision) {
		for i, s := range sides(d) {
			consistent(t, s)
			if !s.Isolated || s.Verdict != allowed || s.Because != "" {
				continue
			}
			without, only := only(list, s, false), only(list, s, true)
			if got := sides(policy.New(without).Evaluate(f))[i]; got.Verdict == allowed && got.Because == "" && got.Isolated {
				t.Errorf("without the rules that allow: %v", got.Lines())
			}
			if got := sides(policy.New(only).Evaluate(f))[i]; got.Verdict != allowed {
				t.Errorf("of the rules that allow alone: %v", got.Lines())
			}
		}
	})
}

func consistent(t *testing.T, s facts.PolicySide) {
	t.Helper()
	if s.Isolated != (len(s.Selecting) > 0) {
		t.Errorf("isolated is %v, and %v select", s.Isolated, s.Selecting)
	}
	if s.Verdict == denied && (len(s.Allowing) > 0 || !slices.Equal(s.Silent, s.Selecting)) {
		t.Errorf("denied, allowed by %v, silent are %v of %v", s.Allowing, s.Silent, s.Selecting)
	}
	if s.Verdict == allowed && s.Because == "" && len(s.Allowing) == 0 {
		t.Error("allowed, and nothing says why")
	}
	if s.Verdict == unsure && len(s.Notes) == 0 {
		t.Error("unsure, and nothing says why")
	}
}

// only keeps of the rules of a direction those that allow, or the others.
func only(list []networkingv1.NetworkPolicy, s facts.PolicySide, allowing bool) []networkingv1.NetworkPolicy {
	var kept []networkingv1.NetworkPolicy
	for _, p := range list {
		p := p.DeepCopy()
		p.Spec.PolicyTypes = types(p.Spec)
		named := func(i int) bool {
			return slices.ContainsFunc(s.Allowing, func(r facts.PolicyRule) bool {
				return r.Policy == facts.Ref{Namespace: p.Namespace, Name: p.Name} && r.Rule == i
			})
		}
		var ingress []networkingv1.NetworkPolicyIngressRule
		for i, rule := range p.Spec.Ingress {
			if s.Direction != facts.PolicyIngress || named(i) == allowing {
				ingress = append(ingress, rule)
			}
		}
		var egress []networkingv1.NetworkPolicyEgressRule
		for i, rule := range p.Spec.Egress {
			if s.Direction != facts.PolicyEgress || named(i) == allowing {
				egress = append(egress, rule)
			}
		}
		p.Spec.Ingress, p.Spec.Egress = ingress, egress
		kept = append(kept, *p)
	}
	return kept
}
