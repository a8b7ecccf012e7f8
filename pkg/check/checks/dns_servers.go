package checks

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// dnsPort is the port of DNS servers in a resolv.conf.
const dnsPort = 53

// maxDNSEndpoints is how many DNS endpoints are asked for each name beyond the one
// that all of them are asked for.
const maxDNSEndpoints = 8

// dnsServer is a DNS server to ask over one protocol. Its zero Addr stands for the
// name servers of the vantage point's resolv.conf.
type dnsServer struct {
	Addr    netip.AddrPort
	Network string // udp, tcp
	Object  string
}

// target is how the server is written in a label.
func (s dnsServer) target() string {
	if !s.Addr.IsValid() {
		return "resolv.conf " + s.Network
	}
	return serverTarget(s.Addr, dnsPort) + " " + s.Network
}

// dnsServers are the servers behind the cluster's DNS service: its ClusterIPs and each
// ready endpoint, of which at most maxEndpoints when that is not 0.
func dnsServers(f *facts.Facts, maxEndpoints int) []dnsServer {
	s := f.DNS.Service
	if s == nil {
		return nil
	}
	var servers []dnsServer
	for _, proto := range []facts.Protocol{facts.UDP, facts.TCP} {
		network := strings.ToLower(string(proto))
		names := map[string]bool{}
		for _, p := range s.Ports {
			isDNS := p.Port == dnsPort || strings.HasPrefix(p.Name, "dns")
			if p.Protocol != proto || !isDNS {
				continue
			}
			names[p.Name] = true
			for _, ip := range s.ClusterIPs {
				if f.Vantage.HasFamily(ip) {
					servers = append(servers, dnsServer{netip.AddrPortFrom(ip, p.Port), network, serviceObject(s.Ref())})
				}
			}
		}
		endpoints := s.Ready()
		if maxEndpoints > 0 {
			endpoints = endpoints[:min(len(endpoints), maxEndpoints)]
		}
		for _, e := range endpoints {
			for _, p := range e.Ports {
				if p.Protocol != proto || !names[p.Name] || !f.Vantage.HasFamily(e.Addr) {
					continue
				}
				server := dnsServer{Addr: netip.AddrPortFrom(e.Addr, p.Port), Network: network}
				if e.Pod != nil {
					server.Object = podObject(*e.Pod)
				}
				servers = append(servers, server)
			}
		}
	}
	return servers
}

// resolvConfServers stand for the name servers of resolv.conf.
var resolvConfServers = []dnsServer{{Network: "udp"}, {Network: "tcp"}}

// clusterDNS says whether the vantage point's resolv.conf is meant to lead to the
// cluster's DNS; sure is false where only the pod's own dnsConfig decides that
// (Kubernetes: pod.spec.dnsPolicy).
func clusterDNS(v facts.Vantage) (meant, sure bool) {
	if v.Kind != facts.VantagePod || v.Pod == nil {
		return false, true
	}
	switch v.Pod.DNSPolicy {
	case "Default":
		return false, true
	case "None":
		return true, false
	case "ClusterFirstWithHostNet":
		return true, true
	}
	return !v.Pod.HostNetwork, true // ClusterFirst
}

// domainOf is the cluster domain that a search list tells: the X of "svc.X", "" when
// there is none.
func domainOf(conf *facts.ResolvConf) string {
	for _, s := range conf.Search {
		if domain, ok := strings.CutPrefix(strings.TrimSuffix(s, "."), "svc."); ok && domain != "" {
			return domain
		}
	}
	return ""
}

// nameServers are the addresses of a resolv.conf's name servers, at most three, as
// resolvers use (resolv.conf(5), MAXNS).
func nameServers(conf *facts.ResolvConf, port uint16) []netip.AddrPort {
	const maxServers = 3
	var servers []netip.AddrPort
	for _, s := range conf.Nameservers[:min(len(conf.Nameservers), maxServers)] {
		if addr, err := netip.ParseAddr(s); err == nil {
			servers = append(servers, netip.AddrPortFrom(addr, port))
		}
	}
	return slices.Compact(servers)
}

// dnsAttempts is how often a DNS query is repeated: twice shows a loss, and more only
// when the user asks for more than the usual.
func dnsAttempts(f *facts.Facts) int {
	const usual = 3
	if f.Ask.Attempts > usual {
		return f.Ask.Attempts
	}
	return min(2, max(1, f.Ask.Attempts))
}
