// Package topology turns what was typed for `up` into names and addresses: the one
// place that knows who lives where. It is pure and imports the standard library
// only, so that every other package can ask it and it can be tested anywhere.
package topology

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Fixed addresses. The prefixes are private (RFC 1918, RFC 4193) or reserved for
// documentation (RFC 5737, RFC 3849), so they shadow nothing real.
const (
	UnderlayBits  = 24
	UnderlayBits6 = 64
	RouterIP      = "172.30.0.1"
	RouterIP6     = "fd00:172:30::1"
	MachineIP     = "172.30.0.254" // the root namespace's end of the underlay
	MachineIP6    = "fd00:172:30::254"
	OutsideIP     = "198.51.100.10"
	OutsideIP6    = "2001:db8::10"

	PodCIDR      = "10.244.0.0/16"
	PodCIDR6     = "fd00:10:244::/56"
	ServiceCIDR  = "10.96.0.0/16"
	ServiceCIDR6 = "fd00:10:96::/112"
	APIServiceIP = "10.96.0.1"
	DNSServiceIP = "10.96.0.10"
	APIPort      = 6443
	Domain       = "cluster.local"

	// Prefix marks everything in the machine's root namespace as the cluster's:
	// `down` finds it by this, even when the run state is lost.
	Prefix        = "netlook-"
	MachineLink   = "netlook0"
	Underlay      = "underlay" // the namespace of the bridge
	Router        = "router"   // the namespace of the default gateway and the outside world
	firstNodeHost = 10
	maxNodes      = 20
)

// Options is what makes one cluster differ from another.
type Options struct {
	Nodes     []string `json:"nodes"`
	CNI       string   `json:"cni"`
	Backend   string   `json:"backend"`
	ProxyMode string   `json:"proxyMode"`
	IPFamily  string   `json:"ipFamily"`
}

// Defaults are the options of a plain `up`.
func Defaults() Options {
	return Options{
		Nodes:     []string{"cp", "w1", "w2"},
		CNI:       Flannel,
		Backend:   "vxlan",
		ProxyMode: "iptables",
		IPFamily:  "ipv4",
	}
}

// Pod networks, the values of --cni.
const (
	Flannel = "flannel"
	Cilium  = "cilium"
)

// Validate says what is wrong with the options and what to write instead.
func (o Options) Validate() error {
	for _, choice := range []struct {
		flag, value string
		allowed     []string
	}{
		{"--cni", o.CNI, []string{Flannel, Cilium}},
		{"--backend", o.Backend, []string{"vxlan", "host-gw"}},
		{"--proxy-mode", o.ProxyMode, []string{"iptables", "nftables"}},
		{"--ip-family", o.IPFamily, []string{"ipv4", "dual"}},
	} {
		if !slices.Contains(choice.allowed, choice.value) {
			return fmt.Errorf("%s %q: want one of %s", choice.flag, choice.value, strings.Join(choice.allowed, ", "))
		}
	}
	if o.CNI == Cilium && (o.Backend != "vxlan" || o.Dual()) {
		return fmt.Errorf("--cni cilium goes with --backend vxlan and --ip-family ipv4 only")
	}
	return validateNodes(o.Nodes)
}

// nodeName keeps names short because they become interface names with a prefix,
// and the kernel allows those 15 characters (IFNAMSIZ in linux/if.h).
var nodeName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$`)

func validateNodes(nodes []string) error {
	if len(nodes) == 0 || len(nodes) > maxNodes {
		return fmt.Errorf("--nodes: want 1 to %d names, got %d", maxNodes, len(nodes))
	}
	seen := map[string]bool{}
	for _, node := range nodes {
		switch {
		case !nodeName.MatchString(node):
			return fmt.Errorf("--nodes %q: want at most 10 of a-z, 0-9 and '-', beginning with a letter", node)
		case node == Underlay || node == Router || node == "machine":
			return fmt.Errorf("--nodes %q: the name is taken by a part of the cluster; choose another", node)
		case seen[node]:
			return fmt.Errorf("--nodes: %q is named twice", node)
		}
		seen[node] = true
	}
	return nil
}

// Dual tells whether the cluster has IPv6 beside IPv4.
func (o Options) Dual() bool { return o.IPFamily == "dual" }

// Equal tells whether two clusters would be the same.
func (o Options) Equal(other Options) bool {
	return slices.Equal(o.Nodes, other.Nodes) && o.CNI == other.CNI && o.Backend == other.Backend &&
		o.ProxyMode == other.ProxyMode && o.IPFamily == other.IPFamily
}

// String gives the options as they would be typed.
func (o Options) String() string {
	return fmt.Sprintf("--nodes %s --cni %s --backend %s --proxy-mode %s --ip-family %s",
		strings.Join(o.Nodes, ","), o.CNI, o.Backend, o.ProxyMode, o.IPFamily)
}

// Node is one machine of the cluster.
type Node struct {
	Name string
	IP   netip.Addr
	IP6  netip.Addr // invalid unless dual-stack
}

// Addresses lists the node's addresses, IPv4 first.
func (n Node) Addresses() []netip.Addr {
	if n.IP6.IsValid() {
		return []netip.Addr{n.IP, n.IP6}
	}
	return []netip.Addr{n.IP}
}

// Members lists the nodes in order; the first one carries the control plane.
func (o Options) Members() []Node {
	nodes := make([]Node, len(o.Nodes))
	for i, name := range o.Nodes {
		host := firstNodeHost + i
		nodes[i] = Node{Name: name, IP: netip.AddrFrom4([4]byte{172, 30, 0, byte(host)})}
		if o.Dual() { // the same digits, so that an address tells its node in both families
			nodes[i].IP6 = netip.MustParseAddr(fmt.Sprintf("fd00:172:30::%d", host))
		}
	}
	return nodes
}

// APIServer is the URL of the API server as nodes and the machine reach it.
func (o Options) APIServer() string {
	return fmt.Sprintf("https://%s", netip.AddrPortFrom(o.Members()[0].IP, APIPort))
}

// PodCIDRs and ServiceCIDRs are comma-separated, as the components' flags want them.
func (o Options) PodCIDRs() string { return o.families(PodCIDR, PodCIDR6) }

// ServiceCIDRs lists the ranges of cluster IPs.
func (o Options) ServiceCIDRs() string { return o.families(ServiceCIDR, ServiceCIDR6) }

func (o Options) families(v4, v6 string) string {
	if o.Dual() {
		return v4 + "," + v6
	}
	return v4
}

// Netns is the name under which a member's network namespace is pinned.
func Netns(member string) string { return Prefix + member }
