package causes

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-WRONG-ANSWER",
		Summary: "DNS servers answer for a service with an address that is not the service's",
		Signal:  "An answer for a service's name holds none of the addresses that the API has for it.",
		Meaning: "Whoever asks goes to the wrong place. If all servers say so, their configuration does; if some do, these are behind.",
		Confirm: []string{"dig +short SERVICE.NAMESPACE.svc.cluster.local @SERVER", "kubectl -n NAMESPACE get service SERVICE -o wide"},
		Remedy:  []string{"look for rewrite, hosts and template in the Corefile; restart servers that lag behind"},
		Source:  "https://coredns.io/plugins/rewrite/",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			wrong := c.Find(diagnose.Match{Check: "dns.service", Status: failing, Failure: []check.Failure{check.WrongAnswer}})
			right := c.Find(diagnose.Match{Check: "dns.service", Status: []check.Status{check.Pass}})
			if len(wrong) == 0 {
				return nil
			}
			f := diagnose.Finding{
				Headline:   fmt.Sprintf("DNS leads %s to an address that is not its own", cmp.Or(strings.TrimSuffix(value(wrong[0], "name"), "."), wrong[0].Target)),
				Confidence: diagnose.Certain,
				Where:      places(c, wrong),
				Evidence:   firstOf(seenAll(wrong), mostEvidence),
				Explains:   diagnose.Keys(wrong),
				Likely:     "the Corefile rewrites the name, or has it in a hosts or template block; or the service was made anew within the last half minute, and a cache still has its old address",
				Try:        []string{"kubectl -n kube-system get configmap coredns -o jsonpath='{.data.Corefile}'"},
				Rank:       rankMeasured,
			}
			if len(right) > 0 {
				f.Likely = "these servers are behind: they have lost the API server, or hold an old answer"
				f.Try = []string{"kubectl -n kube-system logs -l k8s-app=kube-dns --tail=20"}
			}
			return []diagnose.Finding{f}
		},
	})
}
