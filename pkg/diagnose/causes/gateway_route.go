package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-GATEWAY-ROUTE",
		Summary: "a route of the Gateway API leads nowhere: to a port that its service does not have, without the grant to refer there, or no listener takes it",
		Signal:  "The route's backend port is none of the service's; or it is in another namespace and no ReferenceGrant of the service's lets it refer there; or none of the listeners of its Gateway fits its sectionName, port, kind, namespace and hosts; or the status that the controller wrote says so (Accepted, ResolvedRefs).",
		Meaning: "From outside it is an error of the gateway (500, 404) while everything inside works.",
		Confirm: []string{"kubectl -n NAMESPACE get httproute NAME -o yaml (status.parents)", "kubectl -n NAMESPACE describe gateway NAME (listeners)", "kubectl -n NAMESPACE get referencegrants"},
		Remedy:  []string{"kubectl -n NAMESPACE edit httproute NAME: the service's own port, a listener that is there, a host that it is for", "write a ReferenceGrant in the service's namespace"},
		Source:  "https://gateway-api.sigs.k8s.io/api-types/httproute/",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.route", Status: failing}) {
				kind, rest, _ := strings.Cut(r.Object, "/")
				namespace, route, _ := strings.Cut(rest, "/")
				served := c.Find(diagnose.Match{Check: "service.entry", Object: r.Object, Subject: r.Subject, Status: failing, Failure: []check.Failure{check.HTTP}})
				f := diagnose.Finding{
					Headline:   fmt.Sprintf("%s %s (%s) %s", kind, rest, r.Target, r.Summary),
					Confidence: diagnose.Certain,
					Where:      []string{r.Object, r.Subject},
					Evidence:   append(append([]string{seen(r)}, evidenceLines(r)...), seenAll(served)...),
					Explains:   append([]string{diagnose.Key(r)}, diagnose.Keys(served)...),
					Try:        []string{fmt.Sprintf("kubectl -n %s get %s %s -o yaml", namespace, kind, route)},
					Rank:       rankMeasured,
				}
				if r.Status == check.Warn {
					// A controller that writes no status is against the API, and there are some.
					f.Confidence, f.Rank = diagnose.Likely, rankService
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}
