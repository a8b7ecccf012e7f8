package checks

import (
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[reachParams]{
		ID:      "service.endpoint",
		Area:    "service",
		Summary: "every ready endpoint of a service answers on each of its ports, without the ClusterIP in between",
		Plan:    planServiceEndpoint,
		Run:     reach,
	}))
}

func planServiceEndpoint(f *facts.Facts) []check.Planned[reachParams] {
	var tasks []check.Planned[reachParams]
	for _, s := range f.Services {
		endpoints := s.Ready()
		// Where none is of a family that the vantage point has, that is the answer.
		fits := slices.ContainsFunc(endpoints, func(e facts.Endpoint) bool { return f.Vantage.HasFamily(e.Addr) })
		for _, e := range endpoints {
			if fits && !f.Vantage.HasFamily(e.Addr) {
				continue
			}
			for _, port := range e.Ports {
				if port.Protocol == facts.SCTP || port.Port == 0 {
					continue
				}
				tasks = append(tasks, endpointTask(f, s, e, port))
			}
		}
	}
	return tasks
}

func endpointTask(f *facts.Facts, s facts.Service, e facts.Endpoint, port facts.EndpointPort) check.Planned[reachParams] {
	addr := netip.AddrPortFrom(e.Addr, port.Port)
	appProtocol, servicePort := port.AppProtocol, uint16(0)
	for _, sp := range s.Ports {
		if sp.Name == port.Name && sp.Protocol == port.Protocol {
			servicePort = sp.Port
			if appProtocol == "" {
				appProtocol = sp.AppProtocol
			}
		}
	}
	talk := dial.Guess(appProtocol, port.Name, port.Port, servicePort)
	talk.Host = serviceHost(s)
	label := check.Label{
		Title:   nameFrom(f, s.Ref()) + " endpoints " + portTitle(port.Protocol, port.Port),
		Target:  portTarget(port.Protocol, addr),
		Subject: serviceObject(s.Ref()),
		Asked:   s.Asked,
	}
	if e.Pod != nil {
		label.Object = podObject(*e.Pod)
	}
	return check.Planned[reachParams]{
		Label: label,
		// One endpoint may stand behind several services: each has its own row.
		Key:    s.Ref().String() + " " + portTarget(port.Protocol, addr),
		Params: reachParams{Protocol: port.Protocol, Peer: addrPeer(addr), Talk: talk, Sidecar: f.Vantage.Sidecar()},
	}
}
