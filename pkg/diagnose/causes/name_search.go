package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// notSearched says that a pod's search list lacks the domain in which a short name is one
// of a service: whether there is such a service is then not even asked. The kubelet writes
// NAMESPACE.svc.DOMAIN, svc.DOMAIN and DOMAIN there, unless dnsPolicy is None
// (kubernetes: pkg/kubelet/network/dns/dns.go, generateSearchesForDNSClusterFirst).
func notSearched(c *diagnose.Case, r check.Result) (diagnose.Finding, bool) {
	pod := c.Facts.Vantage.Pod
	search := strings.Fields(value(r, "search"))
	if pod == nil || !strings.HasPrefix(r.Vantage, "pod/") || len(search) == 0 || elsewhere(c, r) {
		return diagnose.Finding{}, false
	}
	want := "svc."
	switch strings.Count(r.Target, ".") {
	case 0:
		want = pod.Namespace + ".svc."
	case 1: // NAME.NAMESPACE, or somebody's example.com
		if serviceNamed(c, r.Target) == nil {
			return diagnose.Finding{}, false
		}
	default:
		return diagnose.Finding{}, false
	}
	if strings.HasSuffix(r.Target, ".") || slices.ContainsFunc(search, func(s string) bool { return strings.HasPrefix(s, want) }) {
		return diagnose.Finding{}, false
	}
	domain := "DOMAIN"
	for _, s := range search {
		if _, rest, found := strings.Cut("."+s, ".svc."); found {
			domain = strings.TrimSuffix(rest, ".")
		}
	}
	return diagnose.Finding{
		Headline:   fmt.Sprintf("%s does not look for %s in %s: its search list lacks that", r.Vantage, r.Target, want+domain),
		Confidence: diagnose.Likely,
		Where:      []string{r.Vantage},
		Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
		Explains:   askedFor(c, r),
		Likely:     "its dnsPolicy is None with a dnsConfig of its own, or something in it has written resolv.conf",
		Try: []string{
			fmt.Sprintf("kubectl -n %s get pod %s -o jsonpath='{.spec.dnsPolicy} {.spec.dnsConfig}'", pod.Namespace, pod.Name),
			"kubectl netlook dns " + r.Target + "." + want + domain + ". --from pod/" + pod.Name + " -n " + pod.Namespace,
		},
		Rank: rankService,
	}, true
}
