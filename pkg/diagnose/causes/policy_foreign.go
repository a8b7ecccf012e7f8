package causes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POLICY-FOREIGN",
		Summary: "a policy of another API than NetworkPolicy, which netlook does not evaluate, may deny the flow",
		Signal:  "Policies of Cilium, Calico, Antrea or the admin API exist which select an end of a flow that gets no answer, as far as their selectors can be read; pods that answer are selected by none of them.",
		Meaning: "Such policies drop packets like NetworkPolicies do. What they allow is written in other words, so that this is known of them only: they are there, and the silence is where they are.",
		Confirm: []string{"cilium-dbg monitor --type drop (in the agent of the pod's node); for Calico: calicoctl get networkpolicy -o yaml"},
		Remedy:  []string{"read the policies that are named: allow the flow in them"},
		Source:  "https://docs.cilium.io/en/stable/security/policy/",
		Find:    findPolicyForeign,
	})
}

func findPolicyForeign(c *diagnose.Case) []diagnose.Finding {
	self := c.Facts.Vantage.Pod
	if self == nil || len(c.Facts.Policies.Foreign)+len(c.Facts.Policies.ForeignUnread) == 0 {
		return nil
	}
	f := diagnose.Finding{Confidence: diagnose.Likely, Rank: rankPod}
	var named []string
	for _, r := range c.Results {
		pod, ok := podOf(r.Object)
		if !ok || r.Vantage != c.Facts.Vantage.String() || pod == self.Ref() {
			continue
		}
		policies := mayHold(c, self.Ref(), pod)
		switch {
		case len(policies) == 0:
		case r.Status == check.Pass:
			if _, _, port := diagnose.TargetPort(r); port {
				f.Confidence = diagnose.Possible // they let others through that they select
			}
		case diagnose.Bad(r) && allFailures(r, check.Timeout, check.Unreachable):
			f.Evidence = append(f.Evidence, seen(r))
			f.Explains = append(f.Explains, diagnose.Key(r))
			for _, p := range policies {
				if !p.Known {
					f.Confidence = diagnose.Possible
				}
				if !slices.Contains(named, p.String()) {
					named = append(named, p.String())
				}
			}
			// Across nodes much else may be at fault, until both were looked at.
			far := c.HostOf(r)
			if far != c.Home() && (!c.Deep(c.Home()) || !c.Deep(far)) {
				f.Confidence = diagnose.Possible
			}
		}
	}
	if len(named) == 0 {
		return nil
	}
	f.Headline = fmt.Sprintf("%s may deny what %s sends: it is not evaluated here", strings.Join(firstOf(named, mostPlaces), ", "), c.Facts.Vantage.String())
	f.Where = firstOf(named, mostPlaces)
	f.Explains = c.Through(f.Explains)
	f.Evidence = firstOf(f.Evidence, mostEvidence)
	for _, p := range firstOf(named, mostPlaces) {
		f.Try = append(f.Try, tryForeign(p))
	}
	return []diagnose.Finding{f}
}

// mayHold are the policies that may deny a flow, and those of which it is not known what
// they select.
func mayHold(c *diagnose.Case, from, to facts.Ref) []facts.ForeignPolicy {
	all := slices.Clone(c.Facts.Policies.Foreign)
	for _, unread := range c.Facts.Policies.ForeignUnread { // whether there are any is not known
		all = append(all, facts.ForeignPolicy{Kind: unread})
	}
	return slices.DeleteFunc(all, func(p facts.ForeignPolicy) bool { return !p.MayDeny(from, to) })
}

// podOf is the pod that a result's object names.
func podOf(object string) (facts.Ref, bool) {
	namespace, name := namespaced(object)
	return facts.Ref{Namespace: namespace, Name: name}, namespace != "" && strings.HasPrefix(object, "pod/")
}

// sharedKinds are the kinds of which several APIs have one, by what kubectl calls them.
var sharedKinds = map[string]string{
	"Calico's NetworkPolicy":        "networkpolicies.crd.projectcalico.org",
	"Antrea's NetworkPolicy":        "networkpolicies.crd.antrea.io",
	"Antrea's ClusterNetworkPolicy": "clusternetworkpolicies.crd.antrea.io",
	"ClusterNetworkPolicy":          "clusternetworkpolicies.policy.networking.k8s.io",
}

// tryForeign is the command that shows a policy.
func tryForeign(policy string) string {
	if strings.Contains(policy, "may not be read") {
		return "ask somebody who may list them: " + policy
	}
	kind, _, many := strings.Cut(policy, ": ") // "more than the first"
	name := ""
	if i := strings.LastIndex(kind, " "); i >= 0 && !many {
		kind, name = kind[:i], kind[i+1:]
	}
	resource := cmp.Or(sharedKinds[kind], strings.ToLower(kind))
	if namespace, short, ok := strings.Cut(name, "/"); ok {
		return fmt.Sprintf("kubectl -n %s get %s %s -o yaml", namespace, resource, short)
	}
	if name != "" {
		return fmt.Sprintf("kubectl get %s %s -o yaml", resource, name)
	}
	return "kubectl get " + resource + " -A"
}
