package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// speaks are the protocols of listeners by which each kind of route can come
// (gateway-api, apis/v1, ProtocolType and the kinds' own documentation).
var speaks = map[string][]string{
	"HTTPRoute": {"HTTP", "HTTPS"}, "GRPCRoute": {"HTTP", "HTTPS"}, "TLSRoute": {"TLS"}, "TCPRoute": {"TCP", "TLS"},
}

// listenersFor are the listeners of a Gateway that take a route, and why none does. It
// narrows them down as the API documents it: by what the route names, by kind, by
// namespace, by host.
func listenersFor(g facts.Gateway, route facts.GatewayRoute, p facts.RouteParent) (list []facts.Listener, why string) {
	if len(g.Listeners) == 0 {
		return nil, "the Gateway has no listener at all"
	}
	list = slices.Clone(g.Listeners)
	for _, step := range []struct {
		keep func(facts.Listener) bool
		why  string
	}{
		{func(l facts.Listener) bool { return p.Section == "" || l.Name == p.Section }, fmt.Sprintf("the Gateway has no listener named %s", p.Section)},
		{func(l facts.Listener) bool { return p.Port == 0 || l.Port == p.Port }, fmt.Sprintf("the Gateway has no such listener on port %d", p.Port)},
		{func(l facts.Listener) bool { return takesKind(l, route.Kind) }, fmt.Sprintf("no such listener of the Gateway takes a %s", route.Kind)},
		{func(l facts.Listener) bool { return takesNamespace(l, g, route) }, fmt.Sprintf("no such listener of the Gateway takes routes of namespace %s (allowedRoutes)", route.Namespace)},
		{func(l facts.Listener) bool { return takesHost(l, route) }, fmt.Sprintf("no such listener of the Gateway is for %s", strings.Join(route.Hosts, " or "))},
	} {
		kept := slices.DeleteFunc(slices.Clone(list), func(l facts.Listener) bool { return !step.keep(l) })
		if len(kept) == 0 {
			return nil, step.why + has(list)
		}
		list = kept
	}
	return list, ""
}

// has says which listeners there are.
func has(list []facts.Listener) string {
	var words []string
	for _, l := range list[:min(len(list), maxNamed)] {
		word := fmt.Sprintf("%s (%d/%s", l.Name, l.Port, l.Protocol)
		if l.Host != "" {
			word += " " + l.Host
		}
		words = append(words, word+")")
	}
	return "; there is " + strings.Join(words, ", ")
}

func takesKind(l facts.Listener, kind string) bool {
	if len(l.Kinds) > 0 {
		return slices.Contains(l.Kinds, kind)
	}
	// A protocol of a controller's own has a domain in front; what comes by it is not known.
	return slices.Contains(speaks[kind], l.Protocol) || strings.Contains(l.Protocol, "/")
}

// takesNamespace takes a selector to fit: labels of namespaces are not read, and whether
// it does is what the route's status says.
func takesNamespace(l facts.Listener, g facts.Gateway, route facts.GatewayRoute) bool {
	switch l.From {
	case "Same":
		return route.Namespace == g.Namespace
	case "None":
		return false
	}
	return true
}

func takesHost(l facts.Listener, route facts.GatewayRoute) bool {
	if l.Host == "" || len(route.Hosts) == 0 || route.Kind == "TCPRoute" {
		return true
	}
	return slices.ContainsFunc(route.Hosts, func(h string) bool { return sameHosts(l.Host, h) })
}

// sameHosts reports whether two hosts, either of them with a wildcard, have a name in
// common. Other than in an Ingress a wildcard is for any number of labels.
func sameHosts(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	below := func(wild, host string) bool {
		suffix, is := strings.CutPrefix(wild, "*")
		return is && strings.HasSuffix(host, suffix) && len(host) > len(suffix)
	}
	return a == b || below(a, b) || below(b, a)
}
