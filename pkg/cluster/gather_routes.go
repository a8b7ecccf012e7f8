package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

const (
	maxRoutes        = 500 // of each kind that are looked through
	maxRoutesTo      = 50  // that lead to one service
	maxGateways      = 20  // that are read
	maxGrants        = 100 // ReferenceGrants of a namespace
	maxGrantedFrom   = 5   // other namespaces that are looked through for routes
	maxGroupVersions = 8   // of an API group that are asked for
)

// routeKinds are the routes that lead to services, by the resource that lists them.
var routeKinds = map[string]string{"httproutes": "HTTPRoute", "grpcroutes": "GRPCRoute", "tlsroutes": "TLSRoute", "tcproutes": "TCPRoute"}

// routeReader reads the routes of the Gateway API that lead to the services that were
// asked about, with the Gateways that they name. The API is one of custom resources:
// nothing of it is read where the cluster does not serve it.
type routeReader struct {
	*gatherer
	client dynamic.Interface
	served map[string]schema.GroupVersionResource // by resource
	grants map[string]grantsRead                  // by namespace
}

type grantsRead struct {
	list []grantObject
	err  error
}

// routes is one step for all services: routes are listed once.
func (g *gatherer) routes(ctx context.Context) error {
	var asked []*facts.Service
	for i := range g.facts.Services {
		if s := &g.facts.Services[i]; s.Asked != "" && s.Type != "ExternalName" {
			asked = append(asked, s)
		}
	}
	if len(asked) == 0 {
		return ctx.Err()
	}
	r := routeReader{gatherer: g, served: g.servedByGateways(ctx), grants: map[string]grantsRead{}}
	if len(r.served) == 0 {
		return ctx.Err()
	}
	var err error
	if r.client, err = g.dynamic(); err != nil {
		return g.unread(ctx, "routes of the Gateway API", err)
	}
	for _, resource := range slices.Sorted(maps.Keys(routeKinds)) {
		if _, served := r.served[resource]; served {
			if err := r.list(ctx, resource, asked); err != nil {
				return err
			}
		}
	}
	for _, s := range asked {
		r.gateways(ctx, s)
	}
	return ctx.Err()
}

// servedByGateways is which resources of the group the cluster serves, each in the version
// that it prefers.
func (g *gatherer) servedByGateways(ctx context.Context) map[string]schema.GroupVersionResource {
	served := map[string]schema.GroupVersionResource{}
	if ctx.Err() != nil {
		return served
	}
	groups, err := g.apiGroups(ctx)
	if err != nil {
		_ = g.unanswered(ctx, groupsServed, err) // the caller asks ctx itself
		return served                            // other ways in are looked at all the same
	}
	for _, group := range groups.Groups {
		if group.Name != gatewayGroup {
			continue
		}
		for _, v := range group.Versions[:min(len(group.Versions), maxGroupVersions)] {
			list, err := get(ctx, g.Client, "ask for the resources of "+gatewayGroup, func(ctx context.Context) (*metav1.APIResourceList, error) {
				return g.clientset.Discovery().ServerResourcesForGroupVersionWithContext(ctx, gatewayGroup+"/"+v.Version)
			})
			if err != nil || list == nil {
				_ = g.unanswered(ctx, "which kinds the Gateway API has", err)
				continue
			}
			for _, r := range list.APIResources {
				if _, known := served[r.Name]; !known {
					served[r.Name] = schema.GroupVersionResource{Group: gatewayGroup, Version: v.Version, Resource: r.Name}
				}
			}
		}
	}
	return served
}

