package facts

import (
	"net/netip"
	"slices"
	"time"
)

// Protocol is a transport protocol, in the API's spelling.
type Protocol string

// The transport protocols that Services and containers know.
const (
	TCP  Protocol = "TCP"
	UDP  Protocol = "UDP"
	SCTP Protocol = "SCTP"
)

// Ref names a namespaced object without its kind.
type Ref struct {
	Namespace string
	Name      string
}

// String is "namespace/name".
func (r Ref) String() string { return r.Namespace + "/" + r.Name }

// Pod is what the checks need of a pod.
type Pod struct {
	Namespace   string
	Name        string
	UID         string
	Node        string
	IPs         []netip.Addr
	HostNetwork bool
	Phase       string // Pending, Running, Succeeded, Failed, Unknown
	Ready       bool
	// NotReady is the reason and message of the Ready condition when it is false.
	NotReady    string
	Terminating bool
	Labels      map[string]string
	// Owner is the workload that made it, as "deployment/web", "" for one made by hand.
	Owner      string
	DNSPolicy  string
	Containers []Container
	// NoSandbox is why the node cannot create the pod's network, in the words of the
	// runtime and its CNI plugin, nil when nothing says so.
	NoSandbox *Event
	// Unhealthy is what the kubelet says of a probe that fails, nil when nothing does.
	Unhealthy *Event
}

// Event is what the API's events say of an object.
type Event struct {
	Message string
	Count   int32
	Last    time.Time
}

// Ref names the pod.
func (p Pod) Ref() Ref { return Ref{p.Namespace, p.Name} }

// Container is a container of a pod.
type Container struct {
	Name     string
	Ports    []ContainerPort
	Ready    bool
	Restarts int32
	// Waiting is the reason why it does not run (CrashLoopBackOff ...), or "".
	Waiting string
	// Ended is how its last run came to its end, nil for a container in its first run.
	Ended *Ended
	// Proxy is where its environment sends requests.
	Proxy ProxyEnv
}

// Ended is the end of a container's last run.
type Ended struct {
	Reason   string // Error, OOMKilled, Completed ...
	ExitCode int32
	// Ran is how long the run lasted, 0 also when the API does not say.
	Ran time.Duration
	// Finished is when that was, by its node's clock; zero when the API does not say.
	Finished time.Time
}

// ContainerPort is a declared port; an undeclared one may listen all the same.
type ContainerPort struct {
	Name     string
	Port     uint16
	HostPort uint16
	Protocol Protocol
}

// Node is what the checks need of a node.
type Node struct {
	Name     string
	IPs      []netip.Addr // InternalIPs first, then ExternalIPs
	PodCIDRs []netip.Prefix
	Ready    bool
	NotReady string // reason and message of the Ready condition when it is not True
	OS       string // linux, windows
	Zone     string
	Flannel  *FlannelLease // nil when flannel left no annotations
	Network  Network       // the network plugin that says it set the node up
}

// FlannelLease is what flanneld publishes on its Node object, in the annotations
// flannel.alpha.coreos.com/* (flannel: pkg/subnet/kube/annotations.go).
type FlannelLease struct {
	BackendType string // vxlan, host-gw ...
	PublicIP    netip.Addr
	PublicIPv6  netip.Addr
	// Overwritten says that an administrator chose the address: nodes behind NAT.
	Overwritten bool
	VTEPMAC     string // the vxlan device's hardware address
	VTEPMACv6   string
	VNI         uint32
}

