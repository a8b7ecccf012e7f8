package cluster

import (
	"fmt"
	"strings"
)

// Purpose is what a user wants to do, and thus which rights it takes.
type Purpose string

// The purposes, as `kubectl netlook rbac --for` has them.
const (
	// ForPod: put a probe into a running pod as an ephemeral container.
	ForPod Purpose = "pod"
	// ForNode: run a probe pod on a node's network.
	ForNode Purpose = "node"
	// ForAPI: read the API only.
	ForAPI Purpose = "api"
)

// Purposes lists them all.
func Purposes() []Purpose { return []Purpose{ForPod, ForNode, ForAPI} }

// Scope says where a right is needed.
type Scope int

// The scopes of a right.
const (
	// InTarget: the namespace of the vantage pod and its targets.
	InTarget Scope = iota
	// InProbe: the namespace that node probes are created in.
	InProbe
	// InDNS: kube-system, where the cluster's DNS service usually is.
	InDNS
	// InDefault: the namespace default, for the service kubernetes.
	InDefault
	// Cluster: objects without a namespace.
	Cluster
)

// Rule is one right.
type Rule struct {
	Verb     string
	Group    string // "" is the core group
	Resource string // with a subresource, as RBAC spells it: "pods/attach"
	// Name limits the right to one object, "" to none.
	Name  string
	Scope Scope
	// Optional rights make an answer better; without them a run goes on and says
	// what it could not read.
	Optional bool
	// Why says in a few words what the right is for.
	Why string
	// Namespace is the namespace asked about. Preflight fills it in.
	Namespace string
}

// String is the right as an error message says it: `create pods/attach in namespace
// "shop"`.
func (r Rule) String() string {
	resource := r.Resource
	if r.Group != "" {
		resource += "." + r.Group
	}
	if r.Name != "" {
		resource += "/" + r.Name
	}
	if r.Namespace == "" {
		return fmt.Sprintf("%s %s", r.Verb, resource)
	}
	return fmt.Sprintf("%s %s in namespace %q", r.Verb, resource, r.Namespace)
}

// Rules lists the rights that a purpose takes. It is the one source of Preflight, of
// RoleYAML and of the documentation.
func Rules(purpose Purpose) []Rule {
	switch purpose {
	case ForPod:
		return join(
			rules("get list watch", "", "pods", InTarget, "find the pod and see the probe start"),
			rules("patch", "", "pods/ephemeralcontainers", InTarget, "add the probe to the pod"),
			rules("create get", "", "pods/attach", InTarget, "talk to the probe; kubectl over WebSocket needs get"),
			optional(rules("get", "", "pods/log", InTarget, "read results again when the connection breaks")), // a second source
			optional(namespaceReads(), sharedReads(), rules("get list", "", "nodes", Cluster, "tell nodes and their state, and try node ports at them")),
		)
	case ForNode:
		return join(
			rules("get", "", "nodes", Cluster, "find the node"),
			rules("create delete get list watch", "", "pods", InProbe, "start the probe pod and remove it"),
			rules("create get", "", "pods/attach", InProbe, "talk to the probe; kubectl over WebSocket needs get"),
			optional(rules("get", "", "pods/log", InProbe, "read results again when the connection breaks")), // a second source
			optional(
				rules("list", "", "nodes", Cluster, "compare routes and tunnels with the other nodes"),
				rules("get list", "", "pods", InTarget, "resolve targets"),
				namespaceReads(), sharedReads(),
			),
		)
	case ForAPI:
		return join(
			rules("get list", "", "pods", InTarget, "find the pod and its peers"),
			optional(namespaceReads(), sharedReads(), rules("get list", "", "nodes", Cluster, "tell nodes and their state")),
		)
	}
	return nil
}

// namespaceReads are reads in the namespace of the targets.
func namespaceReads() []Rule {
	ca := rules("get", "", "configmaps", InTarget, "the cluster's CA, for pods that mount none")
	ca[0].Name = caConfigMap
	return join(
		rules("get list", "", "services", InTarget, "test services"),
		rules("list", "", "events", InTarget, "tell why a pod gets no network"),
		rules("list", "discovery.k8s.io", "endpointslices", InTarget, "test each endpoint of a service"),
		rules("list", "networking.k8s.io", "networkpolicies", InTarget, "tell what policies say"),
		rules("list", "networking.k8s.io", "ingresses", InTarget, "tell which rules lead to a service from outside"),
		rules("list", gatewayGroup, "httproutes", InTarget, "tell which routes lead to a service from outside"),
		rules("list", gatewayGroup, "grpcroutes", InTarget, "tell which routes lead to a service from outside"),
		rules("list", gatewayGroup, "tlsroutes", InTarget, "tell which routes lead to a service from outside"),
		rules("list", gatewayGroup, "tcproutes", InTarget, "tell which routes lead to a service from outside"),
		rules("list", gatewayGroup, "referencegrants", InTarget, "tell whether routes of other namespaces may lead to a service"),
		rules("get", gatewayGroup, "gateways", InTarget, "tell whether a route's Gateway serves it"),
		ca,
		rules("get list", "apps", "deployments", InTarget, "resolve workload targets, and tell what is scaled to zero"),
		rules("get list", "apps", "statefulsets", InTarget, "resolve workload targets, and tell what is scaled to zero"),
		rules("get", "apps", "daemonsets", InTarget, "resolve workload targets"),
		rules("get", "apps", "replicasets", InTarget, "resolve workload targets"),
		rules("get", "batch", "jobs", InTarget, "resolve workload targets"),
	)
}

// sharedReads are reads of what every cluster has: its DNS and its API service.
func sharedReads() []Rule {
	corefile := rules("get", "", "configmaps", InDNS, "read CoreDNS's configuration")
	corefile[0].Name = corednsConfig
	lease := rules("get", "coordination.k8s.io", "leases", InDNS, "tell whether the controllers work that write EndpointSlices")
	lease[0].Name = controllerLease
	return join(
		corefile, lease,
		rules("get list", "", "services", InDNS, "find the cluster's DNS"),
		rules("list", "discovery.k8s.io", "endpointslices", InDNS, "test each DNS server"),
		rules("get", "", "services", InDefault, "find the API service"),
		rules("list", "discovery.k8s.io", "endpointslices", InDefault, "test each API server"),
		rules("list", "networking.k8s.io", "ingressclasses", Cluster, "tell whether anybody serves an Ingress"),
		rules("get", gatewayGroup, "gatewayclasses", Cluster, "tell whether anybody serves a Gateway"),
		rules("get", "", "namespaces", Cluster, "tell which policies select a namespace by its labels"),
	)
}

// rules makes one Rule for each of the verbs, which are joined by spaces.
func rules(verbs, group, resource string, scope Scope, why string) []Rule {
	var list []Rule
	for verb := range strings.FieldsSeq(verbs) {
		list = append(list, Rule{Verb: verb, Group: group, Resource: resource, Scope: scope, Why: why})
	}
	return list
}

func join(lists ...[]Rule) []Rule {
	var all []Rule
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func optional(lists ...[]Rule) []Rule {
	all := join(lists...)
	for i := range all {
		all[i].Optional = true
	}
	return all
}
