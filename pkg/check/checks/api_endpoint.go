package checks

import (
	"net/netip"
	"os"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[apiParams]{
		ID:      "api.endpoint",
		Area:    "api",
		Summary: "each API server answers /livez at its own address, without the ClusterIP in between",
		Plan:    planAPIEndpoint,
		Run:     apiProbe{getenv: os.Getenv}.run,
	}))
}

func planAPIEndpoint(f *facts.Facts) []check.Planned[apiParams] {
	s := f.API.Service
	if s == nil {
		return nil // state.api says so
	}
	var tasks []check.Planned[apiParams]
	for _, e := range s.Ready() {
		if !f.Vantage.HasFamily(e.Addr) {
			continue
		}
		for _, port := range e.Ports {
			if port.Protocol != facts.TCP || port.Port == 0 {
				continue
			}
			addr := netip.AddrPortFrom(e.Addr, port.Port)
			tasks = append(tasks, check.Planned[apiParams]{
				Label: check.Label{
					Title: "endpoints", Target: addr.String(), Object: nodeAt(f, e), Subject: serviceObject(s.Ref()),
				},
				Params: apiParams{Addr: addr, CA: clusterCAOf(f.Vantage), Denied: deniedAPI(f)},
			})
		}
	}
	return tasks
}

// nodeAt is the node an endpoint without a pod runs on, as far as the facts tell.
func nodeAt(f *facts.Facts, e facts.Endpoint) string {
	if e.Node != "" {
		return nodeObject(e.Node)
	}
	for _, n := range f.Nodes {
		for _, ip := range n.IPs {
			if ip == e.Addr {
				return nodeObject(n.Name)
			}
		}
	}
	return ""
}
