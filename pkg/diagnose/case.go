package diagnose

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Case is all that is known when a verdict is asked for: what the API says, and what
// came of every task, at whatever vantage point. Causes ask it; they do not change it.
type Case struct {
	Facts   *facts.Facts
	Results []check.Result
	// Moved are the kernel counters of each node that grew while the checks that fail
	// were repeated, by node; empty without the node rung.
	Moved map[string]map[string]uint64
	// NoImage is why the probe's image could not be had, "" when it could.
	NoImage string
	// Webhook is the one that kept a probe from being made, nil when none did.
	Webhook *facts.Webhook
	// Kubelet is the one that the API server did not reach to attach to a probe, nil when
	// none was.
	Kubelet *facts.Kubelet
	byKey   map[string]int
	known   known
	routes  map[routeKey][][]facts.Endpoint // see routed
}

// NewCase makes a case of a run. It sorts the results: they come in as they are ready,
// and what is said of them must not depend on that.
func NewCase(f *facts.Facts, results []check.Result) *Case {
	results = slices.Clone(results)
	slices.SortStableFunc(results, func(a, b check.Result) int { return strings.Compare(Key(a), Key(b)) })
	c := &Case{Facts: f, Results: results, byKey: make(map[string]int, len(results))}
	for i, r := range results {
		c.byKey[Key(r)] = i
	}
	c.learn()
	return c
}

// Key names a result within a report: a task may run at several vantage points.
func Key(r check.Result) string { return r.Vantage + " " + r.TaskID }

// Keys are those of results.
func Keys(results []check.Result) []string {
	keys := make([]string, len(results))
	for i, r := range results {
		keys[i] = Key(r)
	}
	return keys
}

// Bad reports whether a result calls for an explanation.
func Bad(r check.Result) bool {
	return r.Status == check.Fail || r.Status == check.Warn && r.Failure != ""
}

// Failed are the keys of all results that failed.
func (c *Case) Failed() []string {
	var keys []string
	for _, r := range c.Results {
		if r.Status == check.Fail {
			keys = append(keys, Key(r))
		}
	}
	return keys
}

// bad keeps the keys of results that need explaining, each once, sorted.
func (c *Case) bad(keys []string) []string {
	kept := slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		i, known := c.byKey[key]
		return !known || !Bad(c.Results[i])
	})
	slices.Sort(kept)
	return slices.Compact(kept)
}

// Match says which results are meant. Fields that are empty do not matter.
type Match struct {
	Check   string // an ID, or an area with a dot behind it: "dns."
	Status  []check.Status
	Failure []check.Failure
	Object  string
	Subject string
	Vantage string // a prefix: "node/"
	Node    string // that the target is on
}

// Find returns the results that match, in their order.
func (c *Case) Find(m Match) []check.Result {
	var found []check.Result
	for _, r := range c.Results {
		if m.fits(c, r) {
			found = append(found, r)
		}
	}
	return found
}

func (m Match) fits(c *Case, r check.Result) bool {
	return (m.Check == "" || r.Check == m.Check || strings.HasSuffix(m.Check, ".") && strings.HasPrefix(r.Check, m.Check)) &&
		(len(m.Status) == 0 || slices.Contains(m.Status, r.Status)) &&
		(len(m.Failure) == 0 || slices.Contains(m.Failure, r.Failure)) &&
		(m.Object == "" || r.Object == m.Object) &&
		(m.Subject == "" || r.Subject == m.Subject) &&
		(m.Vantage == "" || strings.HasPrefix(r.Vantage, m.Vantage)) &&
		(m.Node == "" || c.NodeOf(r) == m.Node)
}

// Home is the node of the vantage point, "" when it is not known.
func (c *Case) Home() string {
	switch v := c.Facts.Vantage; {
	case v.Pod != nil && v.Pod.Node != "":
		return v.Pod.Node
	case v.Node != nil:
		return v.Node.Name
	}
	return ""
}

// Deep reports whether a node's kernel was asked: that of node, or any for "".
func (c *Case) Deep(node string) bool {
	return slices.ContainsFunc(c.Results, func(r check.Result) bool {
		return strings.HasPrefix(r.Vantage, "node/") && strings.HasPrefix(r.Check, "node.") &&
			(node == "" || r.Vantage == "node/"+node)
	})
}

