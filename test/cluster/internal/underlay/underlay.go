//go:build linux

// Package underlay makes the wires between the nodes: a network namespace for each
// node, one for the bridge that joins them, and one for the router, which is every
// node's default gateway and knows nothing of pods - so that a packet which should
// have been encapsulated or masqueraded is answered by "unreachable", as a real
// network would. In the machine's root namespace it adds one veth and its address.
// It may import topology, netlink and netns.
package underlay

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// Pinned is where named network namespaces are kept (ip-netns(8)).
const Pinned = "/run/netns"

const (
	bridgeName = "br0"
	nodeLink   = "eth0"
	portPrefix = "v-"
)

// Path is the file that holds a member's network namespace.
func Path(member string) string { return filepath.Join(Pinned, topology.Netns(member)) }

// Create makes all namespaces and links. What it made before an error is left for
// Remove.
func Create(options topology.Options) error {
	members := []string{topology.Underlay, topology.Router}
	for _, node := range options.Members() {
		members = append(members, node.Name)
	}
	if err := share(); err != nil {
		return fmt.Errorf("share %s: %w", Pinned, err)
	}
	for _, member := range members {
		if err := pin(member); err != nil {
			return fmt.Errorf("make the network namespace of %s: %w", member, err)
		}
	}
	if err := makeBridge(); err != nil {
		return fmt.Errorf("make the underlay bridge: %w", err)
	}
	if err := makeRouter(options.Dual()); err != nil {
		return fmt.Errorf("make the router: %w", err)
	}
	for _, node := range options.Members() {
		link := attachment{member: node.Name, link: nodeLink, addresses: prefixes(node.Addresses()...)}
		link.gateways = []string{topology.RouterIP}
		if options.Dual() {
			link.gateways = append(link.gateways, topology.RouterIP6)
		}
		if err := link.create(); err != nil {
			return fmt.Errorf("connect node %s: %w", node.Name, err)
		}
	}
	machine := attachment{member: "machine", link: topology.MachineLink, root: true}
	machine.addresses = prefixes(both(options.Dual(), topology.MachineIP, topology.MachineIP6)...)
	if err := machine.create(); err != nil {
		return fmt.Errorf("connect this machine: %w", err)
	}
	return nil
}

func both(dual bool, v4, v6 string) []netip.Addr {
	addresses := []netip.Addr{netip.MustParseAddr(v4)}
	if dual {
		addresses = append(addresses, netip.MustParseAddr(v6))
	}
	return addresses
}

// prefixes adds the length of the underlay's prefix to addresses.
func prefixes(addresses ...netip.Addr) []netip.Prefix {
	var result []netip.Prefix
	for _, address := range addresses {
		bits := topology.UnderlayBits
		if address.Is6() {
			bits = topology.UnderlayBits6
		}
		result = append(result, netip.PrefixFrom(address, bits))
	}
	return result
}

func up(handle *netlink.Handle, name string) error {
	link, err := handle.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find %s: %w", name, err)
	}
	return handle.LinkSetUp(link)
}

func makeBridge() error {
	// The bridge is a wire: rules and connection tracking are the nodes' business.
	sysctls := map[string]string{
		"net/bridge/bridge-nf-call-iptables":  "0",
		"net/bridge/bridge-nf-call-ip6tables": "0",
	}
	if err := Sysctls(topology.Underlay, sysctls); err != nil {
		return err
	}
	handle, err := open(topology.Underlay)
	if err != nil {
		return err
	}
	defer handle.Close()
	snooping := false // neighbour discovery is multicast, and there is no querier
	attributes := netlink.NewLinkAttrs()
	attributes.Name = bridgeName
	if err := handle.LinkAdd(&netlink.Bridge{LinkAttrs: attributes, MulticastSnooping: &snooping}); err != nil {
		return err
	}
	return up(handle, bridgeName)
}

func makeRouter(dual bool) error {
	link := attachment{member: topology.Router, link: nodeLink}
	link.addresses = prefixes(both(dual, topology.RouterIP, topology.RouterIP6)...)
	if err := link.create(); err != nil {
		return err
	}
	handle, err := open(topology.Router)
	if err != nil {
		return err
	}
	defer handle.Close()
	for _, address := range both(dual, topology.OutsideIP, topology.OutsideIP6) {
		if err := addAddress(handle, "lo", netip.PrefixFrom(address, address.BitLen())); err != nil {
			return err
		}
	}
	sysctls := map[string]string{"net/ipv4/ip_forward": "1"}
	if dual {
		sysctls["net/ipv6/conf/all/forwarding"] = "1"
	}
	return Sysctls(topology.Router, sysctls)
}

// attachment is a veth between a member and the bridge.
type attachment struct {
	member    string
	link      string // the member's end
	root      bool   // the member is the machine's root namespace
	addresses []netip.Prefix
	gateways  []string
}

func (a attachment) create() error {
	underlay, err := netns.GetFromName(topology.Netns(topology.Underlay))
	if err != nil {
		return err
	}
	defer underlay.Close()
	handle, err := a.handle()
	if err != nil {
		return err
	}
	defer handle.Close()
	attributes := netlink.NewLinkAttrs()
	attributes.Name = a.link
	port := portPrefix + a.member
	veth := &netlink.Veth{LinkAttrs: attributes, PeerName: port, PeerNamespace: netlink.NsFd(int(underlay))}
	if err := handle.LinkAdd(veth); err != nil {
		return fmt.Errorf("add %s: %w", a.link, err)
	}
	for _, address := range a.addresses {
		if err := addAddress(handle, a.link, address); err != nil {
			return err
		}
	}
	if err := plug(port); err != nil {
		return err
	}
	if err := up(handle, a.link); err != nil {
		return err
	}
	for _, gateway := range a.gateways {
		route := &netlink.Route{Gw: net.ParseIP(gateway), Dst: defaultRoute(gateway)}
		if err := handle.RouteAdd(route); err != nil {
			return fmt.Errorf("add the default route by %s: %w", gateway, err)
		}
	}
	return nil
}

func (a attachment) handle() (*netlink.Handle, error) {
	if a.root {
		return netlink.NewHandle()
	}
	return open(a.member)
}

// plug joins the underlay's end of a veth to the bridge.
func plug(port string) error {
	handle, err := open(topology.Underlay)
	if err != nil {
		return err
	}
	defer handle.Close()
	bridge, err := handle.LinkByName(bridgeName)
	if err != nil {
		return err
	}
	link, err := handle.LinkByName(port)
	if err != nil {
		return err
	}
	if err := handle.LinkSetMaster(link, bridge); err != nil {
		return err
	}
	return handle.LinkSetUp(link)
}

func defaultRoute(gateway string) *net.IPNet {
	if strings.Contains(gateway, ":") {
		return &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
	}
	return &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
}

func addAddress(handle *netlink.Handle, name string, prefix netip.Prefix) error {
	link, err := handle.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find %s: %w", name, err)
	}
	address := &netlink.Addr{IPNet: &net.IPNet{
		IP:   prefix.Addr().AsSlice(),
		Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
	}}
	if prefix.Addr().Is6() {
		// Usable at once: nobody else could have it, and daemons bind to it now.
		address.Flags = unix.IFA_F_NODAD
	}
	if err := handle.AddrAdd(link, address); err != nil {
		return fmt.Errorf("add %s to %s: %w", prefix, name, err)
	}
	return nil
}
