package checks

import (
	"net/netip"
	"os"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[apiParams]{
		ID:      "api.vip",
		Area:    "api",
		Summary: "the API server answers /livez through its ClusterIP, with a certificate of the cluster's CA",
		Plan:    planAPIVIP,
		Run:     apiProbe{getenv: os.Getenv}.run,
	}))
}

func planAPIVIP(f *facts.Facts) []check.Planned[apiParams] {
	s := f.API.Service
	if s == nil {
		// The kubelet tells every container where the API server is.
		return []check.Planned[apiParams]{{
			Label:  check.Label{Title: "vip", Target: "$KUBERNETES_SERVICE_HOST", Subject: facts.APIService},
			Params: apiParams{FromEnv: true, CA: clusterCAOf(f.Vantage)},
		}}
	}
	var tasks []check.Planned[apiParams]
	for _, ip := range reachable(f, s.ClusterIPs) {
		for _, port := range s.Ports {
			if port.Protocol != facts.TCP {
				continue
			}
			addr := netip.AddrPortFrom(ip, port.Port)
			tasks = append(tasks, check.Planned[apiParams]{
				Label: check.Label{
					Title: "vip", Target: addr.String(), Object: serviceObject(s.Ref()), Subject: serviceObject(s.Ref()),
				},
				Params: apiParams{Addr: addr, CA: clusterCAOf(f.Vantage), Denied: deniedAPI(f)},
			})
		}
	}
	return tasks
}
