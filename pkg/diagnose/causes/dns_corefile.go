package causes

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-COREFILE",
		Summary: "CoreDNS's configuration cannot work, or not well",
		Signal:  "The Corefile that the API shows forwards to the DNS servers' own address, has no kubernetes plugin, no forward, or no cache.",
		Meaning: "A loop makes CoreDNS stop (its loop plugin ends the process) or eat its memory; without forward or kubernetes, a part of all names does not exist.",
		Confirm: []string{"kubectl -n kube-system get configmap coredns -o yaml", "kubectl -n kube-system logs -l k8s-app=kube-dns --tail=20 (Loop ... detected)"},
		Remedy:  []string{"kubectl -n kube-system edit configmap coredns: forward . /etc/resolv.conf, where that of the node names a server beyond the cluster", "kubectl -n kube-system rollout restart deployment coredns"},
		Source:  "https://coredns.io/plugins/loop/#troubleshooting; https://kubernetes.io/docs/tasks/administer-cluster/dns-custom-nameservers/",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "state.corefile", Status: failing}) {
				f := diagnose.Finding{
					Headline:   "CoreDNS's Corefile " + r.Summary,
					Confidence: diagnose.Certain,
					Where:      []string{r.Object},
					Evidence:   []string{seen(r)},
					Explains:   []string{diagnose.Key(r)},
					Try:        []string{"kubectl -n kube-system get configmap coredns -o yaml", "kubectl -n kube-system logs -l k8s-app=kube-dns --tail=20"},
					Rank:       rankService,
				}
				if r.Status == check.Fail {
					f.Rank = rankMeasured + 1 // servers that end or fail only follow
					f.Explains = append(append(f.Explains, namesFailing(c)...), diagnose.Keys(c.Find(diagnose.Match{Check: "state.dns", Status: failing}))...)
					f.Likely = "the Corefile was edited, or written for another cluster"
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}
