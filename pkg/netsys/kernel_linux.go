package netsys

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// dumpTries is how often a dump is repeated that the kernel says was interrupted by
// a change, and so may lack entries (NLM_F_DUMP_INTR).
const dumpTries = 5

// dump runs a netlink dump until it was not interrupted. When it always is, on a
// very busy node, the last incomplete answer is better than none.
func dump[T any](read func() ([]T, error)) ([]T, error) {
	var list []T
	var err error
	for range dumpTries {
		list, err = read()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return bound(list), err
		}
	}
	return bound(list), nil
}

func bound[T any](list []T) []T { return list[:min(len(list), MaxEntries)] }

// Links returns the interfaces of this network namespace with their addresses,
// sorted by index.
func Links() ([]facts.Link, error) {
	links, err := dump(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	addrs, err := dump(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	addrsOf := map[int][]string{}
	for _, a := range addrs {
		if a.IPNet != nil {
			addrsOf[a.LinkIndex] = append(addrsOf[a.LinkIndex], a.IPNet.String())
		}
	}
	list := make([]facts.Link, 0, len(links))
	for _, l := range links {
		fact := linkFact(l)
		fact.Addrs = addrsOf[fact.Index]
		slices.Sort(fact.Addrs)
		fact.Master = names[l.Attrs().MasterIndex]
		list = append(list, fact)
	}
	slices.SortFunc(list, func(a, b facts.Link) int { return cmp.Compare(a.Index, b.Index) })
	return list, nil
}

func linkFact(l netlink.Link) facts.Link {
	a := l.Attrs()
	fact := facts.Link{
		Index:     a.Index,
		Name:      a.Name,
		Kind:      l.Type(),
		MTU:       a.MTU,
		MAC:       a.HardwareAddr.String(),
		Up:        a.Flags&net.FlagUp != 0,
		State:     strings.ReplaceAll(a.OperState.String(), "-", ""),
		PeerIndex: a.ParentIndex,
		PeerNetns: a.NetNsID,
	}
	if s := a.Statistics; s != nil {
		fact.RxPackets, fact.TxPackets = s.RxPackets, s.TxPackets
		fact.RxErrors, fact.TxErrors = s.RxErrors, s.TxErrors
		fact.RxDropped, fact.TxDropped = s.RxDropped, s.TxDropped
	}
	if v, isVXLAN := l.(*netlink.Vxlan); isVXLAN {
		fact.VXLAN = &facts.VXLAN{VNI: v.VxlanId, Port: v.Port, Device: v.VtepDevIndex, Learning: v.Learning}
		if v.SrcAddr != nil {
			fact.VXLAN.Local = v.SrcAddr.String()
		}
	}
	return fact
}

// linkNames maps interface indexes to names; empty when they cannot be read.
func linkNames() map[int]string {
	names := map[int]string{}
	links, err := dump(netlink.LinkList)
	if err != nil {
		return names
	}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	return names
}

var neighbourStates = map[int]string{
	netlink.NUD_NONE:       "none",
	netlink.NUD_INCOMPLETE: "incomplete",
	netlink.NUD_REACHABLE:  "reachable",
	netlink.NUD_STALE:      "stale",
	netlink.NUD_DELAY:      "delay",
	netlink.NUD_PROBE:      "probe",
	netlink.NUD_FAILED:     "failed",
	netlink.NUD_NOARP:      "noarp",
	netlink.NUD_PERMANENT:  "permanent",
}

// neighbourState names an NUD_* state.
func neighbourState(state int) string {
	if name, known := neighbourStates[state]; known {
		return name
	}
	return fmt.Sprintf("0x%x", state)
}

// Neighbours returns the ARP and NDP entries, sorted by interface and address.
// Those for multicast and broadcast, which need no resolution, are left out.
func Neighbours() ([]facts.Neighbour, error) {
	names := linkNames()
	var list []facts.Neighbour
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		entries, err := dump(func() ([]netlink.Neigh, error) {
			return netlink.NeighListExecute(netlink.Ndmsg{Family: uint8(family)})
		})
		if err != nil {
			return nil, fmt.Errorf("list neighbours: %w", err)
		}
		for _, n := range entries {
			if n.Flags&netlink.NTF_PROXY != 0 || n.State == netlink.NUD_NOARP || n.IP == nil {
				continue
			}
			list = append(list, facts.Neighbour{
				IP: n.IP.String(), Dev: names[n.LinkIndex], MAC: n.HardwareAddr.String(), State: neighbourState(n.State),
			})
		}
	}
	slices.SortFunc(list, func(a, b facts.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Dev, b.Dev), cmp.Compare(a.IP, b.IP))
	})
	return bound(list), nil
}

// FDB returns the forwarding entries of bridges and VXLAN devices, sorted by
// interface, MAC and destination.
func FDB() ([]facts.FDBEntry, error) {
	names := linkNames()
	entries, err := dump(func() ([]netlink.Neigh, error) {
		return netlink.NeighListExecute(netlink.Ndmsg{Family: unix.AF_BRIDGE})
	})
	if err != nil {
		return nil, fmt.Errorf("list forwarding entries: %w", err)
	}
	list := make([]facts.FDBEntry, 0, len(entries))
	for _, n := range entries {
		entry := facts.FDBEntry{MAC: n.HardwareAddr.String(), Dev: names[n.LinkIndex], State: neighbourState(n.State)}
		if n.IP != nil {
			entry.Dst = n.IP.String()
		}
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b facts.FDBEntry) int {
		return cmp.Or(cmp.Compare(a.Dev, b.Dev), cmp.Compare(a.MAC, b.MAC), cmp.Compare(a.Dst, b.Dst))
	})
	return list, nil
}
