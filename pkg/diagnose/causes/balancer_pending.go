package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-LB-PENDING",
		Summary: "a LoadBalancer service has no address: nobody has made the load balancer",
		Signal:  "The service's type is LoadBalancer, and its status shows no ingress.",
		Meaning: "From outside there is no way in but its node ports; inside the cluster the service works all the same.",
		Confirm: []string{"kubectl -n NAMESPACE describe service NAME (events)"},
		Remedy:  []string{"install a load balancer controller (the cloud's, or MetalLB), or look at the events of the one that is there (quota, subnet, class)"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.balancer", Status: []check.Status{check.Warn}}) {
				s := c.Service(r.Subject)
				if s == nil {
					continue
				}
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("service %s waits for a load balancer that nobody has made", s.Ref()),
					Confidence: diagnose.Certain,
					Where:      []string{r.Subject},
					Evidence:   []string{seen(r)},
					Explains:   []string{diagnose.Key(r)},
					Likely:     "no load balancer controller runs in this cluster, or it could not make one",
					Try:        []string{fmt.Sprintf("kubectl -n %s describe service %s", s.Namespace, s.Name)},
					Rank:       rankService,
				})
			}
			return findings
		},
	})
}
