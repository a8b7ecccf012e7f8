package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-RESOLVER",
		Summary: "the name servers in the vantage point's own resolv.conf do not answer",
		Signal:  "The pod's dnsConfig or dnsPolicy, or the node, names servers of its own; the first of them, or all, give no answer to any question.",
		Meaning: "Names do not resolve there, or only after seconds, while the cluster's DNS may be in the best of health: it is not asked.",
		Confirm: []string{"cat /etc/resolv.conf (in the pod)", "dig @SERVER . NS"},
		Remedy:  []string{"name servers that answer in the pod's dnsConfig, or leave the pod to the cluster's DNS with dnsPolicy ClusterFirst"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-dns-config",
		Find:    findDNSResolver,
	})
}

func findDNSResolver(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "dns.resolver", Status: failing}) {
		if clustersOwn(c, r) {
			continue // why they do not answer is for the causes of the cluster's DNS
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("%s asks name servers that do not answer", r.Vantage),
			Confidence: diagnose.Certain,
			Where:      []string{r.Vantage},
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Explains:   []string{diagnose.Key(r)},
			Likely:     "the address is wrong, the server is gone, or packets to it are dropped on the way",
			Rank:       rankMeasured,
		}
		if namespace, pod := namespaced(r.Vantage); namespace != "" {
			f.Likely = "the pod's dnsConfig names an address that is wrong or gone, or a policy or firewall drops what is sent to it"
			f.Try = []string{fmt.Sprintf("kubectl -n %s get pod %s -o jsonpath='{.spec.dnsPolicy} {.spec.dnsConfig}'", namespace, pod)}
		}
		for _, other := range c.Find(diagnose.Match{Check: "dns.", Vantage: r.Vantage, Status: failing, Failure: []check.Failure{check.Timeout, check.Unreachable, check.Refused}}) {
			if other.Vantage == r.Vantage && other.Object == "" && other.Check != "dns.resolver" {
				f.Explains = append(f.Explains, diagnose.Key(other)) // asked of resolv.conf's servers
			}
		}
		for _, other := range c.Find(diagnose.Match{Check: "external.host", Vantage: r.Vantage, Status: failing, Failure: []check.Failure{check.Timeout, check.Unreachable, check.Refused, check.NXDomain, check.ServFail}}) {
			if other.Vantage == r.Vantage { // a match takes node/a2 for one of node/a, too
				f.Explains = append(f.Explains, diagnose.Key(other))
			}
		}
		findings = append(findings, f)
	}
	return findings
}

// clustersOwn reports whether every server that gave no answer is one of the cluster's
// DNS, which a dnsConfig may name.
func clustersOwn(c *diagnose.Case, r check.Result) bool {
	s := c.Facts.DNS.Service
	if s == nil {
		return false
	}
	own := slices.Clone(s.ClusterIPs)
	for _, e := range s.Endpoints {
		own = append(own, e.Addr.Unmap())
	}
	silent := 0
	for _, e := range r.Evidence {
		addr, err := netip.ParseAddr(e.Key)
		if err != nil || strings.HasPrefix(e.Value, "answers") {
			continue
		}
		if silent++; !slices.Contains(own, addr.Unmap()) {
			return false
		}
	}
	return silent > 0
}
