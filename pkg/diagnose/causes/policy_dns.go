package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POLICY-DNS",
		Summary: "a NetworkPolicy isolates a pod's egress and forgets DNS",
		Signal:  "The egress policies that select the pod allow no rule to the cluster's DNS servers, over UDP or over TCP, and questions to them stay without an answer.",
		Meaning: "Nothing resolves: to applications it looks as if every peer were down.",
		Confirm: []string{"kubectl -n NAMESPACE get networkpolicies -o yaml"},
		Remedy:  []string{"allow egress to port 53, UDP and TCP, of the DNS pods (namespaceSelector kubernetes.io/metadata.name: kube-system, podSelector k8s-app: kube-dns)"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-deny-all-egress-traffic",
		Spot:    diagnose.Spot{Place: diagnose.AtNode, Says: "policy denies DNS"},
		Find:    findPolicyDNS,
	})
}

func findPolicyDNS(c *diagnose.Case) []diagnose.Finding {
	list := denied(c, true)
	if len(list) == 0 {
		return nil
	}
	confidence, why := enforced(c)
	who, refs := deniers(list[0].Decision)
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("%s does not let %s ask the cluster's DNS", who, c.Facts.Vantage.String()),
		Confidence: confidence,
		Evidence:   append(list[0].Decision.Lines(), why),
		Likely:     "egress was closed, and port 53 (UDP and TCP) of the DNS pods not opened again",
		Rank:       rankMeasured,
	}
	if list[0].Decision.Egress.Verdict != facts.PolicyDenied {
		f.Likely = "the DNS pods' own ingress policy does not know this client"
	}
	over := map[string]bool{}
	for _, d := range list {
		over[string(d.Protocol)] = true
		f.Explains = append(f.Explains, diagnose.Keys(d.results)...)
		f.Evidence = append(f.Evidence, seenAll(d.results)...)
		f.Explains = append(f.Explains, pingsOf(c, d.To.Addr())...)
	}
	if len(over) == 1 {
		for protocol := range over {
			f.Headline += " over " + protocol
		}
	}
	f.Explains = append(c.Through(f.Explains), namesFailing(c)...)
	f.Evidence = firstOf(f.Evidence, mostEvidence)
	for _, ref := range refs {
		f.Where = append(f.Where, "networkpolicy/"+ref.String())
		f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s describe networkpolicy %s", ref.Namespace, ref.Name))
	}
	return []diagnose.Finding{f}
}
