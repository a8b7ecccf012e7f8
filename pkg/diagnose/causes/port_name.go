package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-PORT-NAME",
		Summary: "a service's targetPort is a name that some of its pods do not have",
		Signal:  "Pods that the service selects, and that are ready, declare no container port of that name, while others do.",
		Meaning: "Such a pod is counted as an endpoint and gets no connection: nothing fails, and the other pods carry its share until they are gone or overloaded.",
		Confirm: []string{"kubectl -n NAMESPACE get pods -l SELECTOR -o jsonpath='{range .items[*]}{.metadata.name} {.spec.containers[*].ports}{\"\\n\"}{end}'", "kubectl -n NAMESPACE get endpointslices -l kubernetes.io/service-name=NAME"},
		Remedy:  []string{"declare the port under that name in every pod that the selector matches", "or let the selector leave those pods out"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports; Kubernetes: staging/src/k8s.io/endpointslice, FindPort",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.portname", Status: failing}) {
				s := c.Service(r.Subject)
				if s == nil {
					continue
				}
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("service %s: %s", s.Ref(), r.Summary),
					Confidence: diagnose.Certain,
					Where:      []string{r.Subject, value(r, "without it")},
					Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
					Explains:   []string{diagnose.Key(r)},
					Likely:     "the selector matches pods of another workload or release, or a container's port was renamed in some",
					Try:        []string{slicesOf(s), fmt.Sprintf("kubectl -n %s get pods --show-labels", s.Namespace)},
					Rank:       rankMeasured,
				})
			}
			return findings
		},
	})
}
