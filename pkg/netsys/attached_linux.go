package netsys

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// xdpModes are what IFLA_XDP_ATTACHED says (include/uapi/linux/if_link.h, XDP_ATTACHED_*).
// With several programs at once their attributes tell which are there.
var xdpModes = map[uint8]string{1: "native", 2: "generic", 3: "offloaded"}

const xdpSeveral = 4

// BPF_NETKIT_PRIMARY and BPF_NETKIT_PEER of include/uapi/linux/bpf.h.
const bpfNetkitPrimary, bpfNetkitPeer = 54, 55

// device is an interface at which something may be attached.
type device struct {
	index int
	name  string
	kind  string
	xdp   attributes
}

// AttachedAll are the filters and programs at the interfaces of this network namespace,
// sorted by interface: XDP, the filters of qdiscs clsact and ingress, and tcx. Netlink
// tells of them without a capability, but for tcx and netkit, which bpf(2) alone shows;
// unread is why it did not, nil where all was read.
func AttachedAll() (list []facts.Attached, unread, err error) {
	devices, err := devicesWithXDP()
	if err != nil {
		return nil, nil, err
	}
	qdiscs, err := dump(func() ([]netlink.Qdisc, error) { return netlink.QdiscList(nil) })
	if err != nil {
		return nil, nil, fmt.Errorf("list queueing disciplines: %w", err)
	}
	for _, d := range devices {
		list = append(list, xdpOf(d)...)
	}
	for _, q := range qdiscs {
		if kind := q.Type(); kind == "clsact" || kind == "ingress" {
			list = append(list, filtersOf(devices, q)...)
		}
	}
	programs, unread := programsOf(devices)
	list = append(list, programs...)
	for i := range list {
		if list[i].ID > 0 && list[i].Program == "" {
			list[i].Program = programName(list[i].ID)
		}
	}
	slices.SortStableFunc(list, func(a, b facts.Attached) int { return cmp.Compare(a.Dev, b.Dev) })
	return bound(list), unread, nil
}

// devicesWithXDP are all interfaces by their index.
func devicesWithXDP() (map[int]device, error) {
	messages, err := dumpRaw(unix.NETLINK_ROUTE, func() *nl.NetlinkRequest {
		request := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		request.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		return request
	}, unix.RTM_NEWLINK)
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	devices := map[int]device{}
	for _, m := range messages {
		if len(m) < unix.SizeofIfInfomsg {
			continue
		}
		as := attributesOf(m, unix.SizeofIfInfomsg)
		d := device{index: int(nl.DeserializeIfInfomsg(m).Index), name: as.text(unix.IFLA_IFNAME), xdp: as.nest(unix.IFLA_XDP)}
		d.kind = as.nest(unix.IFLA_LINKINFO).text(unix.IFLA_INFO_KIND)
		devices[d.index] = d
	}
	return devices, nil
}

// xdpOf are an interface's XDP programs.
func xdpOf(d device) []facts.Attached {
	var list []facts.Attached
	add := func(mode string, id uint32) {
		if id == 0 {
			return
		}
		a := facts.Attached{Dev: d.name, Hook: facts.XDP, Direction: "ingress", Mode: mode, Decides: true, ID: id}
		if mode == "native" {
			if n, ok := xdpDrops(d.name); ok {
				a.Packets, a.CountedBy = &n, "the driver of "+d.name
			}
		}
		list = append(list, a)
	}
	switch attached := d.xdp.u8(unix.IFLA_XDP_ATTACHED); attached {
	case xdpSeveral:
		add("native", d.xdp.u32(unix.IFLA_XDP_DRV_PROG_ID))
		add("generic", d.xdp.u32(unix.IFLA_XDP_SKB_PROG_ID))
		add("offloaded", d.xdp.u32(unix.IFLA_XDP_HW_PROG_ID))
	default:
		add(xdpModes[attached], d.xdp.u32(unix.IFLA_XDP_PROG_ID))
	}
	return list
}

// filtersOf are the filters of an interface's qdisc clsact or ingress. What an eBPF
// program there drops, or a filter's action, the qdisc counts, for all of them together
// (net/core/dev.c, tc_run); what is redirected only the action itself does.
func filtersOf(devices map[int]device, q netlink.Qdisc) []facts.Attached {
	a := q.Attrs()
	d, known := devices[a.LinkIndex]
	if !known {
		return nil
	}
	var drops *uint64
	if s := a.Statistics; s != nil && s.Queue != nil {
		drops = new(uint64(s.Queue.Drops))
	}
	directions := map[uint32]string{netlink.HANDLE_MIN_INGRESS: "ingress"}
	if q.Type() == "clsact" {
		directions[netlink.HANDLE_MIN_EGRESS] = "egress"
	}
	var list []facts.Attached
	for _, parent := range []uint32{netlink.HANDLE_MIN_INGRESS, netlink.HANDLE_MIN_EGRESS} {
		direction := directions[parent]
		if direction == "" {
			continue
		}
		messages, err := dumpRaw(unix.NETLINK_ROUTE, func() *nl.NetlinkRequest {
			request := nl.NewNetlinkRequest(unix.RTM_GETTFILTER, unix.NLM_F_DUMP)
			request.AddData(&nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(d.index), Parent: parent})
			return request
		}, unix.RTM_NEWTFILTER)
		if err != nil {
			continue // it is gone by now
		}
		for _, m := range messages {
			if f, ok := parseTCFilter(m, devices); ok {
				f.Dev, f.Direction = d.name, direction
				if f.Packets == nil && (f.Decides || slices.Contains(f.Takes, tcDrop)) && drops != nil {
					f.Packets, f.CountedBy = drops, "qdisc "+q.Type()+" of "+d.name
				}
				list = append(list, f)
			}
		}
	}
	return list
}

// programsOf are the programs of tcx and netkit. Interfaces without any say ENOENT;
// kernels before 6.6 do not know the question.
func programsOf(devices map[int]device) (list []facts.Attached, unread error) {
	type place struct {
		hook, direction string
		attach          uint32
	}
	for _, index := range slices.Sorted(maps.Keys(devices)) {
		d := devices[index]
		places := []place{{facts.TCX, "ingress", unix.BPF_TCX_INGRESS}, {facts.TCX, "egress", unix.BPF_TCX_EGRESS}}
		if d.kind == "netkit" { // its primary end is the node's: what it sends goes to the pod
			places = append(places, place{facts.Netkit, "egress", bpfNetkitPrimary}, place{facts.Netkit, "ingress", bpfNetkitPeer})
		}
		for _, p := range places {
			ids, err := programsAt(d.index, p.attach)
			switch {
			case errors.Is(err, unix.EPERM), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
				return list, err
			case err != nil:
				continue // there is none, or the interface is gone
			}
			for _, id := range ids {
				list = append(list, facts.Attached{Dev: d.name, Hook: p.hook, Direction: p.direction, Decides: true, ID: id})
			}
		}
	}
	return list, nil
}
