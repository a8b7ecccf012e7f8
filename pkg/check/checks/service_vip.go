package checks

import (
	"context"
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// maxVIPAttempts bounds how often a ClusterIP is tried.
const maxVIPAttempts = 20

func init() {
	Registry.Add(check.Define(check.Spec[reachParams]{
		ID:      "service.vip",
		Area:    "service",
		Summary: "each port of a service answers on its ClusterIPs, tried often enough to meet every endpoint",
		Plan:    planServiceVIP,
		Run:     runServiceVIP,
		Read:    readServiceVIP,
	}))
}

func planServiceVIP(f *facts.Facts) []check.Planned[reachParams] {
	var tasks []check.Planned[reachParams]
	for _, s := range f.Services {
		for _, ip := range reachable(f, s.ClusterIPs) {
			if s.Headless {
				continue
			}
			for _, port := range s.Ports {
				if port.Protocol == facts.SCTP {
					continue
				}
				tasks = append(tasks, vipTask(f, s, port, ip))
			}
		}
	}
	return tasks
}

// runServiceVIP says what a refusal means where it is not a host's own: a ClusterIP has
// no host, only rules on this node that pass the connection on.
func runServiceVIP(ctx context.Context, t check.Task, p reachParams) check.Result {
	r := reach(ctx, t, p)
	if r.Failure == check.Refused && r.Meaning == "" {
		r.Meaning = "an endpoint behind this address refuses, or this node's kube-proxy has no rule for it (yet): compare with the endpoints"
	}
	return r
}

func vipTask(f *facts.Facts, s facts.Service, port facts.ServicePort, ip netip.Addr) check.Planned[reachParams] {
	addr := netip.AddrPortFrom(ip, port.Port)
	ready := len(s.Ready())
	talk := dial.Guess(port.AppProtocol, port.Name, port.Port)
	talk.Host = serviceHost(s)
	return check.Planned[reachParams]{
		Label: check.Label{
			Title:   nameFrom(f, s.Ref()) + " vip " + portTitle(port.Protocol, port.Port),
			Target:  portTarget(port.Protocol, addr),
			Object:  serviceObject(s.Ref()),
			Subject: serviceObject(s.Ref()),
			Asked:   s.Asked,
		},
		Key: s.Ref().String() + " " + portTarget(port.Protocol, addr),
		// A kube-proxy picks an endpoint at random: four times their number misses
		// one that is dead, of a few, once in a hundred runs.
		Attempts: min(max(f.Ask.Attempts, 4*ready), max(f.Ask.Attempts, maxVIPAttempts)),
		Params: reachParams{
			Protocol:  port.Protocol,
			Peer:      addrPeer(addr),
			Talk:      talk,
			Sidecar:   f.Vantage.Sidecar(),
			NoBackend: len(facts.OfFamily(s.Ready(), ip)) == 0 && !s.EndpointsUnknown,
		},
	}
}

// serviceHost is the name that HTTP servers behind a service are asked by.
func serviceHost(s facts.Service) string { return s.Name + "." + s.Namespace + ".svc" }

// readServiceVIP says which services and ports are not tried, and why.
func readServiceVIP(f *facts.Facts) []check.Result {
	var results []check.Result
	for _, s := range f.Services {
		label := check.Label{Object: serviceObject(s.Ref()), Subject: serviceObject(s.Ref()), Asked: s.Asked}
		if s.Type == "ExternalName" {
			r := check.Skipf("kubectl netlook ... --to "+s.ExternalName+":PORT",
				"an ExternalName service is only a DNS alias of %s: it has no address of its own", s.ExternalName)
			r.Label = label
			r.Title, r.Target = nameFrom(f, s.Ref())+" vip", s.Ref().String()
			results = append(results, r)
		}
		if len(s.Ports) == 0 && s.Type != "ExternalName" {
			r := check.Skipf("kubectl netlook ... --to pod/NAME:PORT", "the service has no ports: nothing that could be tried")
			r.Label = label
			r.Title, r.Target = nameFrom(f, s.Ref())+" vip", s.Ref().String()
			results = append(results, r)
		}
		for _, port := range s.Ports {
			if port.Protocol == facts.SCTP {
				r := check.Skipf("", "the probe does not speak SCTP")
				r.Label = label
				r.Title = nameFrom(f, s.Ref()) + " vip " + portTitle(port.Protocol, port.Port)
				r.Target = s.Ref().String() + " " + portTitle(port.Protocol, port.Port)
				results = append(results, r)
			}
		}
	}
	return results
}
