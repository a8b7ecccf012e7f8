package cluster

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// caConfigMap is what the controller manager publishes the cluster's CA in, in
// every namespace.
const caConfigMap = "kube-root-ca.crt"

// maxCA bounds the CA bundle, in bytes; a real one has a few kilobytes.
const maxCA = 256 << 10

// allNodes lists every node, for a node vantage point: its routes, tunnels and
// forwarding entries are compared with all of them.
func (g *gatherer) allNodes(ctx context.Context) error {
	var nodes []facts.Node
	err := each(ctx, g.Client, "list nodes", metav1.ListOptions{}, g.clientset.CoreV1().Nodes().List, func(n *corev1.Node) error {
		if len(nodes) >= maxNodes {
			g.note("nodes: only the first %d are compared", len(nodes))
			return errEnough
		}
		nodes = append(nodes, nodeFacts(n))
		return nil
	})
	if err != nil {
		// The vantage node itself is known, and stays.
		return g.unread(ctx, "the other nodes", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.facts.Nodes = nodes
	return nil
}

// nodesByName reads, for a pod vantage point, the nodes that hold it, its targets
// and its endpoints, the nearest in that order.
func (g *gatherer) nodesByName() []step {
	seen := map[string]bool{"": true}
	if g.req.Node != nil {
		seen[g.req.Node.Name] = true
	}
	for _, t := range g.facts.Targets {
		if t.Node != nil && !seen[t.Node.Name] {
			seen[t.Node.Name] = true
			g.facts.Nodes = append(g.facts.Nodes, *t.Node)
		}
	}
	var names []string
	want := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	want(g.facts.Vantage.Pod.Node)
	for _, t := range g.facts.Targets {
		for _, pod := range t.Pods {
			want(pod.Node)
		}
	}
	services := g.facts.Services
	if g.facts.DNS.Service != nil {
		services = append(services[:len(services):len(services)], *g.facts.DNS.Service)
	}
	for _, s := range services {
		for _, e := range s.Endpoints {
			want(e.Node)
		}
	}
	if len(names) > maxNodesByName {
		g.note("nodes: %d of the %d that hold targets were read", maxNodesByName, len(names))
		names = names[:maxNodesByName]
	}
	steps := make([]step, len(names))
	for i, name := range names {
		steps[i] = func(ctx context.Context) error { return g.nodeByName(ctx, name) }
	}
	return steps
}

func (g *gatherer) nodeByName(ctx context.Context, name string) error {
	node, err := g.getNode(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound):
		g.note("node %s: does not exist (any more)", name)
		return nil
	case err != nil:
		return g.unread(ctx, "nodes", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.facts.Nodes = append(g.facts.Nodes, nodeFacts(node))
	return nil
}

func (g *gatherer) getNode(ctx context.Context, name string) (*corev1.Node, error) {
	return get(ctx, g.Client, "get node "+name, func(ctx context.Context) (*corev1.Node, error) {
		return g.clientset.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	})
}

// caData reads the cluster's CA for a pod that mounts none.
func (g *gatherer) caData(ctx context.Context) error {
	what := fmt.Sprintf("the cluster's CA (configmap %s/%s)", g.namespace, caConfigMap)
	found, err := get(ctx, g.Client, "get "+what, func(ctx context.Context) (*corev1.ConfigMap, error) {
		return g.clientset.CoreV1().ConfigMaps(g.namespace).Get(ctx, caConfigMap, metav1.GetOptions{})
	})
	if err != nil {
		return g.unread(ctx, what, err)
	}
	data := found.Data["ca.crt"]
	block, _ := pem.Decode([]byte(data[:min(len(data), maxCA)]))
	if block == nil || len(data) > maxCA {
		g.note("%s: holds no certificate", what)
		return nil
	}
	g.facts.Vantage.CAData = data
	return nil
}

// hasNodePort reports whether a service that was asked for is to be reached at nodes.
func hasNodePort(s facts.Service) bool {
	return s.Asked != "" && slices.ContainsFunc(s.Ports, func(p facts.ServicePort) bool { return p.NodePort != 0 })
}

// entrances reads the nodes whose node ports are tried: those that are ready, the first
// by name where there are many.
func (g *gatherer) entrances(ctx context.Context) error {
	var found []facts.Node
	err := each(ctx, g.Client, "list nodes", metav1.ListOptions{}, g.clientset.CoreV1().Nodes().List, func(node *corev1.Node) error {
		if converted := nodeFacts(node); converted.Ready && converted.OS != "windows" {
			found = append(found, converted)
		}
		if len(found) > maxEntrances {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return g.unread(ctx, "nodes, to try node ports at", err)
	}
	if len(found) > maxEntrances {
		found = found[:maxEntrances]
		g.note("node ports: tried at the first %d ready nodes only", maxEntrances)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.facts.Entrances = found
	return nil
}
