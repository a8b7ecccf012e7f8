package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-API-VIP",
		Summary: "the API server answers at its own address, but not through its ClusterIP",
		Signal:  "/livez answers at every API server's own address and port, and not at the ClusterIP of default/kubernetes, from the same place.",
		Meaning: "Everything in pods that talks to the API (operators, DNS, CNI daemons) fails on this node, while kubectl from outside works.",
		Confirm: []string{"curl -k https://CLUSTER-IP/livez (from the pod or the node)"},
		Remedy:  []string{"look at kube-proxy on the node, and at rules that drop traffic to the service range"},
		Source:  "field notes: apiserver endpoint unreachable",
		Spot:    diagnose.Spot{Place: diagnose.AtService, Says: "no answer"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			vips := c.Find(diagnose.Match{Check: "api.vip", Status: []check.Status{check.Fail}})
			for _, r := range vips {
				if otherVIPDead(c) {
					continue // it is the services' trouble, not the API's
				}
				if slices.ContainsFunc(r.Attempts, func(a check.Attempt) bool { return a.Failure == check.Undelivered }) {
					continue // the ClusterIP was handed over; what was sent on is lost
				}
				direct := 0
				for _, e := range c.Find(diagnose.Match{Check: "api.endpoint"}) {
					if e.Vantage != r.Vantage {
						continue
					}
					if e.Status != check.Pass {
						direct = -1
						break
					}
					direct++
				}
				if direct < 1 || r.Lost() < len(r.Attempts) && losesElsewhere(c, r) {
					continue // a share of everything is lost, the API's by chance
				}
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("the API server answers, but not through its ClusterIP %s on node %s", r.Target, c.Home()),
					Confidence: diagnose.Likely,
					Where:      []string{r.Target, "node/" + c.Home()},
					Evidence:   []string{seen(r), fmt.Sprintf("%d API servers answer /livez at their own address", direct)},
					Explains:   []string{diagnose.Key(r)},
					Likely:     "kube-proxy's rules for it are missing on this node, or a rule drops the service range",
					Try:        []string{netlookNode(c.Home()), "kubectl get endpointslices -n default -l kubernetes.io/service-name=kubernetes"},
					Rank:       rankPath,
				})
			}
			return findings
		},
	})
}

// losesElsewhere reports whether other checks from the same place lose a share as well.
func losesElsewhere(c *diagnose.Case, than check.Result) bool {
	for _, r := range c.Find(diagnose.Match{Vantage: than.Vantage}) {
		if r.Area != "api" && diagnose.Bad(r) && (r.Failure == check.Loss || len(r.Attempts) > 1 && r.Lost() > 0 && r.Lost() < len(r.Attempts)) {
			return true
		}
	}
	return false
}

// otherVIPDead reports whether another service's ClusterIP is dead as well, while its
// endpoints answer.
func otherVIPDead(c *diagnose.Case) bool {
	for _, t := range append(vipTroubles(c), coreTroubles(c)...) {
		if t.whole && t.service != c.Facts.API.Service {
			return true
		}
	}
	return false
}
