// Package facts is the plain model of what a run knows: what was read from the
// Kubernetes API before a packet was sent, and what a vantage point's kernel said
// of itself. It holds data and questions about that data, and reads nothing.
//
// It may import the standard library and pkg/target only (a test enforces it), so
// that the probe, the checks and the causes can share it without client-go.
package facts

import (
	"net/netip"
	"slices"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/target"
)

// Facts is everything known when tasks are planned. Slices are sorted by whoever
// fills them, so that plans and reports are stable.
type Facts struct {
	// Now is the cluster's time when the facts were read: what the API tells was at some
	// time is held against it, not against this machine's clock. Ahead is how far that one
	// is before the cluster's, 0 also when it is not known.
	Now   time.Time
	Ahead time.Duration

	Ask     Ask
	Vantage Vantage
	DNS     DNS
	API     APIServer
	// Services are the services in question: those given by --to and, without
	// --to, those that select the vantage pod.
	Services []Service
	// Targets are the --to targets that are not services, resolved.
	Targets []Target
	// Nodes are the nodes in question: for a node vantage point all nodes of the
	// cluster, for a pod those that hold it and its targets.
	Nodes []Node
	// Entrances are the nodes at whose addresses node ports are tried, whether or not
	// they hold a target; read only where a service in question has node ports.
	Entrances []Node
	// Doubted are the addresses that another vantage point's failures are about, for a node
	// that is looked at because of them; see Ends.
	Doubted []netip.Addr
	// Network is the cluster's network plugin.
	Network Network
	// Policies is what NetworkPolicies say of what is tried.
	Policies Policies
	// Similar are the services of the cluster that a --to host may have meant, by the
	// host as typed: names that nearly fit, or the same name in another namespace.
	Similar map[string][]string
	// Second is what was asked once checks had failed.
	Second Second
	// Notes says, for people, what could not be read and why ("services: forbidden
	// for user jane"). A check that needs what is missing says so too.
	Notes []string
	// Lost says what could not be read because the API server gave no answer, or one that
	// says nothing of the object (500, 503, 429, 401). Unlike what Notes tell, it is
	// nobody's will: a run without it is not a whole one.
	Lost []string
}

// Asked lists the --to and --external arguments that this run must have evidence
// for, as results carry them in their label: each once, in a stable order.
func (f Facts) Asked() []string {
	var asked []string
	add := func(arg string) {
		if arg != "" && !slices.Contains(asked, arg) {
			asked = append(asked, arg)
		}
	}
	for _, s := range f.Services {
		add(s.Asked)
	}
	for _, t := range f.Targets {
		add(t.Raw)
	}
	if !f.Ask.ExternalDefault {
		for _, t := range f.Ask.External {
			add(t.Raw)
		}
	}
	return asked
}

// Ask is what the user asked for, beyond targets.
type Ask struct {
	// Attempts is how often each endpoint is tried, so that partial loss shows.
	Attempts int
	// Timeout is one check's deadline, all its attempts together.
	Timeout time.Duration
	// Names are those whose resolution is the question (the dns command); without any,
	// DNS is looked at as one thing among others.
	Names []string
	// Walk is the service that is followed step by step (the service command); zero when
	// none is.
	Walk Ref
	// External are hosts or addresses outside the cluster to reach and to resolve.
	External []target.Target
	// ExternalDefault says that External was not asked for by the user: a failure
	// there is a warning, since clusters without a way out are legitimate.
	ExternalDefault bool
}

// VantageKind tells a pod's network namespace from a node's.
type VantageKind string

// The kinds of vantage point.
const (
	VantagePod  VantageKind = "pod"
	VantageNode VantageKind = "node"
)

// Vantage is where checks run from.
type Vantage struct {
	Kind VantageKind
	// Pod is set for a pod vantage point. Its node is in Node too when readable.
	Pod  *Pod
	Node *Node
	// Profile is the security rung of the probe: restricted, netraw, netadmin, node,
	// or "" when nothing is injected.
	Profile string
	// CAFile is where the probe will find the cluster's CA ("" when the pod mounts
	// none); CAData is the same CA as the API gave it, PEM ("" when not readable).
	CAFile string
	CAData string
}

// IPs returns the vantage point's own addresses: the pod's, or the node's.
func (v Vantage) IPs() []netip.Addr {
	switch {
	case v.Kind == VantagePod && v.Pod != nil:
		return v.Pod.IPs
	case v.Node != nil:
		return v.Node.IPs
	}
	return nil
}

// HasFamily reports whether the vantage point has an address of the family of addr.
// A vantage point whose addresses are unknown is taken to have both.
func (v Vantage) HasFamily(addr netip.Addr) bool {
	ips := v.IPs()
	if len(ips) == 0 {
		return true
	}
	for _, ip := range ips {
		if ip.Unmap().Is4() == addr.Unmap().Is4() {
			return true
		}
	}
	return false
}

// String names the vantage point as reports do: "pod/shop/web-0" or "node/w1".
func (v Vantage) String() string {
	switch {
	case v.Kind == VantagePod && v.Pod != nil:
		return "pod/" + v.Pod.Namespace + "/" + v.Pod.Name
	case v.Node != nil:
		return "node/" + v.Node.Name
	}
	return "unknown"
}

// DNS is the cluster's DNS service as the API shows it.
type DNS struct {
	// Service is nil when it was not found or not readable; see Facts.Notes.
	Service *Service
	// Corefile is CoreDNS's configuration, "" when it was not asked for or read.
	Corefile string
	// Domain is the cluster domain when the API tells it; usually the probe reads
	// it from the pod's resolv.conf instead and this is "".
	Domain string
}

// APIServer is the service default/kubernetes: its ClusterIPs and the API servers
// behind it.
type APIServer struct {
	Service *Service // nil when not readable
}

// Target is a --to target, resolved against the API. Exactly the fields that fit
// its kind are filled.
type Target struct {
	target.Target
	// Pods are the pods of a pod or workload target.
	Pods []Pod
	Node *Node
	// Addrs are the addresses of an IP target, a node target or its pods'.
	Addrs []netip.Addr
	// Unknown says that the object could not be read (Facts.Notes says why): that
	// Pods, Node and Addrs are empty says nothing about it. A service that could not
	// be read is such a target too, of kind target.Service.
	Unknown bool
	// Unlock is what an admin types to let this user read it, "" where a lack of rights
	// is not why it is unknown.
	Unlock string
	// Service is whose name the host is, or whose ClusterIP the address, nil where it is
	// no service's or none could be read. Its endpoints are not read.
	Service *Service
}
