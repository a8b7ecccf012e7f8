package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// dnsTargetPort is the port that the cluster's DNS service sends to, where all its servers
// refuse over TCP and none answers over UDP: there hosts may refuse a few times a second
// only, and the rest looks like silence (icmp(7), icmp_ratelimit). Servers, or policies that
// reject, may leave out TCP alone.
func dnsTargetPort(c *diagnose.Case) []diagnose.Finding {
	s := c.Facts.DNS.Service
	if s == nil {
		return nil
	}
	servers, refusing := map[string]bool{}, map[string]bool{}
	var refused []check.Result
	for _, r := range c.Find(diagnose.Match{Check: "dns.cluster", Vantage: c.Facts.Vantage.String()}) {
		at, protocol, ok := diagnose.TargetPort(r)
		if !ok || !slices.ContainsFunc(s.Ready(), func(e facts.Endpoint) bool { return e.Addr.Unmap() == at.Addr() }) {
			continue
		}
		if protocol != facts.TCP {
			if r.Status != check.Skipped && !allFailures(r, check.Refused, check.Timeout, check.Unreachable) {
				return nil
			}
			continue
		}
		servers[at.String()] = true
		if allFailures(r, check.Refused) {
			refusing[at.String()] = true
			refused = append(refused, r)
		}
	}
	if len(refused) == 0 || len(refusing) < len(servers) {
		return nil
	}
	declared, undeclared := declares(s, refused[0])
	port, why := meantPort(c, refused, "")
	if len(servers) == 1 && !undeclared && port == "" {
		return nil // one process that is gone, for all that is known
	}
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("the cluster's DNS service %s sends to port %s, and nothing listens there on any of its %s", s.Ref(), portText(refused[0]), check.Count(len(servers), "server")),
		Confidence: diagnose.Likely,
		Where:      places(c, refused),
		Evidence:   seenAll(refused),
		Explains:   c.Through(append(diagnose.Keys(refused), namesFailing(c)...)),
		Likely:     "the service's targetPort is not the port that the DNS servers listen on, or their Corefile names another",
		Try:        []string{fmt.Sprintf("kubectl -n %s get service %s -o jsonpath='{.spec.ports}'", s.Namespace, s.Name), fmt.Sprintf("kubectl -n %s edit service %s", s.Namespace, s.Name)},
		Rank:       rankService,
	}
	if undeclared {
		f.Confidence = diagnose.Certain
		f.Evidence = append(f.Evidence, "its pods declare the ports "+declared)
	}
	if port != "" {
		f.Headline += "; did you mean " + port + "?"
		f.Evidence = append(f.Evidence, why)
	}
	return []diagnose.Finding{f}
}
