package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-NDOTS",
		Summary: "a name takes many queries: the search list comes first",
		Signal:  "The pod's resolver tries the name under every domain of its search list, and gets an answer only after that.",
		Meaning: "Each lookup costs several times the queries and the time that it need: DNS servers are busy with names that do not exist.",
		Confirm: []string{"kubectl netlook dns NAME --from pod/POD", "cat /etc/resolv.conf (in the pod: search, ndots)"},
		Remedy:  []string{"write the name with a dot at its end (example.com.)", "spec.dnsConfig.options: ndots 2 (or 1) for the pod"},
		Source:  "resolv.conf(5), ndots; https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-dns-config",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "dns.trace", Status: []check.Status{check.Warn}, Failure: []check.Failure{check.Config}}) {
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("%s %s", r.Target, r.Summary),
					Confidence: diagnose.Certain,
					Where:      []string{r.Vantage},
					Evidence:   []string{"ndots: " + value(r, "ndots"), "search: " + value(r, "search")},
					Explains:   []string{diagnose.Key(r)},
					Likely:     "ndots is 5 in pods by default, and the name has fewer dots",
					Try:        []string{"use " + strings.TrimSuffix(r.Target, ".") + ". with a dot at its end, or set spec.dnsConfig.options ndots:2 in the pod"},
					Rank:       rankService,
				})
			}
			return findings
		},
	})
}
