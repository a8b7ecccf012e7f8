//go:build linux

// Package attach puts eBPF programs at an interface, as a security agent or a former
// network plugin does: they drop TCP to and from one port. They are made here, of a
// dozen instructions, so that no compiler is needed.
package attach

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Off is the place that takes away what the others have put there.
const Off = "off"

// Places are where a program can be attached.
func Places() []string {
	return []string{"xdp", "xdp-native", "tc-ingress", "tc-egress", "tcx-ingress", "tcx-egress", Off}
}

// Drop attaches a program of that name, which drops TCP over IPv4 from and to a port, at
// a place of an interface of this network namespace.
func Drop(device, place, name string, port uint16) error {
	on, err := netlink.LinkByName(device)
	if err != nil {
		return fmt.Errorf("interface %s: %w", device, err)
	}
	if place == Off {
		return off(on)
	}
	spec := &ebpf.ProgramSpec{Name: name[:min(len(name), unix.BPF_OBJ_NAME_LEN-1)], Type: ebpf.SchedCLS, License: "GPL", Instructions: instructions(76, 80, 0, 2, port)}
	if strings.HasPrefix(place, "xdp") {
		spec.Type, spec.Instructions = ebpf.XDP, instructions(0, 4, 2, 1, port)
	}
	program, err := ebpf.NewProgram(spec)
	if err != nil {
		return fmt.Errorf("load a program: %w", err)
	}
	defer program.Close()
	switch place {
	case "xdp":
		return netlink.LinkSetXdpFdWithFlags(on, program.FD(), unix.XDP_FLAGS_SKB_MODE)
	case "xdp-native":
		return netlink.LinkSetXdpFdWithFlags(on, program.FD(), unix.XDP_FLAGS_DRV_MODE)
	case "tcx-ingress":
		return tcx(on, program, ebpf.AttachTCXIngress)
	case "tcx-egress":
		return tcx(on, program, ebpf.AttachTCXEgress)
	case "tc-ingress":
		return filter(on, program, netlink.HANDLE_MIN_INGRESS, name)
	case "tc-egress":
		return filter(on, program, netlink.HANDLE_MIN_EGRESS, name)
	}
	return fmt.Errorf("place %q is unknown", place)
}

func tcx(on netlink.Link, program *ebpf.Program, at ebpf.AttachType) error {
	return link.RawAttachProgram(link.RawAttachProgramOptions{Target: on.Attrs().Index, Program: program, Attach: at})
}

func filter(on netlink.Link, program *ebpf.Program, parent uint32, name string) error {
	index := on.Attrs().Index
	qdisc := &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT}}
	if err := netlink.QdiscAdd(qdisc); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add a qdisc clsact: %w", err)
	}
	return netlink.FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{LinkIndex: index, Parent: parent, Handle: 1, Priority: 1, Protocol: unix.ETH_P_ALL},
		Fd:          program.FD(), Name: name, DirectAction: true,
	})
}

// xdpFlags are how a program is taken away, by how it is attached (XDP_ATTACHED_*).
var xdpFlags = map[uint32]int{1: unix.XDP_FLAGS_DRV_MODE, 2: unix.XDP_FLAGS_SKB_MODE}

// off takes away every program at an interface, and its qdisc clsact with all filters.
func off(on netlink.Link) error {
	var problems []error
	if xdp := on.Attrs().Xdp; xdp != nil && xdp.Attached {
		problems = append(problems, netlink.LinkSetXdpFdWithFlags(on, -1, xdpFlags[xdp.AttachMode]))
	}
	for _, at := range []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress} {
		found, err := link.QueryPrograms(link.QueryOptions{Target: on.Attrs().Index, Attach: at})
		if err != nil {
			continue // there is none
		}
		for _, p := range found.Programs {
			if _, held := p.LinkID(); held {
				continue // by who attached it, as Cilium does: it is not ours
			}
			program, err := ebpf.NewProgramFromID(p.ID)
			if err == nil {
				err = link.RawDetachProgram(link.RawDetachProgramOptions{Target: on.Attrs().Index, Program: program, Attach: at})
				_ = program.Close()
			}
			problems = append(problems, err)
		}
	}
	qdiscs, err := netlink.QdiscList(on)
	problems = append(problems, err)
	if i := slices.IndexFunc(qdiscs, func(q netlink.Qdisc) bool { return q.Type() == "clsact" }); i >= 0 {
		problems = append(problems, netlink.QdiscDel(qdiscs[i]))
	}
	return errors.Join(problems...)
}

// instructions drop a frame that holds TCP over IPv4 without options, from or to a port,
// and let any other pass. data and end are where the context has the frame's bounds.
func instructions(data, end int16, pass, drop int32, port uint16) asm.Instructions {
	const (
		ethertype, version, protocol, source, destination = 12, 14, 23, 34, 36
		length                                            = 38
		ipv4, tcp                                         = 0x0800, 6
	)
	return asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, data, asm.Word),
		asm.LoadMem(asm.R3, asm.R1, end, asm.Word),
		asm.Mov.Reg(asm.R4, asm.R2),
		asm.Add.Imm(asm.R4, length),
		asm.JGT.Reg(asm.R4, asm.R3, "pass"),
		asm.LoadMem(asm.R4, asm.R2, ethertype, asm.Half),
		asm.JNE.Imm(asm.R4, network(ipv4), "pass"),
		asm.LoadMem(asm.R4, asm.R2, version, asm.Byte),
		asm.JNE.Imm(asm.R4, 0x45, "pass"),
		asm.LoadMem(asm.R4, asm.R2, protocol, asm.Byte),
		asm.JNE.Imm(asm.R4, tcp, "pass"),
		asm.LoadMem(asm.R4, asm.R2, source, asm.Half),
		asm.JEq.Imm(asm.R4, network(port), "drop"),
		asm.LoadMem(asm.R4, asm.R2, destination, asm.Half),
		asm.JEq.Imm(asm.R4, network(port), "drop"),
		asm.Mov.Imm(asm.R0, pass).WithSymbol("pass"),
		asm.Return(),
		asm.Mov.Imm(asm.R0, drop).WithSymbol("drop"),
		asm.Return(),
	}
}

// network is what a load of two bytes in network byte order gives on this machine.
func network(n uint16) int32 {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		n = bits.ReverseBytes16(n)
	}
	return int32(n)
}
