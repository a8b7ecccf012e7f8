package netsys

import (
	"errors"
	"net"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// loadProgram loads `return verdict`, and skips where the kernel or the rights do not allow it.
func loadProgram(t *testing.T, kind, verdict uint32, name string) int {
	t.Helper()
	// r0 = verdict; exit.
	instructions := []uint64{0xb7 | uint64(verdict)<<32, 0x95}
	license := []byte("GPL\x00")
	type load struct {
		kind, count           uint32
		instructions, license unsafe.Pointer
		level, size           uint32
		log                   unsafe.Pointer
		version, flags        uint32
		name                  [unix.BPF_OBJ_NAME_LEN]byte
	}
	l := &load{kind: kind, count: uint32(len(instructions)), instructions: unsafe.Pointer(&instructions[0]), license: unsafe.Pointer(&license[0])}
	copy(l.name[:], name)
	fd, err := bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(l), unsafe.Sizeof(*l))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		netnstest.Lacking(t, "no eBPF here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// nearLink makes a veth here, whose other end is there.
func nearLink(t *testing.T) (link netlink.Link, there *netnstest.Namespace) {
	t.Helper()
	there = netnstest.New(t)
	netnstest.Join(t,
		netnstest.End{NS: netnstest.Here(t), Name: "near", Addrs: []string{"10.9.1.1/24"}},
		netnstest.End{NS: there, Name: "far", Addrs: []string{"10.9.1.2/24"}})
	link, err := netlink.LinkByName("near")
	if err != nil {
		t.Fatal(err)
	}
	return link, there
}

// TestAttached: what is attached at a veth in all the ways that this kernel knows is
// told, each with its place, and counted where something counts.
func TestAttached(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	link, _ := nearLink(t)
	if list, _, err := AttachedAll(); err != nil || len(list) > 0 {
		t.Fatalf("%+v, %v of a new network namespace, want nothing", list, err)
	}
	const schedCls, xdp, shot, drop = 3, 6, 2, 1
	if err := netlink.LinkSetXdpFdWithFlags(link, loadProgram(t, xdp, drop, "guard"), unix.XDP_FLAGS_SKB_MODE); err != nil {
		t.Fatal(err)
	}
	clsact := &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT}}
	if err := netlink.QdiscAdd(clsact); err != nil {
		netnstest.Lacking(t, "no clsact here: %v", err)
	}
	attrs := func(parent uint32, prio uint16) netlink.FilterAttrs {
		return netlink.FilterAttrs{LinkIndex: link.Attrs().Index, Parent: parent, Priority: prio, Protocol: unix.ETH_P_IP, Handle: 1}
	}
	if err := netlink.FilterAdd(&netlink.BpfFilter{FilterAttrs: attrs(netlink.HANDLE_MIN_EGRESS, 7), Fd: loadProgram(t, schedCls, shot, "shots"), Name: "cil_to_netdev", DirectAction: true}); err != nil {
		t.Fatal(err)
	}
	redirect := &netlink.U32{FilterAttrs: attrs(netlink.HANDLE_MIN_INGRESS, 9), Actions: []netlink.Action{netlink.NewMirredAction(1)}, Sel: &netlink.TcU32Sel{
		Flags: netlink.TC_U32_TERMINAL, Keys: []netlink.TcU32Key{
			{Mask: 0xffffffff, Val: 0x0af40205, Off: 16}, {Mask: 0x00ff0000, Val: 0x00060000, Off: 8}, {Mask: 0xffff, Val: 8080, Off: 20},
		}}}
	redirect.Handle = 0
	redirect.Actions[0].(*netlink.MirredAction).MirredAction = netlink.TCA_EGRESS_REDIR
	if err := netlink.FilterAdd(redirect); err != nil {
		t.Fatal(err)
	}
	attachTCX(t, link.Attrs().Index, loadProgram(t, schedCls, shot, "tcxshots"))

	// One datagram meets the program at egress; nobody has to be asked for a MAC.
	if err := netlink.NeighAdd(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.IPv4(10, 9, 1, 2), HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 1},
	}); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", "10.9.1.2:9")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Logf("write: %v", err) // ENOBUFS: it was dropped
	}

	list, unread, err := AttachedAll()
	if err != nil || unread != nil {
		t.Fatal(err, unread)
	}
	for i := range list {
		if list[i].Decides && list[i].ID == 0 {
			t.Errorf("%s has no number", list[i].Name())
		}
		list[i].ID = 0
	}
	slices.SortStableFunc(list, func(a, b facts.Attached) int { return cmpPlace(a) - cmpPlace(b) })
	want := []facts.Attached{
		{Dev: "near", Hook: facts.XDP, Direction: "ingress", Mode: "generic", Decides: true, Program: "guard"},
		{
			Dev: "near", Hook: facts.TC, Direction: "ingress", Kind: "u32", Pref: 9, Handle: "800::800", Protocol: "ip", Takes: []string{"redirect to lo"},
			Packets: new(uint64(0)), CountedBy: "its action", Match: &facts.Match{Family: "ip", Dst: "10.244.2.5/32", Protocol: "tcp", DstPort: facts.Ports{First: 8080, Last: 8080}},
		},
		{
			Dev: "near", Hook: facts.TC, Direction: "egress", Kind: "bpf", Pref: 7, Handle: "0x1", Protocol: "ip", Decides: true, Program: "cil_to_netdev",
			Packets: new(uint64(1)), CountedBy: "qdisc clsact of near", Match: &facts.Match{Family: "ip", Others: []string{"what its program looks at"}},
		},
		{Dev: "near", Hook: facts.TCX, Direction: "ingress", Decides: true, Program: "tcxshots"},
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Error(diff)
	}
}

