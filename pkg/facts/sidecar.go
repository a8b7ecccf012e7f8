package facts

import "slices"

// sidecars are the containers by which service meshes take over a pod's outgoing TCP:
// Istio's, Linkerd's, Consul's, Kuma's.
var sidecars = []string{"istio-proxy", "linkerd-proxy", "consul-dataplane", "envoy-sidecar", "kuma-sidecar"}

// Sidecar is the container of the vantage pod that accepts its outgoing connections in
// the peer's stead, "" without one.
func (v Vantage) Sidecar() string {
	if v.Kind != VantagePod || v.Pod == nil {
		return ""
	}
	for _, c := range v.Pod.Containers {
		if slices.Contains(sidecars, c.Name) {
			return c.Name
		}
	}
	return ""
}
