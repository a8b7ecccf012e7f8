package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-INGRESS-CLASS",
		Summary: "an Ingress has a class that does not exist, or none where the cluster has no default: nobody serves it",
		Signal:  "Its ingressClassName is the name of no IngressClass, or it names none and no IngressClass is marked as the default; and no controller has given it an address.",
		Meaning: "Controllers serve the Ingresses of their own classes only: from outside there is a 404 of some controller's, or no answer, while everything inside works.",
		Confirm: []string{"kubectl -n NAMESPACE get ingress NAME (CLASS, ADDRESS)", "kubectl get ingressclasses"},
		Remedy:  []string{"kubectl -n NAMESPACE patch ingress NAME --type=merge -p '{\"spec\":{\"ingressClassName\":\"CLASS\"}}'", "install the controller whose class is named, or mark an IngressClass as the default (annotation ingressclass.kubernetes.io/is-default-class)"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/ingress/#ingress-class",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.ingressclass", Status: []check.Status{check.Warn}}) {
				namespace, ingress, _ := strings.Cut(strings.TrimPrefix(r.Object, "ingress/"), "/")
				f := diagnose.Finding{
					Headline:   fmt.Sprintf("ingress %s/%s %s", namespace, ingress, r.Summary),
					Confidence: diagnose.Certain,
					Where:      []string{r.Object, r.Subject},
					Evidence:   []string{seen(r), "no controller has given it an address"},
					Explains:   []string{diagnose.Key(r)},
					Try:        []string{"kubectl get ingressclasses", fmt.Sprintf("kubectl -n %s describe ingress %s", namespace, ingress)},
					Rank:       rankService,
				}
				if strings.Contains(r.Summary, "names no class") {
					f.Confidence = diagnose.Likely // some controllers (GKE's) have no IngressClass
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}
