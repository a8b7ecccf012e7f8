package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-EXTERNAL-NAME",
		Summary: "an ExternalName service is an alias of a name that leads nowhere",
		Signal:  "The name in spec.externalName does not resolve (NXDOMAIN, or a server that fails), or is an address, while other names resolve at the same servers.",
		Meaning: "The service's own name then leads nowhere either: DNS answers with the alias, and nothing behind it.",
		Confirm: []string{"kubectl -n NAMESPACE get service NAME -o jsonpath='{.spec.externalName}'", "dig EXTERNAL-NAME."},
		Remedy:  []string{"kubectl -n NAMESPACE patch service NAME -p '{\"spec\":{\"externalName\":\"RIGHT.NAME\"}}'", "for an address: a Service without selector, and an EndpointSlice with it"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service/#externalname; RFC 1034, 3.6.2",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.alias", Status: failing}) {
				s := c.Service(r.Subject)
				if s == nil || r.Failure == check.Timeout {
					continue // DNS itself is the trouble
				}
				likely := "the name was mistyped, or has gone"
				if strings.Contains(r.Summary, "circle") {
					likely = "two names, or services, were made aliases of one another"
				}
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("service %s is an alias of %s, which leads nowhere", s.Ref(), s.ExternalName),
					Confidence: diagnose.Certain,
					Where:      []string{r.Subject},
					Evidence:   []string{seen(r)},
					Explains:   append([]string{diagnose.Key(r)}, namesOf(c, s.Name, s.Ref().String())...),
					Likely:     likely,
					Try:        []string{fmt.Sprintf("kubectl -n %s get service %s -o jsonpath='{.spec.externalName}'", s.Namespace, s.Name)},
					Rank:       rankMeasured,
				})
			}
			return findings
		},
	})
}

// namesOf are the bad results of questions for one of these names, which end their
// targets, or are them.
func namesOf(c *diagnose.Case, names ...string) []string {
	var keys []string
	for _, r := range c.Find(diagnose.Match{Check: "dns.", Status: failing}) {
		for _, name := range names {
			if r.Target == name || strings.HasSuffix(r.Target, " "+name) {
				keys = append(keys, diagnose.Key(r))
			}
		}
	}
	return keys
}
