// Package netsys asks the kernel of the network namespace it runs in: interfaces,
// routes, neighbours and settings, what a ping socket or an error queue tells, and
// which packet size reaches a peer. It sends real packets and reads; it changes
// nothing and needs no privilege, but uses NET_RAW where it is held.
//
// Everything that touches a syscall is in a file for Linux and has a twin for other
// systems that answers ErrUnsupported, because the plugin, which imports the checks
// to plan with, is built for those too. It may import pkg/facts, the standard
// library, vishvananda/netlink and golang.org/x; never k8s.io, never pkg/check.
package netsys

import (
	"errors"
	"net/netip"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// The names of the address families, as facts.Route has them.
const (
	IPv4 = "ipv4"
	IPv6 = "ipv6"
)

var (
	// ErrNotPermitted says that the kernel offers this process no way to send ICMP:
	// its groups are outside net.ipv4.ping_group_range (icmp(7)), and it does not
	// hold NET_RAW either.
	ErrNotPermitted = errors.New("sending ICMP is not permitted: ping sockets are closed here (net.ipv4.ping_group_range) and NET_RAW is not held")
	// ErrUnsupported is the answer of every kernel-facing function on systems other
	// than Linux.
	ErrUnsupported = errors.New("not supported on this operating system")
	// ErrNoAnswer says that nothing came back before the deadline: no reply and no
	// ICMP error.
	ErrNoAnswer = errors.New("no answer")
)

// MaxEntries bounds every list that is read from the kernel: more than a node of a
// cluster of 5,000 has, and little enough for one frame of the wire.
const MaxEntries = 20000

// Family names the address family of addr.
func Family(addr netip.Addr) string {
	if addr.Unmap().Is4() {
		return IPv4
	}
	return IPv6
}

// RouteChoice is what the kernel would do with a packet to an address
// (RTM_GETROUTE, rtnetlink(7)).
type RouteChoice struct {
	facts.Route
	// Link is the interface it leaves by.
	Link facts.Link
	// MTU is the largest IP packet, in bytes, that the interface and the route
	// promise: the route's own mtu metric where it has one, else the link's MTU.
	MTU int
	// Cached is a smaller path MTU to this very address that the kernel has learned
	// before and still believes, 0 for none.
	Cached int
	// Local says that the address is one of this namespace's own.
	Local bool
}

// Gateway is a next hop of a default route.
type Gateway struct {
	Family string
	// Addr is the next hop, with the interface as its zone when it is link-local.
	// It is the zero Addr for a default route straight onto a device.
	Addr   netip.Addr
	Dev    string
	Index  int // of Dev
	Table  int
	Metric int
	Onlink bool
}

// NeighbourEntry is an entry of the neighbour table with what decides about it.
type NeighbourEntry struct {
	facts.Neighbour
	Found bool
	// ConfirmedAgo is how long ago the neighbour last proved to be there: by ARP or
	// neighbour discovery, or by progress of a TCP connection through it.
	ConfirmedAgo time.Duration
}

// confirmedLately is how long the kernel itself takes a confirmation for a proof, when
// it wants to know about an entry that has become stale (net/core/neighbour.c,
// neigh_timer_handler: DELAY_PROBE_TIME).
const confirmedLately = 5 * time.Second

// Resolved reports whether the entry has a link-layer address that the kernel would
// send to now.
func (n NeighbourEntry) Resolved() bool {
	switch n.State {
	case "reachable", "stale", "delay", "probe", "permanent", "noarp":
		return n.Found
	}
	return false
}

// Confirmed reports whether the neighbour is known to be there now. The state does not
// tell: "reachable" stays for up to 45 s after a neighbour's death, "stale" and "delay"
// become something else only seconds after it proved its life, and "permanent" is the
// word of whoever wrote the entry.
func (n NeighbourEntry) Confirmed() bool {
	return n.Resolved() && n.ConfirmedAgo <= confirmedLately
}

// Fixed reports whether the entry is somebody's word, or none is needed: nobody asks
// the neighbour then, and the entry says nothing about it.
func (n NeighbourEntry) Fixed() bool {
	return n.Found && (n.State == "permanent" || n.State == "noarp")
}

// Failed reports whether resolution was tried and had no answer (yet).
func (n NeighbourEntry) Failed() bool {
	return n.Found && (n.State == "failed" || n.State == "incomplete")
}
