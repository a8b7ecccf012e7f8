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
		Code:    "NL-SVC-ENDPOINT-REFUSES",
		Summary: "some endpoints of a service refuse: the pods are there, nothing listens on the port",
		Signal:  "Every attempt at an endpoint is refused (TCP reset to the SYN, or ICMP port unreachable), while another endpoint of the same port answers.",
		Meaning: "Clients see connection refused on a share of their connections. The readiness probe does not look at this port, or has not noticed yet.",
		Confirm: []string{"kubectl -n NAMESPACE logs POD", "kubectl -n NAMESPACE describe pod POD"},
		Remedy:  []string{"kubectl -n NAMESPACE delete pod POD", "let the readiness probe ask the port that the service uses"},
		Source:  "RFC 9293, section 3.10.7.1: a SYN to a closed port is reset",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "refused"},
		Find:    findEndpointRefuses,
	})
}

func findEndpointRefuses(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, id := range []string{"service.endpoint", "target.tcp", "target.udp"} {
		for _, group := range bySubject(c.Find(diagnose.Match{Check: id})) {
			refused := refusing(group)
			if len(refused) == 0 {
				continue
			}
			s := c.Service(refused[0].Subject)
			if s != nil && len(refused) == len(group) && id == "service.endpoint" && len(group) > 1 {
				continue // all of them: the port is wrong, see NL-SVC-TARGET-PORT
			}
			f := diagnose.Finding{
				Headline:   fmt.Sprintf("%s refuses: nothing listens there", refused[0].Target),
				Confidence: diagnose.Likely,
				Where:      places(c, refused),
				Evidence:   seenAll(refused),
				Explains:   c.Through(diagnose.Keys(refused)),
				Likely:     "the process has ended or listens on another port or address",
				Rank:       rankSymptom,
			}
			if s != nil {
				f.Headline = fmt.Sprintf("%d of %d endpoints of service %s refuse connections", len(refused), len(group), s.Ref())
				if len(refused) == 1 {
					f.Headline = fmt.Sprintf("1 of %d endpoints of service %s refuses connections", len(group), s.Ref())
				}
				f.Try = append(f.Try, slicesOf(s))
			}
			if namespace, pod := namespaced(refused[0].Object); namespace != "" {
				f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s logs %s --tail=20", namespace, pod))
			}
			findings = append(findings, f)
		}
	}
	return findings
}

// refusing are the results of a group of which every attempt is refused. Over UDP one
// refusal is enough, and where one endpoint refuses, those that are silent count too:
// hosts say that a port is closed about once a second (icmp(7), icmp_ratelimit),
// whoever asks, and are silent between.
func refusing(group []check.Result) []check.Result {
	var refused []check.Result
	closed := slices.ContainsFunc(group, func(r check.Result) bool { return overUDP(r) && r.Failure == check.Refused })
	for _, r := range group {
		silent := closed && overUDP(r) && allFailures(r, check.Refused, check.Timeout)
		if diagnose.Bad(r) && silent || r.Status == check.Fail && allFailures(r, check.Refused) {
			refused = append(refused, r)
		}
	}
	return refused
}

func overUDP(r check.Result) bool {
	_, protocol, ok := diagnose.TargetPort(r)
	return ok && protocol == facts.UDP
}
