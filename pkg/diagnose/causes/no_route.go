package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-NO-ROUTE",
		Summary: "a pod or node has no route to what it wants to reach",
		Signal:  "The vantage point's own routing table has no default route, or one to the target that refuses (unreachable, prohibit, blackhole), and connections fail at once with \"network is unreachable\", before anything is sent.",
		Meaning: "It reaches its own network at most: no pods on other nodes, no services, no names.",
		Confirm: []string{"ip route (in the pod or on the node)"},
		Remedy:  []string{"kubectl -n NAMESPACE delete pod POD: its network is then made anew", "or put the route back: ip route add default via GATEWAY"},
		Source:  "connect(2), ENETUNREACH; ip-route(8)",
		Spot:    diagnose.Spot{Place: diagnose.AtPod, Says: "no route"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, vantage := range vantages(c) {
				if f, ok := noRoute(c, vantage); ok {
					findings = append(findings, f)
					continue
				}
				findings = append(findings, refusingRoutes(c, vantage)...)
			}
			return append(findings, insideDark(c, check.NoRoute)...)
		},
	})
}

func noRoute(c *diagnose.Case, vantage string) (diagnose.Finding, bool) {
	var table, lost []check.Result
	for _, r := range c.Find(diagnose.Match{Vantage: vantage, Status: failing, Failure: []check.Failure{check.NoRoute}}) {
		switch {
		case r.Vantage != vantage:
		case r.Check == "vantage.interface" || r.Check == "gateway.icmp":
			table = append(table, r)
		case len(r.Attempts) > 0 && allFailures(r, check.NoRoute):
			lost = append(lost, r)
		}
	}
	if len(table) == 0 || len(lost) == 0 {
		return diagnose.Finding{}, false
	}
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("%s has no route to what it wants to reach", vantage),
		Confidence: diagnose.Certain,
		Where:      []string{vantage},
		Evidence:   append(seenAll(table), fmt.Sprintf("%d results fail before a packet is sent, such as %s", len(lost), seen(lost[0]))),
		Explains:   append(diagnose.Keys(table), namesFailing(c)...),
		Likely:     "somebody or something in it has changed its routes, or the CNI plugin was interrupted",
		Try:        []string{"ip route   (in " + vantage + ")"},
		Rank:       rankMeasured,
	}
	for _, r := range c.Find(diagnose.Match{Vantage: vantage, Status: failing, Failure: []check.Failure{check.NoRoute}}) {
		if r.Vantage == vantage {
			f.Explains = append(f.Explains, diagnose.Key(r))
		}
	}
	if pod := c.Facts.Vantage.Pod; pod != nil && vantage == c.Facts.Vantage.String() {
		f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s delete pod %s   (if a controller owns it, which makes it anew)", pod.Namespace, pod.Name))
	}
	return f, true
}
