package netsys

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// clockTick is the unit of times that the kernel tells user space of (USER_HZ, which is
// 100 on every architecture but alpha and ia64).
const clockTick = time.Second / 100

// Neighbour returns the entry of addr on the interface of that index, without Found
// when there is none. The kernel is asked for just this entry (RTM_GETNEIGH without
// NLM_F_DUMP, since Linux 5.0: net/core/neighbour.c, neigh_get): a thousand tasks that
// each read the table of a thousand entries would be slower than what they wait for.
func Neighbour(addr netip.Addr, index int) (NeighbourEntry, error) {
	addr = addr.Unmap().WithZone("")
	entries, err := neighbours(addr, index)
	if err != nil {
		return NeighbourEntry{}, fmt.Errorf("read the neighbour entry of %s: %w", addr, err)
	}
	for _, n := range entries {
		if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == addr {
			return NeighbourEntry{
				Found:        true,
				ConfirmedAgo: time.Duration(n.Confirmed) * clockTick,
				Neighbour: facts.Neighbour{
					IP: addr.String(), MAC: n.HardwareAddr.String(), State: neighbourState(n.State),
				},
			}, nil
		}
	}
	return NeighbourEntry{Neighbour: facts.Neighbour{IP: addr.String()}}, nil
}

// neighbours holds the entry of addr among others, or nothing when there is none.
func neighbours(addr netip.Addr, index int) ([]netlink.Neigh, error) {
	family := netlink.FAMILY_V6
	if addr.Is4() {
		family = netlink.FAMILY_V4
	}
	header := netlink.Ndmsg{Family: uint8(family), Index: uint32(index)}
	request := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, 0)
	request.AddData(&header)
	request.AddData(nl.NewRtAttr(netlink.NDA_DST, net.IP(addr.AsSlice())))
	messages, err := request.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, nil
	case err != nil:
		// An older kernel knows the dump only.
		return dump(func() ([]netlink.Neigh, error) { return netlink.NeighListExecute(header) })
	}
	var entries []netlink.Neigh
	for _, m := range messages {
		entry, err := netlink.NeighDeserialize(m)
		if err != nil {
			return nil, err
		}
		entries = append(entries, *entry)
	}
	return entries, nil
}
