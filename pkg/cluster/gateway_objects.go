package cluster

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// gatewayGroup is the API group of the Gateway API (sigs.k8s.io/gateway-api, apis/v1).
// Only what is looked at is declared here: the fields are the same in all its versions.
const gatewayGroup = "gateway.networking.k8s.io"

const (
	maxParents   = 16 // of a route
	maxHostnames = 16 // of a route
	maxListeners = 64 // of a Gateway
	maxAddresses = 16 // of a Gateway
)

type objectHead struct {
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	Generation int64  `json:"generation"`
}

type conditionObject struct {
	Type, Status, Reason, Message string
	ObservedGeneration            int64
}

type parentRef struct {
	Group, Kind, Namespace *string
	Name                   string
	SectionName            string
	Port                   int32
}

type backendRef struct {
	Group, Kind, Namespace *string
	Name                   string
	Port                   int32
}

type routeObject struct {
	Metadata objectHead `json:"metadata"`
	Spec     struct {
		ParentRefs []parentRef
		Hostnames  []string
		Rules      []struct {
			Matches []struct {
				Path *struct{ Type, Value string }
			}
			BackendRefs []backendRef
		}
	}
	Status struct {
		Parents []struct {
			ParentRef  parentRef
			Conditions []conditionObject
		}
	}
}

type gatewayObject struct {
	Metadata objectHead `json:"metadata"`
	Spec     struct {
		GatewayClassName string
		Listeners        []struct {
			Name, Hostname, Protocol string
			Port                     int32
			AllowedRoutes            struct {
				Namespaces struct{ From string }
				Kinds      []struct{ Kind string }
			}
		}
	}
	Status struct {
		Addresses  []struct{ Value string }
		Conditions []conditionObject
	}
}

type gatewayClassObject struct {
	Metadata objectHead `json:"metadata"`
	Status   struct{ Conditions []conditionObject }
}

type grantObject struct {
	Spec struct {
		From []struct{ Group, Kind, Namespace string }
		To   []struct{ Group, Kind, Name string }
	}
}

// decode reads an object of an API that others define. What is not of its shape is an
// error, whatever it is: nothing is made of half an object.
func decode[T any](u *unstructured.Unstructured) (T, error) {
	var into T
	text, err := u.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(text, &into)
	}
	if err != nil {
		return into, fmt.Errorf("%s %s is not of the shape that its API documents: %s", plain(u.GetKind(), maxWord), plain(u.GetName(), maxWord), plain(err.Error(), maxMessage))
	}
	return into, nil
}

// isDefault reports whether an optional field has the value that is its default.
func isDefault(field *string, value string) bool { return field == nil || *field == value }

// condition finds one that is of the object as it is now.
func condition(list []conditionObject, kind string, generation int64) facts.Condition {
	for _, c := range list {
		if c.Type == kind && (c.ObservedGeneration == 0 || c.ObservedGeneration >= generation) {
			return facts.Condition{Status: plain(c.Status, maxWord), Reason: plain(c.Reason, maxWord), Message: plain(c.Message, maxMessage)}
		}
	}
	return facts.Condition{}
}

// routesTo are what a route says of each port of a service, in the order of its rules.
func routesTo(kind string, o routeObject, service facts.Ref) []facts.GatewayRoute {
	var list []facts.GatewayRoute
	seen := map[int32]bool{}
	for _, rule := range o.Spec.Rules {
		for _, b := range rule.BackendRefs {
			namespace := o.Metadata.Namespace
			if b.Namespace != nil {
				namespace = *b.Namespace
			}
			leads := isDefault(b.Group, "") && isDefault(b.Kind, "Service") && namespace == service.Namespace && b.Name == service.Name
			if !leads || seen[b.Port] {
				continue
			}
			seen[b.Port] = true
			r := facts.GatewayRoute{
				Kind: kind, Namespace: plain(o.Metadata.Namespace, maxWord), Name: plain(o.Metadata.Name, maxWord),
				Foreign: o.Metadata.Namespace != service.Namespace, Parents: parentsOf(o),
			}
			r.Port, _ = portNumber(b.Port)
			for _, h := range o.Spec.Hostnames[:min(len(o.Spec.Hostnames), maxHostnames)] {
				r.Hosts = append(r.Hosts, plain(h, maxWord))
			}
			r.Path = "/"
			if len(rule.Matches) > 0 && rule.Matches[0].Path != nil {
				r.Path = askablePath(rule.Matches[0].Path.Type, rule.Matches[0].Path.Value)
			}
			list = append(list, r)
		}
	}
	return list
}

