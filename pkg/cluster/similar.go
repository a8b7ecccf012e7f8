package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
	"github.com/netlook/kubectl-netlook/pkg/target/nearest"
)

// similarNames finds, for a host that looks like the name of a service which does not
// exist, the services that were perhaps meant. What may not be read, or costs a
// search of the whole cluster, is left out: it is help, and nothing rests on it.
func (g *gatherer) similarNames(ctx context.Context, host string) error {
	service, namespace, ok := asService(host, g.namespace)
	if !ok {
		return nil
	}
	found := g.servicesLike(ctx, service, namespace)
	if slices.Contains(found, facts.Ref{Namespace: namespace, Name: service}) {
		return nil // it exists
	}
	if namespace != g.namespace && len(found) == 0 {
		for _, near := range g.namespacesLike(ctx, namespace) {
			found = append(found, g.servicesLike(ctx, service, near)...)
		}
	}
	if len(found) == 0 {
		return nil
	}
	var names []string
	for _, ref := range found[:min(len(found), maxSuggestions)] {
		names = append(names, "service "+ref.Name+" in namespace "+ref.Namespace+" ("+ref.Name+"."+ref.Namespace+")")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.facts.Similar == nil {
		g.facts.Similar = map[string][]string{}
	}
	g.facts.Similar[host] = names
	return nil
}

// asService reads a host as the name of a service: NAME, NAME.NAMESPACE, or one with
// ".svc" behind. Two labels may as well be a domain of the world; then the namespace
// does not exist, and nothing is found.
func asService(host, own string) (service, namespace string, ok bool) {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	switch {
	case len(labels) == 1:
		service, namespace = labels[0], own
	case len(labels) == 2 || labels[2] == "svc":
		service, namespace = labels[0], labels[1]
	default:
		return "", "", false
	}
	return service, namespace, checkNames("service", namespace, service) == nil
}

// servicesLike are the services of a namespace with that name, or nearly.
func (g *gatherer) servicesLike(ctx context.Context, name, namespace string) []facts.Ref {
	var names []string
	list := g.clientset.CoreV1().Services(namespace).List
	_ = each(ctx, g.Client, "list services in "+namespace, metav1.ListOptions{}, list, func(s *corev1.Service) error { // help only
		if names = append(names, s.Name); len(names) == maxCandidates {
			return errEnough
		}
		return nil
	})
	var refs []facts.Ref
	if slices.Contains(names, name) {
		refs = append(refs, facts.Ref{Namespace: namespace, Name: name})
	}
	for _, near := range nearest.Of(name, names, maxSuggestions) {
		if near != name {
			refs = append(refs, facts.Ref{Namespace: namespace, Name: near})
		}
	}
	return refs
}

func (g *gatherer) namespacesLike(ctx context.Context, name string) []string {
	var names []string
	err := each(ctx, g.Client, "list namespaces", metav1.ListOptions{}, g.clientset.CoreV1().Namespaces().List, func(n *corev1.Namespace) error {
		if names = append(names, n.Name); len(names) == maxCandidates {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil
	}
	return nearest.Of(name, names, 1)
}

// hosts are the names among the targets that are no objects.
func hosts(targets []target.Target) []string {
	var list []string
	for _, t := range targets {
		if (t.Kind == target.Host || t.Kind == target.URL) && t.Host != "" && !slices.Contains(list, t.Host) {
			list = append(list, t.Host)
		}
	}
	return list
}
