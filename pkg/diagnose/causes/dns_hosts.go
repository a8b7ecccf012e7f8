package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-HOSTS",
		Summary: "a line in the pod's /etc/hosts leads a name to another address than DNS would",
		Signal:  "The hosts file has an address for a service's name that is not the service's; or for the name of a target that does not answer, while DNS gives another.",
		Meaning: "Resolvers read the file first and do not ask DNS: applications in this pod alone go to the wrong place.",
		Confirm: []string{"cat /etc/hosts (in the pod)", "kubectl get pod POD -o jsonpath='{.spec.hostAliases}'"},
		Remedy:  []string{"remove the entry from the pod's hostAliases, or from whatever writes the file"},
		Source:  "hosts(5); https://kubernetes.io/docs/tasks/network/customize-hosts-file-for-pods/",
		Find:    findDNSHosts,
	})
}

func findDNSHosts(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "dns.search", Vantage: c.Facts.Vantage.String()}) {
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("/etc/hosts of %s leads %s to a wrong address", r.Vantage, r.Target),
			Confidence: diagnose.Certain,
			Where:      []string{r.Vantage},
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Likely:     "the pod's hostAliases, or something in the pod, wrote the line",
			Rank:       rankMeasured,
		}
		switch {
		case r.Status == check.Fail && r.Failure == check.WrongAnswer:
			f.Explains = []string{diagnose.Key(r)}
		case says(r, "DNS says"):
			for _, other := range c.Find(diagnose.Match{Check: "target.", Vantage: r.Vantage, Status: failing, Failure: []check.Failure{check.Timeout, check.Unreachable, check.Refused}}) {
				if strings.Contains(other.Target, r.Target) {
					f.Explains = append(f.Explains, diagnose.Key(other))
					f.Evidence = append(f.Evidence, seen(other))
				}
			}
			f.Confidence = diagnose.Likely
		}
		if len(f.Explains) == 0 {
			continue
		}
		if namespace, pod := namespaced(r.Vantage); namespace != "" {
			f.Try = []string{fmt.Sprintf("kubectl -n %s get pod %s -o jsonpath='{.spec.hostAliases}'", namespace, pod)}
		}
		findings = append(findings, f)
	}
	return findings
}

// says reports whether a result has evidence of this key.
func says(r check.Result, key string) bool {
	for _, e := range r.Evidence {
		if e.Key == key {
			return true
		}
	}
	return false
}
