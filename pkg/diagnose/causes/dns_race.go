package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-RACE",
		Summary: "A and AAAA questions sent at once lose one of the two: lookups take 5 s now and then",
		Signal:  "Of many pairs of questions from one UDP socket, some lose exactly one answer and hardly any both; questions sent alone are answered. Certain where the node's conntrack counted insert_failed meanwhile; where it never did, something else may drop the second of the two, or the pod, which has rules of its own then.",
		Meaning: "Both packets are the first of one flow, and their entries in connection tracking collide: the kernel drops one. The resolver asks again after 5 s.",
		Confirm: []string{"conntrack -S (on the node): insert_failed grows", "kubectl netlook dns --from pod/POD --deep"},
		Remedy:  []string{"NodeLocal DNSCache, which needs no connection tracking", "options single-request-reopen in spec.dnsConfig (glibc)", "a kernel of 5.0 or newer, which mends most of it"},
		Source:  "kubernetes/kubernetes#56903; net/netfilter/nf_conntrack_core.c, nf_ct_resolve_clash",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "dns.race", Status: []check.Status{check.Warn}, Failure: []check.Failure{check.Loss}}) {
				if !strings.Contains(r.Summary, "just one of the two") {
					continue // loss in general
				}
				f := diagnose.Finding{
					Headline:   "DNS " + r.Summary + ": the conntrack race",
					Confidence: diagnose.Likely,
					Where:      []string{"node/" + c.Home()},
					Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
					Explains:   []string{diagnose.Key(r)},
					Likely:     "two packets of one socket at once, on a kernel that drops one of them",
					Try:        []string{"conntrack -S   (on node " + c.Home() + ": insert_failed)"},
					Rank:       rankPath,
				}
				if n := c.Moved[c.Home()]["conntrack.insert_failed"]; n > 0 {
					f.Confidence = diagnose.Certain
					f.Evidence = append(f.Evidence, fmt.Sprintf("insert_failed grew by %d on node %s meanwhile", n, c.Home()))
				} else if neverRaced(c) {
					// Not that there is none: what has rules of its own tracks in its own
					// network namespace, and these counters are the node's.
					f.Headline = "DNS " + r.Summary + ", and nothing on node " + c.Home() + " shows the conntrack race"
					f.Evidence = append(f.Evidence, "connection tracking of node "+c.Home()+" has never refused an entry (insert_failed is 0)")
					f.Likely = "a rule, a program or a device that lets one datagram of a port pass and drops what follows at once: a rate limit, most often; or " + f.Likely + ", where the pod has rules of its own"
					f.Try = append([]string{"nft list ruleset   (on node " + c.Home() + ": limit, meter)"}, f.Try...)
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}

// neverRaced reports whether the own node's connection tracking is known to have refused no
// entry since the node is up. Where a mesh sends the pod's questions to its sidecar, they
// are tracked in the pod first, and the node's word says little.
func neverRaced(c *diagnose.Case) bool {
	if c.Facts.Vantage.Sidecar() != "" {
		return false
	}
	for _, r := range c.Find(diagnose.Match{Check: "node.counters", Vantage: "node/"}) {
		if r.Vantage == "node/"+c.Home() && r.Kernel != nil {
			failed, known := r.Kernel.Counters["conntrack.insert_failed"]
			return known && failed == 0
		}
	}
	return false
}
