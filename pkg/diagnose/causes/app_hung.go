package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-APP-HUNG",
		Summary: "an application accepts connections and never answers",
		Signal:  "The kernel of the pod completes the TCP handshake, and acknowledges the request in the port's protocol (tcp(7), TCP_INFO, where it is told), and no byte comes back: the accept queue works, the process does not.",
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
			return append(findings, fullQueues(c)...)
		},
	})
}

// fullQueues are ports whose accept queue may be full: their kernel answers a SYN, and
// drops what completes the handshake and all that comes after it (tcp(7),
// tcp_abort_on_overflow). What loses packets on the way looks alike.
func fullQueues(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, group := range undelivered(c) {
		if !slices.ContainsFunc(group, halfOpen) {
			continue
		}
		f := hung(c, group)
		f.Headline = fmt.Sprintf("%s may not take its connections: they are never completed, as where the accept queue is full", group[0].Target)
		f.Confidence = diagnose.Possible
		findings = append(findings, f)
	}
	return findings
}

func hung(c *diagnose.Case, group []check.Result) diagnose.Finding {
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("%s accepts connections and does not answer", group[0].Target),
		Confidence: diagnose.Likely,
		Where:      places(c, group),
		Evidence:   seenAll(group),
		Explains:   c.Through(diagnose.Keys(group)),
		Likely:     "the process is stuck, overloaded, or waits for something behind it; one that is only slow answers in time with a longer --timeout",
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
