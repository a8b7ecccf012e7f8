package checks

import (
	"net/netip"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// question is what is asked about a service's name, and what must come back.
type question struct {
	Types    []string
	Optional bool
	Want     []netip.Addr
}

// questions are those about a service, which may be nil when it could not be read:
// its own families must be answered; the other one, where the vantage point has it,
// may say that there is no such record, but must say so.
func questions(v facts.Vantage, s *facts.Service) []question {
	if s == nil {
		return []question{{Types: []string{"A", "AAAA"}}}
	}
	if s.Type == "ExternalName" {
		return []question{{Types: []string{"A", "AAAA"}, Optional: true}}
	}
	addrs := s.ClusterIPs
	if s.Headless {
		addrs = nil
		for _, e := range s.Ready() {
			addrs = append(addrs, e.Addr)
		}
	}
	var asked []question
	for _, family := range []struct {
		recordType string
		is4        bool
		any        netip.Addr
	}{{"A", true, netip.IPv4Unspecified()}, {"AAAA", false, netip.IPv6Unspecified()}} {
		var want []netip.Addr
		for _, a := range addrs {
			if a.Unmap().Is4() == family.is4 {
				want = append(want, a.Unmap())
			}
		}
		switch {
		case len(want) > 0 && s.Headless:
			// The set behind a headless name changes by the second.
			asked = append(asked, question{Types: []string{family.recordType}})
		case len(want) > 0:
			asked = append(asked, question{Types: []string{family.recordType}, Want: want})
		case len(addrs) > 0 && len(v.IPs()) > 0 && v.HasFamily(family.any):
			asked = append(asked, question{Types: []string{family.recordType}, Optional: true})
		}
	}
	return asked
}

// nameAsked is a name of the cluster to ask for.
type nameAsked struct {
	title  string
	name   string // without the cluster domain
	suffix string // behind each Target, to tell names of one title apart
	asked  string // the argument that an answer is all the evidence for, or ""
	// service is what the name stands for, nil when it could not be read.
	service      *facts.Service
	maxEndpoints int // 0: all
}

// clusterNameTasks plans the questions about one name of the cluster for all servers.
func clusterNameTasks(f *facts.Facts, n nameAsked) []check.Planned[dnsParams] {
	servers := dnsServers(f, n.maxEndpoints)
	meant, sure := clusterDNS(f.Vantage)
	if meant {
		servers = append(append([]dnsServer(nil), resolvConfServers...), servers...)
	}
	var tasks []check.Planned[dnsParams]
	for _, server := range servers {
		for _, q := range questions(f.Vantage, n.service) {
			tasks = append(tasks, check.Planned[dnsParams]{
				Label: check.Label{
					Title:  n.title,
					Target: server.target() + " " + strings.Join(q.Types, "+") + n.suffix,
					Object: server.Object,
					Asked:  n.asked,
				},
				Attempts: dnsAttempts(f),
				Params: dnsParams{
					Server: server.Addr, Network: server.Network,
					Name: n.name, InCluster: true, Domain: f.DNS.Domain, OwnDNS: !sure,
					Types: q.Types, Optional: q.Optional, Want: q.Want,
				},
			})
		}
	}
	return tasks
}
