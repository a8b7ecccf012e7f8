package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-FAMILY",
		Summary: "a dual-stack service has no endpoint of one of its address families",
		Signal:  "The service has two address families, and the API shows ready endpoints of one of them only.",
		Meaning: "Its name has addresses of both families, and those of one lead nowhere: clients that try it first wait or fail, others see nothing wrong.",
		Confirm: []string{"kubectl -n NAMESPACE get endpointslices -l kubernetes.io/service-name=NAME", "kubectl -n NAMESPACE get pods -l SELECTOR -o jsonpath='{.items[*].status.podIPs}'"},
		Remedy:  []string{"start pods again that are older than the cluster's second family: kubectl -n NAMESPACE rollout restart deployment DEPLOYMENT", "let the application listen on both families, or make the service single-stack: ipFamilyPolicy: SingleStack"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/dual-stack/",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.family", Status: failing}) {
				s := c.Service(r.Subject)
				if s == nil {
					continue
				}
				f := diagnose.Finding{
					Headline:   fmt.Sprintf("service %s has %s", s.Ref(), strings.SplitN(r.Summary, ";", 2)[0]),
					Confidence: diagnose.Certain,
					Where:      []string{r.Subject},
					Evidence:   []string{seen(r)},
					Explains:   []string{diagnose.Key(r)},
					Likely:     "its pods have one address only, or hand-written EndpointSlices are of one family",
					Try:        []string{slicesOf(s)},
					Rank:       rankMeasured,
				}
				for _, vip := range c.Find(diagnose.Match{Check: "service.vip", Subject: r.Subject, Status: failing}) {
					if addr, ok := diagnose.TargetAddr(vip); ok && len(facts.OfFamily(s.Ready(), addr)) == 0 && allFailures(vip, check.Refused, check.Timeout, check.Unreachable) {
						f.Explains = append(f.Explains, diagnose.Key(vip))
						f.Evidence = append(f.Evidence, seen(vip))
					}
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}