// Service is a service and the endpoints behind it.
type Service struct {
	// Asked is the --to argument that names the service, as typed, or several of
	// them joined by ", "; "" when it is in question for another reason.
	Asked      string
	Namespace  string
	Name       string
	Type       string // ClusterIP, NodePort, LoadBalancer, ExternalName
	ClusterIPs []netip.Addr
	// Families are the address families that it is to have: "IPv4", "IPv6".
	Families     []string
	Headless     bool
	ExternalName string
	// ExternalLocal and InternalLocal say that the traffic policy is Local: what comes
	// in at a node, or from its pods, goes to endpoints on that node only.
	ExternalLocal, InternalLocal bool
	// Distribution is what its author wants of topology: the trafficDistribution, or the
	// topology mode of an annotation; "" for none.
	Distribution string
	// SessionAffinity says that a client's connections stay with one endpoint.
	SessionAffinity bool
	// Balancers are the addresses or names that a load balancer was given for it, and
	// ExternalIPs what the service itself asks nodes to accept.
	Balancers   []string
	ExternalIPs []netip.Addr
	Ports       []ServicePort
	// OtherPorts are those that the service has as well and that nobody asked about.
	OtherPorts []ServicePort
	Selector   map[string]string
	Endpoints  []Endpoint
	// EndpointsUnknown says that the EndpointSlices could not be read (Facts.Notes
	// says why): an empty Endpoints then says nothing about the service.
	EndpointsUnknown bool
	// SelectedPods are the pods its selector matches; nil when not read.
	SelectedPods []Pod
	// SelectorRead says that SelectedPods was read, so that empty means none.
	SelectorRead bool
	// SelectedCut says that there are more than were read: that a pod is not among
	// SelectedPods then says nothing.
	SelectedCut bool
	// Siblings are the names of the services of its namespace with the same selector;
	// read only where its endpoints are of several workloads.
	Siblings []string
	// Ingresses are the rules that lead to the service from outside; read for services
	// that were asked about.
	Ingresses []IngressRule
	// Routes are those of the Gateway API that lead to the service, and Gateways those
	// that they name; likewise.
	Routes   []GatewayRoute
	Gateways []Gateway
	// Workloads are those whose pods the selector would match; read only where it
	// matches no pod.
	Workloads []Workload
}

// Workload is a Deployment or StatefulSet.
type Workload struct {
	Kind     string // deployment, statefulset
	Name     string
	Replicas int32 // that are asked for
}

// Ref names the service.
func (s Service) Ref() Ref { return Ref{s.Namespace, s.Name} }

// HasPort reports whether the service has a port of that name, or of that number
// where there is no name, whether or not anybody asked about it.
func (s Service) HasPort(number uint16, name string) bool {
	return slices.ContainsFunc(slices.Concat(s.Ports, s.OtherPorts), func(p ServicePort) bool {
		return name != "" && p.Name == name || name == "" && number != 0 && p.Port == number
	})
}

// OfAPI reports whether it is that of the API servers, who write its endpoints themselves.
func (s Service) OfAPI() bool { return "service/"+s.Ref().String() == APIService }

// APIService is the API server's own service, as results name it; every cluster has it.
const APIService = "service/default/kubernetes"

// Ready returns the endpoints that a kube-proxy sends new connections to.
func (s Service) Ready() []Endpoint {
	return slices.DeleteFunc(slices.Clone(s.Endpoints), func(e Endpoint) bool { return !e.Ready })
}

// ServicePort is one port of a service.
type ServicePort struct {
	Name        string
	Protocol    Protocol
	Port        uint16
	NodePort    uint16
	TargetPort  string // a number or a container port's name
	AppProtocol string
}

// Endpoint is one address behind a service, from its EndpointSlices, with the
// ports of its slice. One pod behind a dual-stack service is two endpoints.
type Endpoint struct {
	Addr        netip.Addr
	Ports       []EndpointPort
	Ready       bool
	Serving     bool
	Terminating bool
	Node        string
	Zone        string
	Pod         *Ref // nil when no pod stands behind it
	// PodUID is which pod of that name, "" where the slice does not say.
	PodUID string
	// ZoneHints and NodeHints are the zones and nodes whose clients it is for.
	ZoneHints, NodeHints []string
	// Slice is the EndpointSlice that holds it, and Writer who maintains that, by its
	// label; "" where the slice does not say.
	Slice, Writer string
}

// EndpointPort is a port of an EndpointSlice: Name matches the ServicePort's.
type EndpointPort struct {
	Name        string
	Protocol    Protocol
	Port        uint16
	AppProtocol string
}
