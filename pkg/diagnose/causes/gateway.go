package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-GATEWAY-DOWN",
		Summary: "the Gateway by which routes lead to a service does not exist, is served by nobody, or has no address",
		Signal:  "The route names a Gateway that is not there, or one whose GatewayClass is not there or not accepted; or the Gateway's own status says that it is not accepted or not programmed; or it has no address.",
		Meaning: "None of the routes that name it is a way in, while everything inside works.",
		Confirm: []string{"kubectl -n NAMESPACE get gateway NAME (CLASS, ADDRESS, PROGRAMMED)", "kubectl get gatewayclasses"},
		Remedy:  []string{"create the Gateway, or name another in the route's parentRefs", "install the controller of its class, and look at its log", "what gives addresses may be missing: a load balancer controller for the Gateway's service"},
		Source:  "https://gateway-api.sigs.k8s.io/api-types/gateway/",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.gateway", Status: failing}) {
				namespace, gateway := namespaced(r.Object)
				f := diagnose.Finding{
					Headline:   fmt.Sprintf("gateway %s %s", r.Target, r.Summary),
					Confidence: diagnose.Certain,
					Where:      []string{r.Object, r.Subject},
					Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
					Explains:   []string{diagnose.Key(r)},
					Try:        []string{fmt.Sprintf("kubectl -n %s describe gateway %s", namespace, gateway), "kubectl get gatewayclasses"},
					Rank:       rankMeasured,
				}
				if r.Status == check.Warn {
					f.Confidence, f.Rank = diagnose.Likely, rankService // there are Gateways whose address nobody writes down
				}
				for _, route := range c.Find(diagnose.Match{Check: "service.route", Subject: r.Subject, Status: []check.Status{check.Warn}}) {
					if ofGateway(route, r.Target) {
						// Nobody serves the Gateway: nobody takes its routes either.
						f.Explains = append(f.Explains, diagnose.Key(route))
					}
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}

// ofGateway reports whether the result of a route is about its way through a Gateway.
func ofGateway(route check.Result, gateway string) bool {
	_, by, _ := strings.Cut(route.Target, " by gateway ")
	return by == gateway || strings.HasPrefix(by, gateway+"/")
}
