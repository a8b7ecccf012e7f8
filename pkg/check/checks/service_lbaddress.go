package checks

import (
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[reachParams]{
		ID:      "service.lbaddress",
		Area:    "service",
		Summary: "the addresses of a service's load balancer, and its external IPs, answer on its ports (a warning from inside: not every balancer lets its own cluster in)",
		Plan:    planLBAddress,
		Run:     reach,
	}))
}

func planLBAddress(f *facts.Facts) []check.Planned[reachParams] {
	var tasks []check.Planned[reachParams]
	for _, s := range f.Services {
		if s.Asked == "" {
			continue
		}
		hosts := append([]string{}, s.Balancers...)
		for _, ip := range s.ExternalIPs {
			hosts = append(hosts, ip.String())
		}
		for _, host := range hosts {
			for _, port := range s.Ports {
				if port.Protocol == facts.TCP {
					tasks = append(tasks, lbTask(f, s, port, host))
				}
			}
		}
	}
	return tasks
}

func lbTask(f *facts.Facts, s facts.Service, port facts.ServicePort, host string) check.Planned[reachParams] {
	peer := dial.Peer{Host: host, Port: port.Port}
	if addr, err := netip.ParseAddr(host); err == nil {
		peer = addrPeer(netip.AddrPortFrom(addr.Unmap(), port.Port))
	}
	talk := dial.Guess(port.AppProtocol, port.Name, port.Port)
	talk.Host = serviceHost(s)
	return check.Planned[reachParams]{
		Label: check.Label{
			Title:   nameFrom(f, s.Ref()) + " balancer address " + portTitle(port.Protocol, port.Port),
			Target:  peer.String(),
			Object:  serviceObject(s.Ref()),
			Subject: serviceObject(s.Ref()),
			Asked:   s.Asked,
		},
		Key:    s.Ref().String() + " " + peer.String(),
		Params: reachParams{Protocol: facts.TCP, Peer: peer, Talk: talk, Sidecar: f.Vantage.Sidecar(), Soft: true, NoBackend: len(s.Ready()) == 0 && !s.EndpointsUnknown},
	}
}
