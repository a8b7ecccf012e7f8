package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-PROXY",
		Summary: "a pod's environment sends requests to a proxy that does not answer them",
		Signal:  "HTTP_PROXY or HTTPS_PROXY in a container's spec is for the target, and no name of NO_PROXY is; asked for the target, the proxy is not reached, or answers with an error that the target does not give when it is asked directly. One that takes the connection and says nothing may only be slow.",
		Meaning: "Applications that heed these variables do not connect to the target at all. A proxy outside of the cluster knows none of its names and addresses.",
		Confirm: []string{"kubectl -n NAMESPACE exec POD -c CONTAINER -- env | grep -i proxy (a proxy's URL may hold a password)", "curl -x PROXY URL (in the pod)"},
		Remedy:  []string{"add the cluster's own to NO_PROXY as clients write it: .svc,.cluster.local for whole names, the names themselves for short ones, the CIDRs of services and pods for addresses", "or leave the proxy away, or mend it", "then make the pod anew: a process that runs keeps its environment"},
		Source:  "https://pkg.go.dev/golang.org/x/net/http/httpproxy",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "target.proxy", Status: failing}) {
				direct := directly(c, r)
				reached := slices.Contains([]check.Failure{check.HTTP, check.Silent, check.Closed, check.Reset, check.Undelivered, check.Protocol}, r.Failure)
				if reached && (len(direct) == 0 || direct[0].Status != check.Pass) {
					continue // it may be what is behind the proxy that answers so, or not
				}
				asked, proxy, _ := strings.Cut(r.Target, " by proxy ")
				f := diagnose.Finding{
					Headline:   fmt.Sprintf("the environment of %s sends requests for %s to the proxy %s, and that fails", r.Vantage, asked, proxy),
					Confidence: diagnose.Likely, // the application need not heed it
					Where:      []string{r.Vantage},
					Evidence:   append([]string{seen(r)}, append(evidenceLines(r), firstOf(seenAll(direct), 1)...)...),
					Explains:   []string{diagnose.Key(r)},
					Likely:     "NO_PROXY lacks the target's name, or the proxy is gone",
					Rank:       rankService,
				}
				if reached && r.Failure != check.HTTP {
					f.Confidence = diagnose.Possible // a proxy may look at what passes it, and take its time
					f.Likely += "; or it is slow: a longer --timeout tells"
				}
				if namespace, pod := namespaced(r.Vantage); namespace != "" {
					f.Try = []string{fmt.Sprintf("kubectl -n %s exec %s -- env | grep -i no_proxy", namespace, pod)}
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}

// directly are the results of asking the same without a proxy, that which speaks against
// the target first.
func directly(c *diagnose.Case, r check.Result) []check.Result {
	var failed, passed []check.Result
	for _, id := range []string{"target.http", "service.vip", "service.endpoint"} {
		for _, other := range c.Find(diagnose.Match{Check: id, Vantage: r.Vantage}) {
			if other.Target != r.Subject && other.Subject != r.Subject {
				continue
			}
			if diagnose.Bad(other) {
				failed = append(failed, other)
			} else if other.Status == check.Pass {
				passed = append(passed, other)
			}
		}
	}
	return append(failed, passed...)
}
