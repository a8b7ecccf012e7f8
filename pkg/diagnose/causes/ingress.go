package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-INGRESS-BACKEND",
		Summary: "a rule of an Ingress leads nowhere: to a port that its service does not have",
		Signal:  "The rule's backend port is none of the service's, by number or by name.",
		Meaning: "From outside it is an error of the ingress controller (503, or 404) while everything inside works.",
		Confirm: []string{"kubectl -n NAMESPACE describe ingress NAME"},
		Remedy:  []string{"kubectl -n NAMESPACE edit ingress NAME: the service's own port (not the pods'), by its number or name"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/ingress/#the-ingress-resource",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.ingress", Status: failing}) {
				namespace, ingress, _ := strings.Cut(strings.TrimPrefix(r.Object, "ingress/"), "/")
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("the rule %s of ingress %s/%s %s", r.Target, namespace, ingress, r.Summary),
					Confidence: diagnose.Certain,
					Where:      []string{r.Object, r.Subject},
					Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
					Explains:   append([]string{diagnose.Key(r)}, diagnose.Keys(entriesOf(c, r, check.HTTP))...),
					Try:        []string{fmt.Sprintf("kubectl -n %s describe ingress %s", namespace, ingress)},
					Rank:       rankMeasured,
				})
			}
			return findings
		},
	})
}

// entriesOf are the requests by the rule, or for the host, that r is about, and that
// failed in one of these ways.
func entriesOf(c *diagnose.Case, r check.Result, kinds ...check.Failure) []check.Result {
	var list []check.Result
	for _, e := range c.Find(diagnose.Match{Check: "service.entry", Object: r.Object, Subject: r.Subject, Status: failing, Failure: kinds}) {
		_, asked, _ := strings.Cut(e.Target, "://")
		asked, at, _ := strings.Cut(asked, " at ")
		host, path, _ := strings.Cut(asked, "/")
		// What is asked for where the rule is for more than one host; see service.entry.
		if below, is := strings.CutPrefix(host, "netlook."); is && strings.HasPrefix(r.Target, "*.") {
			host = "*." + below
		} else if strings.HasPrefix(at, host+":") && (r.Target == "*" || strings.HasPrefix(r.Target, "*/")) {
			host = "*"
		}
		if host+"/"+path == r.Target || host == r.Target {
			list = append(list, e)
		}
	}
	return list
}
