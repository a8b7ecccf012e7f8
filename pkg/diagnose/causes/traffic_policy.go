package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-TRAFFIC-POLICY",
		Summary: "a service serves a node from its own pods only, and has none ready there",
		Signal:  "internalTrafficPolicy is Local, no ready endpoint of the service is on the client's node, and the ClusterIP does not answer there; or externalTrafficPolicy is Local, and a node without a ready endpoint does not answer on the node port.",
		Meaning: "By design: from such a node the service does not exist, however many endpoints are elsewhere.",
		Confirm: []string{"kubectl -n NAMESPACE get service NAME -o jsonpath='{.spec.internalTrafficPolicy}'", "kubectl -n NAMESPACE get endpointslices -l kubernetes.io/service-name=NAME -o wide"},
		Remedy:  []string{"run an endpoint on every node that has clients (a DaemonSet, or topology spread)", "kubectl -n NAMESPACE patch service NAME -p '{\"spec\":{\"internalTrafficPolicy\":\"Cluster\"}}'"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service-traffic-policy/",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.vip", Status: failing, Failure: []check.Failure{check.Timeout, check.Refused, check.Unreachable}}) {
				s := c.Service(r.Subject)
				if s == nil || len(s.Ready()) == 0 || !noneLocal(c, s) || r.Lost() < len(r.Attempts) {
					continue
				}
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("service %s has no ready endpoint on node %s, and its internalTrafficPolicy is Local", s.Ref(), c.Home()),
					Confidence: diagnose.Certain,
					Where:      []string{r.Subject, "node/" + c.Home()},
					Evidence:   []string{seen(r), fmt.Sprintf("its %d ready endpoints are on other nodes", len(s.Ready()))},
					Explains:   []string{diagnose.Key(r)},
					Try: []string{
						slicesOf(s),
						fmt.Sprintf(`kubectl -n %s patch service %s -p '{"spec":{"internalTrafficPolicy":"Cluster"}}'`, s.Namespace, s.Name),
					},
					Rank: rankMeasured,
				})
			}
			return append(findings, externalLocal(c)...)
		},
	})
}

// externalLocal are the nodes at which a service's node port is silent by design.
func externalLocal(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, group := range bySubject(c.Find(diagnose.Match{Check: "service.nodeport", Status: []check.Status{check.Warn}, Failure: []check.Failure{check.NoEndpoint}})) {
		s := c.Service(group[0].Subject)
		if s == nil || !s.ExternalLocal {
			continue
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("service %s answers from outside only at nodes with an endpoint: its externalTrafficPolicy is Local", s.Ref()),
			Confidence: diagnose.Certain,
			Where:      []string{group[0].Subject},
			Evidence:   seenAll(group),
			Explains:   diagnose.Keys(group),
			Likely:     "meant so, to keep clients' addresses; then whoever sends to the nodes has to leave those out (health check node port)",
			Try:        []string{slicesOf(s), fmt.Sprintf(`kubectl -n %s patch service %s -p '{"spec":{"externalTrafficPolicy":"Cluster"}}'`, s.Namespace, s.Name)},
			Rank:       rankService,
		}
		for _, r := range group {
			f.Where = append(f.Where, "node/"+c.HostOf(r))
		}
		findings = append(findings, f)
	}
	return findings
}

// noneLocal reports whether a service keeps to endpoints of the client's own node, and
// has none that is ready there.
func noneLocal(c *diagnose.Case, s *facts.Service) bool {
	return s.InternalLocal && c.Home() != "" && !slices.ContainsFunc(s.Ready(), func(e facts.Endpoint) bool { return e.Node == c.Home() || e.Node == "" })
}
