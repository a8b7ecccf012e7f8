package causes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-APP-REDIRECT",
		Summary: "an application sends its clients to another port of its own host, where nobody answers",
		Signal:  "A URL is answered with a redirect to another port of the same host, most often http:// to https://, and a connection to that port of the address that answered is refused, or hears nothing. It is likely where that is the name of a service without such a port; else whoever listens there may be down, or a policy or firewall may let out the one port and not the other.",
		Meaning: "Most often the application wants to be asked by HTTPS, and takes what stands before it from outside for its own, while inside the cluster its Service has no such port. Whoever follows the redirect fails, and the first answer looks well.",
		Confirm: []string{"curl -sI URL (in the pod; Location)", "kubectl -n NAMESPACE get service NAME"},
		Remedy:  []string{"let the application not redirect what comes from inside, or clients inside send X-Forwarded-Proto: https where it trusts that from them alone", "or add the port to the Service, and a listener with TLS behind it"},
		Source:  "RFC 9110, 15.4",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "redirects to nobody"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "target.http", Status: failing, Failure: []check.Failure{check.HTTP}}) {
				why := value(r, "redirect fails")
				if why == "" {
					continue
				}
				f := diagnose.Finding{
					Headline:   fmt.Sprintf("%s redirects to another port, where nobody answers: %s", r.Target, why),
					Confidence: diagnose.Possible,
					Where:      places(c, []check.Result{r}),
					Evidence:   append([]string{seen(r)}, firstOf(evidenceLines(r), mostEvidence)...),
					Explains:   []string{diagnose.Key(r)},
					Likely:     "nobody listens at that port, or a policy or firewall lets out the first port and not that one",
					Try:        []string{"curl -sI " + r.Target},
					Rank:       rankSymptom + 1,
				}
				if s := serviceOfAsked(c, r); s != nil {
					f.Evidence = append(f.Evidence, fmt.Sprintf("service %s has %s", s.Ref(), servicePorts(s)))
					f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s get service %s", s.Namespace, s.Name))
					if lacks(s, why) {
						f.Confidence = diagnose.Likely
						f.Likely = "the application is set to redirect to HTTPS, which ends before it for those outside"
					}
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}

// lacks reports whether a service has none of the ports that a redirect leads to, which
// ends each "refused at port 443". Behind an alias its ports say nothing.
func lacks(s *facts.Service, why string) bool {
	if s.Type == "ExternalName" {
		return false
	}
	for failure := range strings.SplitSeq(why, "; ") {
		_, rest, _ := strings.Cut(failure, " at port ")
		number, _, _ := strings.Cut(rest, " ") // "443 (×2)"
		port, err := strconv.ParseUint(number, 10, 16)
		if err != nil || slices.ContainsFunc(slices.Concat(s.Ports, s.OtherPorts), func(p facts.ServicePort) bool {
			return p.Protocol == facts.TCP && uint64(p.Port) == port
		}) {
			return false
		}
	}
	return true
}

// serviceOfAsked is the service that the host of what was asked for is the name of, nil
// where it is none's.
func serviceOfAsked(c *diagnose.Case, r check.Result) *facts.Service {
	i := slices.IndexFunc(c.Facts.Targets, func(t facts.Target) bool { return t.Raw == r.Asked && r.Asked != "" })
	if i < 0 {
		return nil
	}
	return c.Facts.Targets[i].Service
}
