package netsys

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// What filters and their actions say of themselves (include/uapi/linux/pkt_cls.h,
// gact, mirred: tc_act/*.h), as far as it is read here.
const (
	tcaBPFName, tcaBPFFlags, tcaBPFID = 7, 8, 11
	bpfDirect                         = 1 // TCA_BPF_FLAG_ACT_DIRECT
	tcaU32Link, tcaU32Sel             = 3, 5
	tcaU32Indev, tcaU32Mark           = 8, 10
	tcaU32Flags, skipSoftware         = 11, 1 << 1 // TCA_CLS_FLAGS_SKIP_SW
	u32Root                           = 0x800
	tcaActParms                       = 2 // of gact, mirred and police alike in place
	tcActShot                         = 2
	tcActStolen                       = 4
	tcActTrap                         = 8
	mirredEgressRedir                 = 1
	mirredIngressRedir                = 3
	sizeofTCGen                       = 20
	maxActions                        = 32 // TCA_ACT_MAX_PRIO
	sizeofU32Sel, sizeofU32Key        = 16, 16
)

// tcDrop is what facts.Attached.Takes has of an action that drops.
const tcDrop = "drop"

// actsOf is where filters of each kind have their actions.
var actsOf = map[string]uint16{"u32": 7, "bpf": 1, "flower": 3, "matchall": 2, "basic": 3, "fw": 4, "flow": 9, "route": 6, "cgroup": 1}

// parseTCFilter makes a fact of one RTM_NEWTFILTER; false for what is no filter: the
// heads of filters' chains and of hash tables.
func parseTCFilter(message []byte, devices map[int]device) (facts.Attached, bool) {
	if len(message) < nl.SizeofTcMsg {
		return facts.Attached{}, false
	}
	header := nl.DeserializeTcMsg(message)
	as := attributesOf(message, nl.SizeofTcMsg)
	options := as.nest(unix.TCA_OPTIONS)
	f := facts.Attached{Hook: facts.TC, Kind: as.text(unix.TCA_KIND), Pref: uint16(header.Info >> 16)}
	if options == nil || header.Handle == 0 {
		return facts.Attached{}, false
	}
	match := &facts.Match{}
	switch f.Kind {
	case "u32":
		if len(options[tcaU32Sel]) < sizeofU32Sel {
			return facts.Attached{}, false
		}
		f.Handle = fmt.Sprintf("%x:%s:%x", header.Handle>>20, hexOrNone(header.Handle>>12&0xff), header.Handle&0xfff)
		match = u32Match(options[tcaU32Sel], ethertype(header.Info))
		match.Others = append(match.Others, u32Others(options, header.Handle>>20)...)
	case "bpf":
		f.Handle = fmt.Sprintf("0x%x", header.Handle)
		f.ID, f.Program = options.u32(tcaBPFID), options.text(tcaBPFName)
		f.Decides = options.u32(tcaBPFFlags)&bpfDirect != 0
		match.Others = []string{"what its program looks at"}
	default:
		f.Handle = fmt.Sprintf("0x%x", header.Handle)
		if f.Kind != "matchall" {
			match.Others = []string{"what " + f.Kind + " looks at"}
		}
	}
	switch protocol := ethertype(header.Info); protocol {
	case unix.ETH_P_ALL:
		f.Protocol = "all"
	case unix.ETH_P_IP:
		f.Protocol, match.Family = "ip", "ip"
	case unix.ETH_P_IPV6:
		f.Protocol, match.Family = "ipv6", "ip6"
	default:
		f.Protocol = fmt.Sprintf("0x%04x", protocol)
		match.Others = append(match.Others, "ethertype "+f.Protocol)
	}
	if chain := as.u32(unix.TCA_CHAIN); chain != 0 {
		f.Protocol = ""
		match.Others = append(match.Others, fmt.Sprintf("what leads to chain %d", chain))
	}
	f.Match = match
	addActions(&f, options.nest(actsOf[f.Kind]), devices)
	return f, true
}

// ethertype is the protocol of a filter, in network byte order in the lower half of info.
func ethertype(info uint32) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], uint16(info))
	return binary.BigEndian.Uint16(b[:])
}

func hexOrNone(n uint32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%x", n)
}