// list reads the routes of one kind, of all namespaces where that is allowed: a route may
// lead to a service of another namespace, and whether it may is a question of its own.
// Otherwise those of the services' namespaces, and of those that may lead there.
func (r routeReader) list(ctx context.Context, resource string, asked []*facts.Service) error {
	err := r.listIn(ctx, resource, metav1.NamespaceAll, asked)
	if !errors.Is(err, ErrForbidden) {
		return r.unread(ctx, resource+" of the Gateway API", err)
	}
	var names []string
	for _, s := range asked {
		more := append([]string{s.Namespace}, r.grantedFrom(ctx, s.Namespace)...)
		for _, name := range more {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		if err := r.unread(ctx, resource+" in namespace "+name, r.listIn(ctx, resource, name, asked)); err != nil {
			return err
		}
	}
	return nil
}

func (r routeReader) listIn(ctx context.Context, resource, namespace string, asked []*facts.Service) error {
	seen := 0
	return each(ctx, r.Client, "list "+resource, metav1.ListOptions{}, r.client.Resource(r.served[resource]).Namespace(namespace).List, func(u *unstructured.Unstructured) error {
		if seen++; seen > maxRoutes {
			r.note("%s: only the first %d are looked through", resource, maxRoutes)
			return errEnough
		}
		o, err := decode[routeObject](u)
		if err != nil {
			r.note("%s", err)
			return nil
		}
		for _, s := range asked {
			for _, route := range routesTo(routeKinds[resource], o, s.Ref()) {
				if len(s.Routes) == maxRoutesTo {
					r.note("routes to service %s: only the first %d are looked at", s.Ref(), maxRoutesTo)
					break
				}
				if route.Foreign {
					r.grant(ctx, &route, s)
				}
				s.Routes = append(s.Routes, route)
			}
		}
		return nil
	})
}

// grantsIn reads the ReferenceGrants of a namespace, once.
func (r routeReader) grantsIn(ctx context.Context, namespace string) grantsRead {
	have, known := r.grants[namespace]
	resource, served := r.served["referencegrants"]
	switch {
	case known:
		return have
	case !served: // or its version of the API could not be asked for: nothing is known
		return grantsRead{err: errors.New("the cluster is not known to serve referencegrants")}
	}
	full := false
	have.err = each(ctx, r.Client, "list referencegrants in namespace "+namespace, metav1.ListOptions{}, r.client.Resource(resource).Namespace(namespace).List, func(u *unstructured.Unstructured) error {
		if full = len(have.list) == maxGrants; full {
			return errEnough
		}
		if o, err := decode[grantObject](u); err == nil {
			have.list = append(have.list, o)
		}
		return nil
	})
	if have.err == nil && full {
		have.err = fmt.Errorf("only the first %d referencegrants in namespace %s were read", maxGrants, namespace)
	}
	r.grants[namespace] = have
	return have
}

func (r routeReader) grantedFrom(ctx context.Context, namespace string) []string {
	var names []string
	for _, o := range r.grantsIn(ctx, namespace).list {
		for _, from := range o.Spec.From {
			if from.Group == gatewayGroup && from.Namespace != "" && !slices.Contains(names, from.Namespace) && len(names) < maxGrantedFrom {
				names = append(names, from.Namespace)
			}
		}
	}
	return names
}

func (r routeReader) grant(ctx context.Context, route *facts.GatewayRoute, s *facts.Service) {
	have := r.grantsIn(ctx, s.Namespace)
	route.Granted = slices.ContainsFunc(have.list, func(o grantObject) bool { return o.grants(*route, s.Name) })
	if have.err != nil && !route.Granted {
		route.GrantsUnread = plain(have.err.Error(), maxMessage)
	}
}

// gateways reads those that the routes to a service name, each once, with their classes.
func (r routeReader) gateways(ctx context.Context, s *facts.Service) {
	seen := map[facts.Ref]bool{}
	for _, route := range s.Routes {
		for _, p := range route.Parents {
			if !seen[p.Gateway] && len(seen) < maxGateways {
				seen[p.Gateway] = true
				s.Gateways = append(s.Gateways, r.gateway(ctx, p.Gateway))
			}
		}
	}
}

func (r routeReader) gateway(ctx context.Context, ref facts.Ref) facts.Gateway {
	g := facts.Gateway{Namespace: ref.Namespace, Name: ref.Name}
	o, err := readOne[gatewayObject](ctx, r, "gateways", ref)
	switch {
	case errors.Is(err, ErrNotFound):
		g.Missing = true
		return g
	case err != nil:
		g.Unread = plain(err.Error(), maxMessage)
		return g
	}
	g = gatewayFacts(o)
	class, err := readOne[gatewayClassObject](ctx, r, "gatewayclasses", facts.Ref{Name: o.Spec.GatewayClassName})
	switch {
	case errors.Is(err, ErrNotFound):
		g.ClassMissing = true
	case err != nil:
		g.ClassUnread = plain(err.Error(), maxMessage)
	default:
		g.ClassAccepted = condition(class.Status.Conditions, "Accepted", class.Metadata.Generation)
	}
	return g
}

func readOne[T any](ctx context.Context, r routeReader, resource string, ref facts.Ref) (T, error) {
	var none T
	gvr, served := r.served[resource]
	if !served {
		return none, fmt.Errorf("the cluster does not serve %s", resource)
	}
	name := ref.Name
	if ref.Namespace != "" {
		name = ref.String()
	}
	u, err := get(ctx, r.Client, fmt.Sprintf("get %s %s", resource, name), func(ctx context.Context) (*unstructured.Unstructured, error) {
		return r.client.Resource(gvr).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	})
	if err != nil {
		return none, err
	}
	return decode[T](u)
}
