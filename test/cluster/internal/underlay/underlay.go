//go:build linux

// Package underlay makes the wires between the nodes: a network namespace for each
// node, one for the bridge that joins them, and one for the router, which is every
// node's default gateway and knows nothing of pods - so that a packet which should
// have been encapsulated or masqueraded is answered by "unreachable", as a real
// network would. In the machine's root namespace it adds one veth and its address.
// It may import topology, netlink and netns.
package underlay

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
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

// pin makes a named network namespace, with its loopback up.
func pin(member string) error {
	var failed error
	done := make(chan struct{})
	// On a thread of its own that is never unlocked, so that Go ends it: it stays
	// in the new namespace.
	go func() {
		defer close(done)
		runtime.LockOSThread()
		handle, err := netns.NewNamed(topology.Netns(member))
		if err != nil {
			failed = err
			return
		}
		handle.Close()
	}()
	<-done
	if failed != nil {
		return failed
	}
	handle, err := open(member)
	if err != nil {
		return err
	}
	defer handle.Close()
	return up(handle, "lo")
}

func open(member string) (*netlink.Handle, error) {
	ns, err := netns.GetFromName(topology.Netns(member))
	if err != nil {
		return nil, err
	}
	defer ns.Close() // the handle's socket stays in the namespace
	return netlink.NewHandleAt(ns)
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

// Sysctls writes settings, named by their path below /proc/sys, in a member's
// network namespace.
func Sysctls(member string, settings map[string]string) error {
	var failed error
	done := make(chan struct{})
	go func() { // see pin for why a thread is given up
		defer close(done)
		runtime.LockOSThread()
		ns, err := netns.GetFromName(topology.Netns(member))
		if err != nil {
			failed = err
			return
		}
		defer ns.Close()
		if failed = netns.Set(ns); failed != nil {
			return
		}
		failed = WriteSysctls(settings)
	}()
	<-done
	return failed
}

// WriteSysctls writes settings in the network namespace of the calling thread.
func WriteSysctls(settings map[string]string) error {
	for name, value := range settings {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644); err != nil {
			return fmt.Errorf("set %s: %w", strings.ReplaceAll(name, "/", "."), err)
		}
	}
	return nil
}

// Remove removes everything that Create makes, whatever of it is there.
func Remove() error {
	var failures []error
	// The machine's veth first and by hand: with its namespace it would go too, but
	// only some time later, in a kernel thread.
	if link, err := netlink.LinkByName(topology.MachineLink); err == nil {
		if err := netlink.LinkDel(link); err != nil {
			failures = append(failures, fmt.Errorf("remove %s: %w", topology.MachineLink, err))
		}
	}
	names, err := pinned()
	if err != nil {
		failures = append(failures, err)
	}
	for _, name := range names {
		if err := netns.DeleteNamed(name); err != nil {
			failures = append(failures, fmt.Errorf("remove network namespace %s: %w", name, err))
		}
	}
	// Ours if it is empty; not empty means that others use it.
	if err := unix.Rmdir(Pinned); err != nil && !errors.Is(err, unix.ENOENT) &&
		!errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EBUSY) {
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// Left lists what still is of the cluster in the machine's namespaces.
func Left() ([]string, error) {
	var left []string
	if _, err := netlink.LinkByName(topology.MachineLink); err == nil {
		left = append(left, "link "+topology.MachineLink)
	}
	names, err := pinned()
	for _, name := range names {
		left = append(left, "network namespace "+name)
	}
	return left, err
}

func pinned() ([]string, error) {
	entries, err := os.ReadDir(Pinned)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), topology.Prefix) {
			names = append(names, entry.Name())
		}
	}
	return names, err
}
