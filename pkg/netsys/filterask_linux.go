package netsys

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

const (
	nftaLookupSet, nftaLookupSource        = 1, 2
	nftaLookupDestination                  = 3
	nftaLookupFlags                        = 5
	nftLookupInverted                      = 1
	nftaRangeSource, nftaRangeOp           = 1, 2
	nftaRangeFrom, nftaRangeTo             = 3, 4
	nftCmpNotEqual                         = 1
	nftaConntrackDestination               = 1
	nftaConntrackKey                       = 2
	nftConntrackState                      = 0
	tcpFlagsAt                             = 13
	registerWords                          = 8 // NFT_REG32_00
	wordSize                               = 4
	maxAmong                               = 16 // of a set is told as it is, if it is no larger
	maxAmongOurs                           = 64
	maxDemands                             = 8
	stateInvalid, stateUntracked    uint32 = 1, 64
)

// stateNames are the bits of connection tracking's states, NF_CT_STATE_BIT.
var stateNames = map[uint32]string{stateInvalid: "invalid", 2: "established", 4: "related", 8: "new", stateUntracked: "untracked"}

// statesOf are the names of those in a mask; ok when it has no others.
func statesOf(mask uint32) (names []string, ok bool) {
	for bit := uint32(1); bit <= stateUntracked; bit <<= 1 {
		if name := stateNames[bit]; name != "" && mask&bit != 0 {
			names, mask = append(names, name), mask&^bit
		}
	}
	return names, mask == 0 && len(names) > 0
}

// field names what a register holds of a packet as facts.Demand does, if that is all of
// it; "device" is the one that it came by, "family" that of its addresses.
func (m *matcher) field(l loaded) string {
	addr, source, protocol := 4, 12, 9 // struct iphdr
	if m.v6 {
		addr, source, protocol = 16, 8, 6
	}
	switch {
	case l.unrecognised || l.mask != nil:
	case l.conntrack && l.key == nftConntrackState:
		return "state"
	case l.conntrack:
	case l.meta && l.key == nftMetaL4proto, !l.meta && l.key == nftNetwork && l.offset == protocol && l.size == 1:
		return "protocol"
	case l.meta && l.key == nftMetaIifname:
		return "device"
	case l.meta && (l.key == nftMetaNfproto || l.key == nftMetaProtocol):
		return "family"
	case l.meta:
	case l.key == nftNetwork && l.offset == source && l.size == addr:
		return "saddr"
	case l.key == nftNetwork && l.offset == source+addr && l.size == addr:
		return "daddr"
	case l.key == nftTransport && l.offset == 0 && l.size == 2:
		return "sport"
	case l.key == nftTransport && l.offset == 2 && l.size == 2:
		return "dport"
	case l.key == nftTransport && l.offset == tcpFlagsAt && l.size == 1:
		return "flags"
	}
	return ""
}

// span writes what of a field is between two values.
func span(of string, low, high []byte) (string, bool) {
	same := bytes.Equal(low, high)
	switch of {
	case "saddr", "daddr":
		from, ok := netip.AddrFromSlice(low)
		to, _ := netip.AddrFromSlice(high)
		for bits := range from.BitLen() + 1 {
			if p, _ := from.Prefix(bits); p.Addr() == from && lastOf(p) == to {
				return p.String(), ok
			}
		}
		return from.String() + "-" + to.String(), ok && to.IsValid()
	case "sport", "dport":
		if len(low) != 2 || len(high) != 2 {
			return "", false
		}
		return facts.Ports{First: binary.BigEndian.Uint16(low), Last: binary.BigEndian.Uint16(high)}.String(), true
	case "protocol":
		return protocolName(low[0]), same
	case "state":
		if names, ok := statesOf(nativeWord(low)); ok && len(names) == 1 {
			return names[0], same
		}
	case "flags":
		return facts.FlagText(low[0]) + " / " + facts.FlagText(0xff), same
	}
	return "", false
}

func nativeWord(b []byte) uint32 {
	if len(b) < wordSize {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// lastOf is the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

func demand(m *facts.Match, d facts.Demand, what string) {
	if len(m.Demands) == maxDemands {
		addOther(m, what)
		return
	}
	m.Demands = append(m.Demands, d)
}
