package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-SELECTOR",
		Summary: "a service's selector matches no pod",
		Signal:  "The API lists no pod with the labels of the selector in the service's namespace, whatever its state.",
		Meaning: "The service has no endpoint and never will: connections to it are rejected or dropped by every node.",
		Confirm: []string{"kubectl -n NAMESPACE get pods -l SELECTOR", "kubectl -n NAMESPACE get pods --show-labels"},
		Remedy:  []string{"kubectl -n NAMESPACE set selector service NAME KEY=VALUE"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service/",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range unready(c, check.NoEndpoint) {
				s := c.Service(r.Subject)
				if s == nil || !s.SelectorRead || len(s.Selector) == 0 || len(s.SelectedPods) > 0 || len(s.Workloads) > 0 {
					continue
				}
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("the selector of service %s matches no pod", s.Ref()),
					Confidence: diagnose.Certain,
					Where:      []string{r.Subject},
					Evidence:   []string{seen(r), "selector: " + value(r, "selector")},
					Explains:   append(diagnose.Keys([]check.Result{r}), ofService(c, r.Subject)...),
					Likely:     "the workload is scaled to zero, in another namespace or gone, or the labels of its pods or the selector were changed",
					Try: []string{
						fmt.Sprintf("kubectl -n %s get pods --show-labels", s.Namespace),
						fmt.Sprintf("kubectl -n %s set selector service %s KEY=VALUE   (replaces the whole selector)", s.Namespace, s.Name),
					},
					Rank: rankMeasured,
				})
			}
			return findings
		},
	})
}

// unready are the results that say that a service has nobody ready behind it.
func unready(c *diagnose.Case, kind check.Failure) []check.Result {
	var list []check.Result
	for _, id := range []string{"service.ready", "state.dns", "state.api"} {
		list = append(list, c.Find(diagnose.Match{Check: id, Status: []check.Status{check.Fail}, Failure: []check.Failure{kind}})...)
	}
	return list
}
