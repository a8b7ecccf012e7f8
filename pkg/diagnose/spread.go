package diagnose

import (
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Through returns keys and those of all bad results that the same trouble shows in by
// way of a service: its ClusterIP hands connections to an endpoint that is among the
// targets of keys, or the DNS servers are. A ClusterIP of which every attempt fails
// while some endpoint is well has another trouble, and is left out, unless the attempts
// were so few that chance may have chosen the ill ones each time.
func (c *Case) Through(keys []string) []string {
	ill := map[netip.Addr]bool{}
	for _, key := range keys {
		if i, known := c.byKey[key]; known {
			if addr, ok := TargetAddr(c.Results[i]); ok {
				ill[addr] = true
			}
		}
	}
	all := slices.Clone(keys)
	for _, r := range c.Results {
		if Bad(r) && c.throughService(r, ill) {
			all = append(all, Key(r))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// routed are the endpoints that a result's connections may be handed to: all that are
// ready and have the port, but where topology or a traffic policy keeps the vantage
// point's node to some. There are two answers where a network plugin may stand in for
// kube-proxy that leaves hints aside.
func (c *Case) routed(s *facts.Service, r check.Result) [][]facts.Endpoint {
	addr, ok := TargetAddr(r)
	node, zone := c.Facts.Home()
	// Every cause asks, of every result of a service that may have thousands of endpoints.
	plain := !ok || !slices.Contains(s.ClusterIPs, addr) || node == "" || r.Vantage != c.Facts.Vantage.String()
	key := routeKey{service: s.Ref()}
	if !plain {
		key.result = Key(r)
	}
	if known, found := c.routes[key]; found {
		return known
	}
	routes := [][]facts.Endpoint{s.Ready()}
	if !plain {
		routes = c.route(s, r, addr, node, zone)
	}
	if c.routes == nil {
		c.routes = map[routeKey][][]facts.Endpoint{}
	}
	c.routes[key] = routes
	return routes
}

// routeKey is a service, and the result at its ClusterIP where topology has a say.
type routeKey struct {
	service facts.Ref
	result  string
}

func (c *Case) route(s *facts.Service, r check.Result, addr netip.Addr, node, zone string) [][]facts.Endpoint {
	behind := facts.OfFamily(s.Endpoints, addr)
	if at, protocol, ok := TargetPort(r); ok {
		i := slices.IndexFunc(s.Ports, func(p facts.ServicePort) bool { return p.Port == at.Port() && p.Protocol == protocol })
		if i >= 0 {
			behind = facts.WithPort(behind, s.Ports[i])
		}
	}
	t := s.Route(behind, node, zone)
	switch {
	case len(t.Endpoints) == 0:
		return [][]facts.Endpoint{s.Ready()}
	case (t.Kept == "zone" || t.Kept == "node") && c.Facts.Network.HintsAside():
		all := slices.DeleteFunc(behind, func(e facts.Endpoint) bool { return !e.Ready })
		return [][]facts.Endpoint{t.Endpoints, all}
	}
	return [][]facts.Endpoint{t.Endpoints}
}

func (c *Case) throughService(r check.Result, ill map[netip.Addr]bool) bool {
	s := c.servedBy(r)
	return s != nil && slices.ContainsFunc(c.routed(s, r), func(behind []facts.Endpoint) bool { return explained(s, r, behind, ill) })
}

// explained reports whether the ill ones among the endpoints behind a service explain
// what a result lost.
func explained(s *facts.Service, r check.Result, behind []facts.Endpoint, ill map[netip.Addr]bool) bool {
	hit, spared := 0, 0
	for _, e := range behind {
		if ill[e.Addr.Unmap()] {
			hit++
		} else {
			spared++
		}
	}
	if hit == 0 {
		return false
	}
	if s.SessionAffinity {
		return true // the client stays with one endpoint, which may be the ill one
	}
	return spared == 0 || len(r.Attempts) == 0 || r.Lost() < len(r.Attempts) || byChance(hit, hit+spared, r.Lost())
}

// byChance reports whether so many attempts in a row may all have met one of the ill
// endpoints: less than once in a hundred runs is taken for never.
func byChance(ill, all, attempts int) bool {
	return math.Pow(float64(ill)/float64(all), float64(attempts)) >= 0.01
}

// servedBy is the service whose endpoints a result depends on, beyond its own target:
// that of the ClusterIP it tried, or the cluster's DNS where a name was asked.
func (c *Case) servedBy(r check.Result) *facts.Service {
	if r.Check == "service.nodeport" {
		return c.Service(r.Subject)
	}
	if addr, ok := TargetAddr(r); ok {
		if !c.isVIP(addr) {
			return nil
		}
		for _, s := range c.services() {
			if slices.Contains(s.ClusterIPs, addr) {
				return &s
			}
		}
		return nil
	}
	if strings.HasPrefix(r.Check, "dns.") && c.Facts.DNS.Service != nil {
		return c.Facts.DNS.Service
	}
	return nil
}

// Crossing returns the keys of bad results whose packets go from or to a pod of node:
// those of vantage points on it that look elsewhere, and those of targets on it.
// With other, only those between the two.
func (c *Case) Crossing(node, other string) []string {
	var keys []string
	for _, r := range c.Results {
		if !Bad(r) || strings.HasPrefix(r.Check, "node.") || r.Vantage == check.VantageAPI {
			continue
		}
		from, to := c.nodeOfVantage(r.Vantage), c.NodeOf(r)
		if addr, ok := TargetAddr(r); ok && c.isVIP(addr) {
			continue
		}
		if from == to {
			continue
		}
		switch {
		case other != "" && (from == node && to == other || from == other && to == node):
			keys = append(keys, Key(r))
		case other == "" && (from == node || to == node):
			keys = append(keys, Key(r))
		}
	}
	return c.Through(keys)
}

// Get returns the result of a key.
func (c *Case) Get(key string) (check.Result, bool) {
	i, known := c.byKey[key]
	if !known {
		return check.Result{}, false
	}
	return c.Results[i], true
}

// PeerAt returns what is known of an address from a vantage point.
func (c *Case) PeerAt(vantage string, addr netip.Addr) Peer {
	if i, seen := c.known.at[vantage+" "+addr.String()]; seen {
		return c.known.peers[i]
	}
	return Peer{Vantage: vantage, Addr: addr}
}

// PeerOf is PeerAt for the target of a result.
func (c *Case) PeerOf(r check.Result) Peer {
	addr, _ := TargetAddr(r)
	return c.PeerAt(r.Vantage, addr)
}

// HopOf returns the dark hop that a result's target lies behind.
func (c *Case) HopOf(r check.Result) (Hop, bool) {
	addr, ok := TargetAddr(r)
	if !ok {
		return Hop{}, false
	}
	for _, h := range c.Hops() {
		if h.From != c.nodeOfVantage(r.Vantage) {
			continue
		}
		if slices.ContainsFunc(h.Dark, func(p Peer) bool { return p.Addr == addr && p.Vantage == r.Vantage }) {
			return h, true
		}
	}
	return Hop{}, false
}
