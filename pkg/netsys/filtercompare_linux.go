package netsys

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func (m *matcher) bitwise(data attributes) {
	from, known := m.registers[slot(data.be32(nftaBitwiseSource))]
	mask := data.nest(nftaBitwiseMask)[nftaDataValue]
	xor := data.nest(nftaBitwiseXor)[nftaDataValue]
	if !known || len(mask) == 0 || from.mask != nil || strings.Trim(string(xor), "\x00") != "" {
		from.unrecognised = true
	}
	from.mask = mask
	to := slot(data.be32(nftaBitwiseDestination))
	if to != slot(data.be32(nftaBitwiseSource)) {
		clear(m.registers)
	}
	m.registers[to] = from
}

// compare is where a rule asks: the register is, or is not, the value.
func (m *matcher) compare(data attributes) {
	from, known := m.registers[slot(data.be32(nftaCmpSource))]
	value, op := data.nest(nftaCmpData)[nftaDataValue], data.be32(nftaCmpOp)
	ordered := op == nftCmpAtMost || op == nftCmpAtLeast
	switch of := m.field(from); {
	case known && from.isPort() && len(value) == 2 && ordered:
		m.bound(from, op, binary.BigEndian.Uint16(value))
	case !known || from.unrecognised || len(value) == 0:
		m.other("cmp")
	case (of == "saddr" || of == "daddr") && ordered && len(value) == from.size:
		m.boundAddress(of, from, op, value)
	case from.mask != nil && m.compareMasked(from, op, value):
	case op == nftCmpNotEqual && from.mask == nil, op == nftCmpEqual && (of == "state" || of == "flags"):
		m.between(from, value, value, op == nftCmpNotEqual, "cmp")
	case op != nftCmpEqual || from.conntrack:
		m.other("cmp")
	case from.meta:
		m.compareMeta(from, value)
	default:
		m.comparePayload(from, value)
	}
}

// boundAddress is one end of a range of addresses.
func (m *matcher) boundAddress(of string, from loaded, op uint32, value []byte) {
	low, open := m.lows[of]
	switch {
	case op == nftCmpAtLeast && !open:
		m.lows[of] = lowEnd{from, value}
	case op == nftCmpAtMost && open:
		delete(m.lows, of)
		m.between(from, low.value, value, false, "cmp")
	case op == nftCmpAtMost:
		m.between(from, make([]byte, len(value)), value, false, "cmp")
	default:
		m.other("cmp")
	}
}

func (l loaded) isPort() bool {
	return !l.meta && !l.conntrack && !l.unrecognised && l.key == nftTransport && (l.offset == 0 || l.offset == 2) && l.mask == nil
}

// bound is one end of a range of ports: nft(8) asks for each of them by itself.
func (m *matcher) bound(from loaded, op uint32, port uint16) {
	into := m.ports(from.offset)
	ports := *into
	if ports.Any() {
		ports.Last = 1<<16 - 1
	}
	if op == nftCmpAtLeast {
		ports.First = port
	} else {
		ports.Last = port
	}
	setPorts(&m.match, into, ports)
}

// ports are those at an offset of the transport's header.
func (m *matcher) ports(offset int) *facts.Ports {
	if offset == 0 {
		return &m.match.SrcPort
	}
	return &m.match.DstPort
}

// setPorts takes in ports that a rule asks for. Port 0 alone would read as any.
func setPorts(m *facts.Match, into *facts.Ports, asked facts.Ports) {
	if asked == (facts.Ports{}) {
		addOther(m, "port 0")
	}
	*into = asked
}

// between is where a rule asks for all from one value to another, or for all others.
func (m *matcher) between(from loaded, low, high []byte, not bool, what string) {
	of := m.field(from)
	text, ok := "", false
	if of != "" && len(low) == from.size && len(high) == from.size {
		text, ok = span(of, low, high)
	}
	if !ok {
		m.other(what)
		return
	}
	if of == "saddr" || of == "daddr" {
		m.family(m.v6)
	}
	demand(&m.match, facts.Demand{Of: []string{of}, Not: not, Among: []string{text}}, what)
}

// compareMasked is where a rule asks for states or flags: a few bits, whether one of them
// is there, or which.
func (m *matcher) compareMasked(from loaded, op uint32, value []byte) bool {
	bare := from
	bare.mask = nil
	not := op == nftCmpNotEqual
	if !not && op != nftCmpEqual || len(from.mask) != len(value) || len(value) != from.size {
		return false
	}
	switch m.field(bare) {
	case "state":
		names, ok := statesOf(nativeWord(from.mask))
		if !ok || nativeWord(value) != 0 {
			return false
		}
		demand(&m.match, facts.Demand{Of: []string{"state"}, Not: !not, Among: names}, "ct")
		return true
	case "flags":
		demand(&m.match, facts.Demand{Of: []string{"flags"}, Not: not, Among: []string{facts.FlagText(value[0]) + " / " + facts.FlagText(from.mask[0])}}, "tcp flags")
		return true
	case "saddr", "daddr":
		if length, ok := maskLength(from.mask); ok && not {
			addr, _ := netip.AddrFromSlice(value)
			p, err := addr.Prefix(length)
			if err != nil {
				return false
			}
			m.family(m.v6)
			demand(&m.match, facts.Demand{Of: []string{m.field(bare)}, Not: true, Among: []string{p.String()}}, "cmp")
			return true
		}
	}
	return false
}

// ranged is nft's own expression for a range, which newer ones use for all but it.
func (m *matcher) ranged(data attributes) {
	from, known := m.registers[slot(data.be32(nftaRangeSource))]
	low, high := data.nest(nftaRangeFrom)[nftaDataValue], data.nest(nftaRangeTo)[nftaDataValue]
	if !known || from.mask != nil {
		m.other("range")
		return
	}
	m.between(from, low, high, data.be32(nftaRangeOp) == nftCmpNotEqual, "range")
}
