package checks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "service.route",
		Area:    "service",
		Summary: "the routes of the Gateway API that lead to a service name a port that it has, may refer to it, and are taken by a listener of their Gateway",
		Read: func(f *facts.Facts) []check.Result {
			var results []check.Result
			for _, s := range f.Services {
				for _, route := range s.Routes {
					for _, parent := range parentsOf(route) {
						r := judgeRoute(s, route, parent)
						r.Label = check.Label{
							Title: nameFrom(f, s.Ref()) + " routes", Target: routeTarget(route, parent),
							Object: routeObject(route), Subject: serviceObject(s.Ref()),
						}
						r.TaskID = "service.route " + r.Object + " " + r.Target + " " + strconv.Itoa(int(route.Port))
						results = append(results, r)
					}
				}
			}
			return results
		},
	}))
}

// parentsOf are a route's Gateways; nil in their stead for a route that has none, so that
// it is judged all the same.
func parentsOf(route facts.GatewayRoute) []*facts.RouteParent {
	if len(route.Parents) == 0 {
		return []*facts.RouteParent{nil}
	}
	var list []*facts.RouteParent
	for i := range route.Parents {
		list = append(list, &route.Parents[i])
	}
	return list
}

func routeObject(route facts.GatewayRoute) string {
	return strings.ToLower(route.Kind) + "/" + route.Namespace + "/" + route.Name
}

func routeTarget(route facts.GatewayRoute, parent *facts.RouteParent) string {
	host := "*"
	if len(route.Hosts) > 0 {
		host = route.Hosts[0]
	}
	if len(route.Hosts) > 1 {
		host += fmt.Sprintf(" and %d more", len(route.Hosts)-1)
	}
	text := host + route.Path
	if parent != nil {
		text += " by gateway " + parent.Gateway.String()
	}
	if parent != nil && parent.Section != "" {
		text += "/" + parent.Section
	}
	return text
}

// judgeRoute is pure: a route against the service, and what its Gateway makes of it.
func judgeRoute(s facts.Service, route facts.GatewayRoute, parent *facts.RouteParent) check.Result {
	bad := func(format string, args ...any) check.Result { return failed(check.Config, format, args...) }
	switch {
	case route.Port == 0:
		r := bad("leads to the service and names no port of it")
		r.With("ports of the service", "%s", portsOf(s))
		return r
	case !s.HasPort(route.Port, ""):
		r := bad("leads to port %d, which the service does not have", route.Port)
		r.With("ports of the service", "%s", portsOf(s))
		r.Meaning = "gateways answer 500 for such a rule"
		return r
	case route.Foreign && !route.Granted && route.GrantsUnread == "":
		r := bad("is in namespace %s, and no ReferenceGrant in namespace %s lets it refer to the service", route.Namespace, s.Namespace)
		r.Meaning = "gateways do not follow such a reference, and answer 500"
		return r
	case parent == nil:
		return check.Skipf("", "names no Gateway: it is a mesh's own matter")
	}
	r := judgeParent(s, route, *parent)
	if r.Status == check.Pass && route.GrantsUnread != "" && parent.ResolvedRefs.Status != "True" {
		return check.Skipf("list referencegrants.gateway.networking.k8s.io", "cannot tell whether a ReferenceGrant lets it refer to the service: %s", route.GrantsUnread)
	}
	return r
}

// judgeParent is what is to be said of the way from the Gateway to the route.
func judgeParent(s facts.Service, route facts.GatewayRoute, p facts.RouteParent) check.Result {
	i := slices.IndexFunc(s.Gateways, func(g facts.Gateway) bool { return g.Ref() == p.Gateway })
	if i < 0 || s.Gateways[i].Unread != "" {
		i = -1
	} else if s.Gateways[i].Missing {
		// Said of the Gateway itself, for all its routes at once.
		return check.Skipf("", "its Gateway does not exist")
	} else if _, why := listenersFor(s.Gateways[i], route, p); why != "" {
		return failed(check.Config, "%s", why)
	}
	for _, c := range []struct {
		facts.Condition
		name string
	}{{p.Accepted, "does not accept it"}, {p.ResolvedRefs, "cannot resolve what it refers to"}} {
		if c.False() {
			r := failed(check.Config, "the Gateway's controller %s: %s", c.name, c.Reason)
			if c.Message != "" {
				r.With("controller", "%s", c.Message)
			}
			return r
		}
	}
	port := fmt.Sprintf("leads to port %d", route.Port)
	switch {
	case !p.Taken:
		r := check.Result{Status: check.Warn, Failure: check.Config, Summary: port + ", and no controller has taken notice of it"}
		r.Meaning = "a route without a status is served by nobody"
		return r
	case i < 0:
		return check.Skipf("get gateways.gateway.networking.k8s.io", "%s; cannot tell what its Gateway has: it could not be read", port)
	}
	return check.Result{Status: check.Pass, Summary: port}
}
