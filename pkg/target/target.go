// Package target parses what a user types after --to ("svc/api:80", "pod/x",
// "10.0.0.1:53/udp", "https://example.com/health") into a Target. It knows syntax
// only: whether the object exists is for pkg/cluster to find out.
//
// It may import the standard library only.
package target

import "net/netip"

// Kind says what a target is.
type Kind string

// The kinds of target.
const (
	Pod      Kind = "pod"
	Service  Kind = "service"
	Node     Kind = "node"
	Workload Kind = "workload" // deployment, statefulset, daemonset, replicaset, job
	IP       Kind = "ip"
	Host     Kind = "host"
	URL      Kind = "url"
)

// Target is a parsed --to argument.
type Target struct {
	// Raw is what was typed.
	Raw  string
	Kind Kind
	// Resource is the workload's resource in plural, lower case ("deployments");
	// "" for other kinds.
	Resource string
	// Namespace is the one typed in KIND/NAMESPACE/NAME, else "".
	Namespace string
	Name      string     // the object's name
	Host      string     // a DNS name, for Host and URL
	Addr      netip.Addr // for IP, and for a URL with a literal address
	URL       string     // the whole URL, for URL
	// Port is the number given, 0 when none or when PortName is set.
	Port     uint16
	PortName string
	// Protocol is "TCP" or "UDP" when given (":53/udp") or implied by a URL, else "".
	Protocol string
}
