package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-APP-HUNG",
		Summary: "an application accepts connections and never answers",
		Signal:  "The kernel of the pod completes the TCP handshake, and no byte comes back to a request in the port's protocol: the accept queue works, the process does not.",
		Meaning: "Clients hang until their own timeout. Connect checks and TCP probes see nothing of it.",
		Confirm: []string{"kubectl -n NAMESPACE top pod POD", "kubectl -n NAMESPACE logs POD --tail=20"},
		Remedy:  []string{"kubectl -n NAMESPACE delete pod POD", "give the workload an HTTP liveness probe instead of a TCP one"},
		Source:  "field notes: a bare connect is no proof",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "accepts, never answers"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, id := range []string{"service.endpoint", "target.tcp", "target.http"} {
				for _, group := range bySubject(c.Find(diagnose.Match{Check: id, Status: failing, Failure: []check.Failure{check.Silent}})) {
					findings = append(findings, hung(c, group))
				}
			}
			return findings
		},
	})
}

func hung(c *diagnose.Case, group []check.Result) diagnose.Finding {
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("%s accepts connections and does not answer", group[0].Target),
		Confidence: diagnose.Likely,
		Where:      places(c, group),
		Evidence:   seenAll(group),
		Explains:   c.Through(diagnose.Keys(group)),
		Likely:     "the process is stuck, overloaded, or waits for something behind it",
		Rank:       rankSymptom + 1,
	}
	if s := c.Service(group[0].Subject); s != nil {
		f.Headline = fmt.Sprintf("%d endpoints of service %s accept connections and do not answer", len(group), s.Ref())
		if len(group) == 1 {
			f.Headline = fmt.Sprintf("an endpoint of service %s accepts connections and does not answer", s.Ref())
		}
	}
	if namespace, pod := namespaced(group[0].Object); namespace != "" {
		f.Try = []string{
			fmt.Sprintf("kubectl -n %s logs %s --tail=20", namespace, pod),
			fmt.Sprintf("kubectl -n %s delete pod %s", namespace, pod),
		}
	}
	return f
}
