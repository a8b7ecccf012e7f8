package facts

import (
	"fmt"
	"net/netip"
	"slices"
)

// Topology is to which endpoints a node hands connections, of those that are ready.
type Topology struct {
	Endpoints []Endpoint
	// Kept says by what they were kept: "node", "zone", "local", or "" where all are used.
	Kept string
	// Ignored says why hints that are there are not followed, "" where they are.
	Ignored string
}

// Route tells which of a service's endpoints a kube-proxy on a node uses for
// connections to a ClusterIP. It knows one family and one port at a time, so that
// endpoints are those of the family and port in question. zone is the node's label, ""
// without one.
//
// A hint is followed only where each ready endpoint has one, and one of them is for this
// node, or else for its zone: hints that leave a zone out keep nobody away, they are
// ignored there (KEP-2433, "Kube-Proxy"; KEP-3015; Kubernetes: pkg/proxy/topology.go).
// Where nobody is ready, endpoints that still serve while they end are used (KEP-1669).
func (s Service) Route(endpoints []Endpoint, node, zone string) Topology {
	var ready, ending []Endpoint
	for _, e := range endpoints {
		switch {
		case e.Ready:
			ready = append(ready, e)
		case e.Serving && e.Terminating:
			ending = append(ending, e)
		}
	}
	if s.InternalLocal {
		local := func(e Endpoint) bool { return e.Node != node }
		t := Topology{Kept: "local", Endpoints: slices.DeleteFunc(ready, local)}
		if len(t.Endpoints) == 0 {
			t.Endpoints = slices.DeleteFunc(ending, local)
		}
		return t
	}
	if len(ready) == 0 {
		return Topology{Endpoints: ending}
	}
	byNode := func(e Endpoint) []string { return e.NodeHints }
	byZone := func(e Endpoint) []string { return e.ZoneHints }
	if kept, all, _ := hinted(ready, node, byNode); all && len(kept) > 0 {
		return Topology{Endpoints: kept, Kept: "node"}
	}
	kept, all, some := hinted(ready, zone, byZone)
	t := Topology{Endpoints: ready}
	switch {
	case !some:
	case !all:
		t.Ignored = "an endpoint has no hint"
	case zone == "":
		t.Ignored = "node " + node + " has no zone (label topology.kubernetes.io/zone)"
	case len(kept) == 0:
		t.Ignored = fmt.Sprintf("no endpoint is for zone %s", zone)
	default:
		return Topology{Endpoints: kept, Kept: "zone"}
	}
	return t
}

// hinted are the endpoints with a hint for a place; all and some say whether every one,
// or any, has hints at all.
func hinted(endpoints []Endpoint, place string, hints func(Endpoint) []string) (kept []Endpoint, all, some bool) {
	all = true
	for _, e := range endpoints {
		list := hints(e)
		all = all && len(list) > 0
		some = some || len(list) > 0
		if place != "" && slices.Contains(list, place) {
			kept = append(kept, e)
		}
	}
	return kept, all, some
}

// OfFamily keeps the endpoints of an address's family.
func OfFamily(endpoints []Endpoint, addr netip.Addr) []Endpoint {
	var list []Endpoint
	for _, e := range endpoints {
		if e.Addr.Unmap().Is4() == addr.Unmap().Is4() {
			list = append(list, e)
		}
	}
	return list
}

// WithPort keeps the endpoints that have a port of the service: a pod that lacks a port
// which goes by name stands in an EndpointSlice without it.
func WithPort(endpoints []Endpoint, port ServicePort) []Endpoint {
	var list []Endpoint
	for _, e := range endpoints {
		if slices.ContainsFunc(e.Ports, func(p EndpointPort) bool { return p.Name == port.Name && p.Protocol == port.Protocol }) {
			list = append(list, e)
		}
	}
	return list
}

// Home is the vantage point's node and that node's zone, "" for what is not known. Where
// the node may not be read, the endpoints on it tell its zone: the EndpointSlice
// controller copies it from there.
func (f Facts) Home() (node, zone string) {
	switch v := f.Vantage; {
	case v.Node != nil:
		return v.Node.Name, v.Node.Zone
	case v.Pod != nil:
		node = v.Pod.Node
	}
	for _, s := range f.Services {
		for _, e := range s.Endpoints {
			if node != "" && e.Node == node && e.Zone != "" {
				return node, e.Zone
			}
		}
	}
	return node, ""
}