func askablePath(kind, path string) string {
	switch {
	case path == "":
		return "/"
	case kind == "RegularExpression" || !plainPath.MatchString(path):
		return ""
	}
	return path
}

// parentsOf are the Gateways that a route names. Other parents (a mesh's services) are
// not ways in from outside.
func parentsOf(o routeObject) []facts.RouteParent {
	var list []facts.RouteParent
	for _, p := range o.Spec.ParentRefs {
		if !isDefault(p.Group, gatewayGroup) || !isDefault(p.Kind, "Gateway") || len(list) == maxParents {
			continue
		}
		parent := facts.RouteParent{Gateway: facts.Ref{Namespace: o.Metadata.Namespace, Name: plain(p.Name, maxWord)}, Section: plain(p.SectionName, maxWord)}
		if p.Namespace != nil {
			parent.Gateway.Namespace = plain(*p.Namespace, maxWord)
		}
		parent.Port, _ = portNumber(p.Port)
		for _, s := range o.Status.Parents {
			if !sameParent(p, s.ParentRef, o.Metadata.Namespace) {
				continue
			}
			parent.Taken = true
			parent.Accepted = condition(s.Conditions, "Accepted", o.Metadata.Generation)
			parent.ResolvedRefs = condition(s.Conditions, "ResolvedRefs", o.Metadata.Generation)
			break
		}
		list = append(list, parent)
	}
	return list
}

func sameParent(a, b parentRef, home string) bool {
	in := func(p parentRef) string {
		if p.Namespace == nil {
			return home
		}
		return *p.Namespace
	}
	return a.Name == b.Name && in(a) == in(b) && a.SectionName == b.SectionName && a.Port == b.Port
}

func gatewayFacts(o gatewayObject) facts.Gateway {
	g := facts.Gateway{
		Namespace: plain(o.Metadata.Namespace, maxWord), Name: plain(o.Metadata.Name, maxWord), Class: plain(o.Spec.GatewayClassName, maxWord),
		Accepted:   condition(o.Status.Conditions, "Accepted", o.Metadata.Generation),
		Programmed: condition(o.Status.Conditions, "Programmed", o.Metadata.Generation),
	}
	for _, a := range o.Status.Addresses[:min(len(o.Status.Addresses), maxAddresses)] {
		if a.Value != "" {
			g.Addresses = append(g.Addresses, plain(a.Value, maxWord))
		}
	}
	for _, l := range o.Spec.Listeners[:min(len(o.Spec.Listeners), maxListeners)] {
		listener := facts.Listener{Name: plain(l.Name, maxWord), Host: plain(l.Hostname, maxWord), Protocol: plain(l.Protocol, maxWord), From: plain(l.AllowedRoutes.Namespaces.From, maxWord)}
		if listener.From == "" {
			listener.From = "Same" // the API's default
		}
		listener.Port, _ = portNumber(l.Port)
		for _, k := range l.AllowedRoutes.Kinds {
			listener.Kinds = append(listener.Kinds, plain(k.Kind, maxWord))
		}
		g.Listeners = append(g.Listeners, listener)
	}
	return g
}

// grants reports whether a ReferenceGrant of the service's namespace lets a route refer
// to the service.
func (o grantObject) grants(r facts.GatewayRoute, service string) bool {
	for _, from := range o.Spec.From {
		if from.Group != gatewayGroup || from.Kind != r.Kind || from.Namespace != r.Namespace {
			continue
		}
		for _, to := range o.Spec.To {
			if to.Group == "" && to.Kind == "Service" && (to.Name == "" || to.Name == service) {
				return true
			}
		}
	}
	return false
}
