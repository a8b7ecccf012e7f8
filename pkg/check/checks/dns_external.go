package checks

import (
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[dnsParams]{
		ID:      "dns.external",
		Area:    "dns",
		Summary: "names outside the cluster resolve; a warning only, unless they were asked for",
		Plan:    planDNSExternal,
		Run:     systemDNS.run,
	}))
}

// planDNSExternal asks resolv.conf's servers, and the cluster's DNS where the vantage
// point's applications use it. Many names are IPv4-only: one type must answer.
func planDNSExternal(f *facts.Facts) []check.Planned[dnsParams] {
	servers := resolvConfServers
	if meant, _ := clusterDNS(f.Vantage); meant {
		servers = append(append([]dnsServer(nil), servers...), dnsServers(f, maxDNSEndpoints)...)
	}
	var tasks []check.Planned[dnsParams]
	for _, t := range f.Ask.External {
		if _, err := netip.ParseAddr(t.Host); err == nil || t.Host == "" {
			continue
		}
		for _, server := range servers {
			tasks = append(tasks, check.Planned[dnsParams]{
				Label:    check.Label{Title: "external name", Target: server.target() + " " + t.Host, Object: server.Object},
				Attempts: dnsAttempts(f),
				Params: dnsParams{
					Server: server.Addr, Network: server.Network,
					Name: t.Host, Types: []string{"A", "AAAA"}, Soft: f.Ask.ExternalDefault,
				},
			})
		}
	}
	return tasks
}
