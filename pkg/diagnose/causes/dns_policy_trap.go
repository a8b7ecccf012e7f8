package causes

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-DNSPOLICY",
		Summary: "a pod's dnsPolicy does not lead it to the cluster's DNS",
		Signal:  "The pod is on its node's network with dnsPolicy ClusterFirst, or its dnsPolicy is Default: the kubelet then gives it the node's resolv.conf.",
		Meaning: "Names of services do not resolve in it; names outside do.",
		Confirm: []string{"kubectl get pod POD -o jsonpath='{.spec.dnsPolicy}{.spec.hostNetwork}'", "cat /etc/resolv.conf (in the pod)"},
		Remedy:  []string{"dnsPolicy: ClusterFirstWithHostNet for pods with hostNetwork, ClusterFirst for others"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "state.dnspolicy", Status: []check.Status{check.Warn}}) {
				f := diagnose.Finding{
					Headline:   "dnsPolicy " + r.Summary,
					Confidence: diagnose.Certain,
					Where:      []string{r.Object},
					Evidence:   []string{seen(r)},
					Explains:   []string{diagnose.Key(r)},
					Likely:     r.Meaning,
					Rank:       rankMeasured,
				}
				for _, other := range c.Find(diagnose.Match{Check: "dns.", Status: failing, Failure: []check.Failure{check.NXDomain, check.Config}}) {
					f.Explains = append(f.Explains, diagnose.Key(other))
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}