// addActions adds those actions of a filter that take packets, and their counter.
func addActions(f *facts.Attached, acts attributes, devices map[int]device) {
	for i := range uint16(maxActions + 1) {
		act := acts.nest(i)
		parms := act.nest(nl.TCA_ACT_OPTIONS)[tcaActParms]
		takes := ""
		switch kind := act.text(nl.TCA_ACT_KIND); {
		case kind == "gact" && len(parms) >= sizeofTCGen:
			switch binary.NativeEndian.Uint32(parms[8:]) {
			case tcActShot:
				takes = tcDrop
			case tcActStolen, tcActTrap:
				takes = "steal"
			}
		case kind == "mirred" && len(parms) >= sizeofTCGen+8:
			how := binary.NativeEndian.Uint32(parms[sizeofTCGen:])
			to := devices[int(int32(binary.NativeEndian.Uint32(parms[sizeofTCGen+4:])))]
			// An ifb device gives back what it is given: that is how what comes from a pod
			// is shaped, by the bandwidth plugin for one.
			if (how == mirredEgressRedir || how == mirredIngressRedir) && to.kind != "ifb" {
				takes = "redirect to " + orUnknown(to.name)
				if to.kind != "" {
					takes += " (" + to.kind + ")"
				}
			}
		case kind == "police":
			takes = facts.Police
		}
		if takes == "" {
			continue
		}
		f.Takes = append(f.Takes, takes)
		if basic := act.nest(nl.TCA_ACT_STATS)[nl.TCA_STATS_BASIC]; len(basic) >= 12 && takes != facts.Police {
			f.Packets, f.CountedBy = new(uint64(binary.NativeEndian.Uint32(basic[8:]))), "its action"
		}
	}
}

func orUnknown(name string) string {
	if name == "" {
		return "a device that is not there"
	}
	return name
}

// u32Match is what a filter u32 asks for, by its keys: words at an offset of the network
// header. Those of an IPv4 header without options are understood, as tc(8) writes them.
func u32Match(sel []byte, protocol uint16) *facts.Match {
	m := &facts.Match{}
	const terminal = 1
	offsets := binary.BigEndian.Uint32(sel[4:]) != 0 || sel[1] != 0
	if sel[0]&terminal == 0 || offsets {
		m.Others = append(m.Others, "u32 with a way on")
	}
	for i := range int(sel[2]) {
		at := sizeofU32Sel + i*sizeofU32Key
		if at+sizeofU32Key > len(sel) {
			m.Others = append(m.Others, "u32 keys that are cut off")
			break
		}
		key := sel[at : at+sizeofU32Key]
		mask, value := binary.BigEndian.Uint32(key), binary.BigEndian.Uint32(key[4:])
		off, moving := int32(binary.NativeEndian.Uint32(key[8:])), binary.NativeEndian.Uint32(key[12:]) != 0
		if mask == 0 {
			continue // any
		}
		if protocol != unix.ETH_P_IP || moving || !u32Key(m, off, mask, value) {
			m.Others = append(m.Others, fmt.Sprintf("u32 %08x/%08x at %d", value, mask, off))
		}
	}
	return m
}

// u32Others are what a filter u32 asks beside its keys, or is asked before it: a root table of
// another priority than the first is not told from one to which others lead.
func u32Others(options attributes, table uint32) (others []string) {
	if table != u32Root {
		others = append(others, fmt.Sprintf("what leads to hash table %x", table))
	}
	for _, more := range []struct {
		attribute uint16
		name      string
	}{{tcaU32Link, "u32 link"}, {tcaU32Indev, "u32 indev"}, {tcaU32Mark, "u32 mark"}} {
		if options[more.attribute] != nil {
			others = append(others, more.name)
		}
	}
	if options.u32(tcaU32Flags)&skipSoftware != 0 {
		others = append(others, "skip_sw")
	}
	return others
}

// u32Key takes over one key of an IPv4 header, false when it is not understood.
func u32Key(m *facts.Match, off int32, mask, value uint32) bool {
	const src, dst, protocolAt, ports = 12, 16, 8, 20
	switch {
	case (off == src || off == dst) && bits.LeadingZeros32(^mask)+bits.TrailingZeros32(mask) == 32:
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], value)
		prefix := netip.PrefixFrom(netip.AddrFrom4(b), bits.OnesCount32(mask)).String()
		if off == src {
			m.Src = prefix
		} else {
			m.Dst = prefix
		}
	case off == protocolAt && mask == 0x00ff0000:
		m.Protocol = protocolName(byte(value >> 16))
	case off == ports && mask == 0xffff0000:
		m.SrcPort = facts.Ports{First: uint16(value >> 16), Last: uint16(value >> 16)}
	case off == ports && mask == 0xffff:
		m.DstPort = facts.Ports{First: uint16(value), Last: uint16(value)}
	default:
		return false
	}
	return true
}