// TestXDPDropsCounted: a veth's driver counts what native XDP drops.
func TestXDPDropsCounted(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	link, there := nearLink(t)
	const xdp, drop = 6, 1
	if err := netlink.LinkSetXdpFdWithFlags(link, loadProgram(t, xdp, drop, "guard"), unix.XDP_FLAGS_DRV_MODE); err != nil {
		t.Fatal(err)
	}
	before := dropsOf(t, "near")
	there.Do(t, func() {
		far, err := netlink.LinkByName("far")
		if err == nil {
			err = netlink.NeighAdd(&netlink.Neigh{LinkIndex: far.Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.IPv4(10, 9, 1, 1), HardwareAddr: link.Attrs().HardwareAddr})
		}
		if err != nil {
			t.Error(err)
			return
		}
		conn, err := net.Dial("udp", "10.9.1.1:9")
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for range 3 {
			_, _ = conn.Write([]byte("x"))
		}
	})
	deadline := time.Now().Add(5 * time.Second)
	for dropsOf(t, "near") < before+3 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if now := dropsOf(t, "near"); now < before+3 {
		t.Errorf("%d dropped, then %d, want 3 more", before, now)
	}
}

// dropsOf is the counter of the one program at an interface.
func dropsOf(t *testing.T, dev string) uint64 {
	t.Helper()
	list, _, err := AttachedAll()
	if err != nil || len(list) != 1 || list[0].Dev != dev || list[0].Mode != "native" || list[0].Packets == nil || list[0].CountedBy != "the driver of "+dev {
		t.Fatalf("%+v, %v: want one program that is counted", list, err)
	}
	return *list[0].Packets
}

func cmpPlace(a facts.Attached) int {
	return slices.Index([]string{"xdp ingress", "tc ingress", "tc egress", "tcx ingress"}, a.Hook+" "+a.Direction)
}

func attachTCX(t *testing.T, ifindex, fd int) {
	t.Helper()
	type attach struct {
		ifindex, program, kind, flags uint32
		_                             [32]byte
	}
	a := &attach{ifindex: uint32(ifindex), program: uint32(fd), kind: unix.BPF_TCX_INGRESS}
	if _, err := bpf(unix.BPF_PROG_ATTACH, unsafe.Pointer(a), unsafe.Sizeof(*a)); err != nil {
		netnstest.Lacking(t, "no tcx here: %v", err)
	}
}

func TestSumXDPDrops(t *testing.T) {
	for _, tt := range []struct {
		name     string
		counters map[string]uint64
		sum      uint64
		found    bool
	}{
		{"each queue", map[string]uint64{"rx_queue_0_xdp_drops": 3, "rx_queue_1_xdp_drops": 4, "rx_queue_0_drops": 9}, 7, true},
		{"all, and each", map[string]uint64{"rx_xdp_drop": 7, "rx0_xdp_drop": 3, "rx1_xdp_drop": 4}, 7, true},
		{"none", map[string]uint64{"rx_dropped": 9}, 0, false},
	} {
		if sum, found := sumXDPDrops(tt.counters); sum != tt.sum || found != tt.found {
			t.Errorf("%s: %d, %t", tt.name, sum, found)
		}
	}
}
