package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-ZONE",
		Summary: "the cluster's DNS servers answer, and know none of the cluster's names",
		Signal:  "Every server behind the cluster's DNS service says that the name of the API server's own service does not exist. A server that has lost the API says SERVFAIL instead.",
		Meaning: "They serve another zone than the kubelets write into search lists, or none: no service is found by its name, while names outside may resolve.",
		Confirm: []string{"kubectl -n kube-system get configmap coredns -o yaml (the zone behind kubernetes)", "grep search /etc/resolv.conf (in a pod)"},
		Remedy:  []string{"one cluster domain everywhere: in the Corefile, and as the kubelets' clusterDomain"},
		Source:  "https://coredns.io/plugins/kubernetes/",
		Find:    findDNSZone,
	})
}

func findDNSZone(c *diagnose.Case) []diagnose.Finding {
	s := c.Facts.DNS.Service
	asked := c.Find(diagnose.Match{Check: "dns.cluster", Vantage: c.Facts.Vantage.String()})
	if s == nil || len(asked) == 0 {
		return nil
	}
	var unknown, partly []check.Result
	servers := 0
	for _, r := range asked {
		addr, _ := diagnose.TargetAddr(r)
		through := slices.Contains(s.ClusterIPs, addr)
		switch {
		case r.Status == check.Skipped || r.Object == "": // resolv.conf's may be others
		case says(r, "cluster domain"):
			return nil // the domain that was asked for is only assumed
		case diagnose.Bad(r) && allFailures(r, check.NXDomain):
			unknown = append(unknown, r)
			if !through {
				servers++
			}
		case through && r.Failure == check.NXDomain:
			partly = append(partly, r) // one that is no longer behind it may have answered too
		default:
			return nil
		}
	}
	if len(unknown) == 0 || len(partly) > 0 && servers == 0 {
		return nil
	}
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("the servers of %s answer, and know none of the cluster's names", s.Ref()),
		Confidence: diagnose.Certain,
		Where:      []string{"service/" + s.Ref().String()},
		Evidence:   slices.Concat(firstOf(seenAll(unknown), mostPlaces), seenAll(partly), evidenceLines(unknown[0])),
		Likely:     "the Corefile serves another zone than this cluster's domain, or has lost its kubernetes plugin",
		Try: []string{
			fmt.Sprintf("kubectl -n %s get configmap coredns -o jsonpath='{.data.Corefile}'", s.Namespace),
			fmt.Sprintf("kubectl -n %s logs -l k8s-app=kube-dns --tail=20", s.Namespace),
		},
		Rank: rankMeasured,
	}
	if pod := c.Facts.Vantage.Pod; pod != nil && pod.DNSPolicy == "None" {
		f.Confidence = diagnose.Likely
		f.Likely = "the search list of the pod's own dnsConfig, which tells the domain that was asked for, names another than this cluster's"
		f.Try = []string{fmt.Sprintf("kubectl -n %s get pod %s -o jsonpath='{.spec.dnsConfig}'", pod.Namespace, pod.Name)}
	}
	for _, r := range c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.NXDomain}}) {
		f.Explains = append(f.Explains, diagnose.Key(r))
	}
	return []diagnose.Finding{f}
}
