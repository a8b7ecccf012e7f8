package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// rejectSuspects are TCP ports that refuse at times and are silent at others: rules that
// reject answer with ICMP, of which a host sends only so much (icmp(7), icmp_ratelimit),
// while a host without a listener resets every connection.
func rejectSuspects(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, id := range []string{"service.endpoint", "target.tcp"} {
		for _, r := range c.Find(diagnose.Match{Check: id, Status: failing}) {
			node := c.NodeOf(r)
			to, _ := diagnose.TargetAddr(r)
			if overUDP(r) || !someRefused(r) || c.Deep(c.Home()) && c.Deep(node) {
				continue // deep, the rule itself was looked for
			}
			f := diagnose.Finding{
				Headline:   fmt.Sprintf("%s refuses at times and is silent at others: a packet filter rule may reject what goes there", r.Target),
				Confidence: diagnose.Possible,
				Where:      []string{place(c, r)},
				Evidence:   []string{seen(r), "where nobody listens every connection is refused; ICMP errors, which rules that reject send, are limited"},
				Likely:     "a host firewall, or a policy engine that rejects instead of dropping",
				Rank:       rankNode,
			}
			for _, o := range c.Results {
				if at, ok := diagnose.TargetAddr(o); ok && at == to && o.Vantage == r.Vantage && diagnose.Bad(o) {
					f.Explains = append(f.Explains, diagnose.Key(o))
				}
			}
			f.Explains = c.Through(f.Explains)
			for _, n := range []string{c.Home(), node} {
				if n != "" && !slices.Contains(f.Try, netlookNode(n)) {
					f.Try = append(f.Try, netlookNode(n))
				}
			}
			findings = append(findings, f)
		}
	}
	return findings
}

// someRefused reports whether some attempts were refused and all others got no answer.
func someRefused(r check.Result) bool {
	refused := slices.ContainsFunc(r.Attempts, func(a check.Attempt) bool { return a.Failure == check.Refused })
	return refused && !allFailures(r, check.Refused) && allFailures(r, check.Refused, check.Timeout)
}