// NodeOf is the node that a result's target is on, "" when it is not known or is not
// one thing on one node.
func (c *Case) NodeOf(r check.Result) string {
	addr, known := TargetAddr(r)
	if !known {
		return ""
	}
	return c.NodeOfAddr(addr)
}

// TargetAddr is the address in a target like "10.0.0.1:80", "[fd00::1]:80 udp".
func TargetAddr(r check.Result) (netip.Addr, bool) {
	text, _, _ := strings.Cut(r.Target, " ")
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap(), true
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap(), true
	}
	return netip.Addr{}, false
}

// HostOf is the node whose own address a result's target is, "" when it is none's.
func (c *Case) HostOf(r check.Result) string {
	addr, known := TargetAddr(r)
	if !known {
		return ""
	}
	return c.HostOfAddr(addr)
}

// HostOfAddr is the node whose own address this is, "" when it is none's.
func (c *Case) HostOfAddr(addr netip.Addr) string {
	for _, n := range slices.Concat(c.Facts.Nodes, c.Facts.Entrances) {
		if slices.Contains(n.IPs, addr) {
			return n.Name
		}
	}
	return ""
}

// NodeOfAddr is the node that holds a pod's address, by endpoints, target pods and
// the nodes' pod CIDRs. The address of a node itself is on no node in this sense: it
// is not behind the node's forwarding.
func (c *Case) NodeOfAddr(addr netip.Addr) string {
	if node, known := c.known.nodes[addr]; known {
		return node
	}
	for _, n := range c.Facts.Nodes {
		if slices.ContainsFunc(n.PodCIDRs, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			return n.Name
		}
	}
	return ""
}

// AtDNS reports whether a vantage point is a DNS server of the cluster, or a node that
// one is on: what it is answered, those servers are.
func (c *Case) AtDNS(vantage string) bool {
	s := c.Facts.DNS.Service
	return s != nil && slices.ContainsFunc(s.Endpoints, func(e facts.Endpoint) bool {
		return e.Node != "" && vantage == "node/"+e.Node || e.Pod != nil && vantage == "pod/"+e.Pod.String()
	})
}

func (c *Case) services() []facts.Service {
	list := slices.Clone(c.Facts.Services)
	if c.Facts.DNS.Service != nil {
		list = append(list, *c.Facts.DNS.Service)
	}
	return list
}

// Service returns the service that an object names ("service/ns/name"), or nil.
func (c *Case) Service(object string) *facts.Service {
	list := c.services()
	if c.Facts.API.Service != nil {
		list = append(list, *c.Facts.API.Service)
	}
	for i := range list {
		if "service/"+list[i].Ref().String() == object {
			return &list[i]
		}
	}
	return nil
}

// Outside reports whether an address is outside the cluster, as far as is known: no
// pod's, no node's and no service's.
func (c *Case) Outside(addr netip.Addr) bool {
	if c.isVIP(addr) || c.NodeOfAddr(addr) != "" || slices.Contains(c.Facts.Vantage.IPs(), addr) {
		return false
	}
	if c.HostOfAddr(addr) != "" {
		return false
	}
	if c.Facts.API.Service != nil {
		for _, e := range c.Facts.API.Service.Endpoints {
			if e.Addr.Unmap() == addr {
				return false
			}
		}
	}
	return addr.IsGlobalUnicast() && !addr.IsPrivate()
}

// TargetPort is the address and port in a target like "10.0.0.1:80", and the protocol
// that was spoken to it: "10.0.0.1:53/udp", "10.96.0.10 udp A" for DNS's own port.
func TargetPort(r check.Result) (at netip.AddrPort, protocol facts.Protocol, ok bool) {
	first, rest, _ := strings.Cut(r.Target, " ")
	first, transport, _ := strings.Cut(first, "/")
	if transport == "" {
		transport, _, _ = strings.Cut(rest, " ")
	}
	protocol = facts.TCP
	if strings.EqualFold(transport, "udp") {
		protocol = facts.UDP
	}
	if at, err := netip.ParseAddrPort(first); err == nil {
		return at, protocol, true
	}
	if addr, err := netip.ParseAddr(first); err == nil && strings.HasPrefix(r.Check, "dns.") {
		return netip.AddrPortFrom(addr, 53), protocol, true
	}
	return netip.AddrPort{}, "", false
}
