package checks

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[dnsParams]{
		ID:      "dns.cluster",
		Area:    "dns",
		Summary: "the name kubernetes.default resolves at resolv.conf's servers, the DNS ClusterIPs and every DNS endpoint",
		Plan: func(f *facts.Facts) []check.Planned[dnsParams] {
			return clusterNameTasks(f, nameAsked{
				title: "cluster name", name: "kubernetes.default.svc", service: f.API.Service,
			})
		},
		Run: systemDNS.run,
	}))
}
