package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-INGRESS-BACKEND",
		Summary: "a rule of an Ingress leads nowhere: to a port that its service does not have, or by a class that nobody serves",
		Signal:  "The rule's backend port is none of the service's, by number or by name; or its ingressClassName, or the default class that it relies on, does not exist.",
		Meaning: "From outside it is an error of the ingress controller (503, 404) while everything inside works.",
		Confirm: []string{"kubectl -n NAMESPACE describe ingress NAME", "kubectl get ingressclasses"},
		Remedy:  []string{"kubectl -n NAMESPACE edit ingress NAME: the service's own port (not the pods'), by its number or name"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/ingress/#the-ingress-resource",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.ingress", Status: failing}) {
				namespace, ingress, _ := strings.Cut(strings.TrimPrefix(r.Object, "ingress/"), "/")
				f := diagnose.Finding{
					Headline:   fmt.Sprintf("the rule %s of ingress %s/%s %s", r.Target, namespace, ingress, r.Summary),
					Confidence: diagnose.Certain,
					Where:      []string{r.Object, r.Subject},
					Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
					Explains:   []string{diagnose.Key(r)},
					Try:        []string{fmt.Sprintf("kubectl -n %s describe ingress %s", namespace, ingress)},
					Rank:       rankMeasured,
				}
				if r.Status == check.Warn {
					f.Rank = rankService
					f.Try = append(f.Try, "kubectl get ingressclasses")
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}
