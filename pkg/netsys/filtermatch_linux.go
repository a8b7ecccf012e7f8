package netsys

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Of include/uapi/linux/netfilter/nf_tables.h: the expressions that ask for something.
const (
	nftaMatchName                                              = 1
	nftaMatchInfo                                              = 3
	nftaMetaDestination, nftaMetaKey                           = 1, 2
	nftaCmpSource, nftaCmpOp, nftaCmpData                      = 1, 2, 3
	nftaMatchRevision                                          = 2
	nftaPayloadDestination, nftaPayloadBase, nftaPayloadOffset = 1, 2, 3
	nftaPayloadLength                                          = 4
	nftaByteorderSource, nftaByteorderDestination              = 1, 2
	nftaBitwiseSource, nftaBitwiseDestination, nftaBitwiseMask = 1, 2, 4
	nftaBitwiseXor                                             = 5
	nftaDataValue                                              = 1
	nftCmpEqual, nftCmpAtMost, nftCmpAtLeast                   = 0, 3, 5
	nftMetaProtocol, nftMetaIifname, nftMetaOifname            = 1, 6, 7
	nftMetaNfproto, nftMetaL4proto                             = 15, 16
	nftLink, nftNetwork, nftTransport                          = 0, 1, 2
	etherTypeAt                                                = 12
	interfaceName                                              = 16 // IFNAMSIZ
)

// maxOthers bounds what is kept of conditions that are not understood.
const maxOthers = 8

// protocolNames are those of /etc/protocols that filters ask for.
var protocolNames = map[byte]string{
	unix.IPPROTO_ICMP: "icmp", unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp", unix.IPPROTO_ICMPV6: "ipv6-icmp", unix.IPPROTO_SCTP: "sctp",
}

func protocolName(number byte) string {
	if name, known := protocolNames[number]; known {
		return name
	}
	return strconv.Itoa(int(number))
}

// loaded is what a register of the rule's small machine holds.
type loaded struct {
	meta, conntrack bool
	key             uint32 // of those, else the payload's base
	offset, size    int
	mask            []byte // nil for all of it
	unrecognised    bool
}

// matcher follows the expressions of one rule.
type matcher struct {
	table chainKey // of the rule
	sets  filterSets
	about []netip.Addr // of what a large set holds is of interest
	match facts.Match
	// outcomes are those of a verdict map.
	outcomes  []outcome
	registers map[uint32]loaded
	lows      map[string]lowEnd
	v6        bool
	asked     int // how many conditions there were
}

// lowEnd is the begin of a range of addresses, which ends with another expression.
type lowEnd struct {
	from  loaded
	value []byte
}

func newMatcher(table chainKey, sets filterSets, about []netip.Addr) *matcher {
	return &matcher{table: table, sets: sets, about: about, registers: map[uint32]loaded{}, lows: map[string]lowEnd{}, v6: table.family == "ip6"}
}

// finish takes in what only begins.
func (m *matcher) finish() {
	for _, of := range []string{"saddr", "daddr"} {
		if low, open := m.lows[of]; open {
			m.between(low.from, low.value, bytes.Repeat([]byte{0xff}, len(low.value)), false, "cmp")
		}
	}
}

// family takes in that the rule asks for addresses of one.
func (m *matcher) family(v6 bool) {
	m.v6, m.match.Family = v6, "ip"
	if v6 {
		m.match.Family = "ip6"
	}
}

func (m *matcher) other(what string) { addOther(&m.match, what) }

func addOther(m *facts.Match, what string) {
	if len(m.Others) < maxOthers {
		m.Others = append(m.Others, what)
	}
}

// expression takes in one that is not a verdict.
func (m *matcher) expression(name string, data attributes) {
	switch name {
	case "meta":
		m.load(data.be32(nftaMetaDestination), loaded{meta: true, key: data.be32(nftaMetaKey)})
	case "payload":
		m.load(data.be32(nftaPayloadDestination), loaded{key: data.be32(nftaPayloadBase), offset: int(data.be32(nftaPayloadOffset) & 0xffff), size: int(data.be32(nftaPayloadLength) & 0xff)})
	case "bitwise":
		m.bitwise(data)
	case "counter", "log": // they ask for nothing
	case "byteorder":
		l, known := m.registers[slot(data.be32(nftaByteorderSource))]
		if !known || l.size != 1 || data.be32(nftaByteorderSource) != data.be32(nftaByteorderDestination) {
			m.condition(name, data)
		} // else of one byte, as nft has it in concatenations: nothing changes
	default:
		m.condition(name, data)
	}
}

// condition takes in an expression that asks for something.
func (m *matcher) condition(name string, data attributes) {
	m.asked++
	switch name {
	case "cmp":
		m.compare(data)
	case "range":
		m.ranged(data)
	case "lookup":
		m.lookup(data)
	case "match":
		xtMatch(&m.match, data.text(nftaMatchName), data.be32(nftaMatchRevision), m.v6, data[nftaMatchInfo])
	case "ct":
		if data[nftaConntrackDestination] != nil && data.be32(nftaConntrackKey) == nftConntrackState {
			m.asked--
			m.load(data.be32(nftaConntrackDestination), loaded{conntrack: true, key: nftConntrackState})
			return
		}
		fallthrough
	default: // it may have written to any register
		clear(m.registers)
		m.other(name)
	}
}

// load takes in what a register holds from now on, and no longer.
func (m *matcher) load(register uint32, l loaded) {
	switch {
	case l.conntrack:
		l.size = wordSize
	case l.meta && (l.key == nftMetaIifname || l.key == nftMetaOifname):
		l.size = interfaceName
	case l.meta && (l.key == nftMetaL4proto || l.key == nftMetaNfproto):
		l.size = 1
	case l.meta && l.key == nftMetaProtocol:
		l.size = 2
	case l.meta:
		l.size = wordSize
	}
	at := slot(register)
	end := at + uint32(max(1, (l.size+wordSize-1)/wordSize))
	for other, held := range m.registers {
		if other < end && at < other+uint32(max(1, (held.size+wordSize-1)/wordSize)) {
			delete(m.registers, other)
		}
	}
	m.registers[at] = l
}

func (m *matcher) compareMeta(from loaded, value []byte) {
	switch {
	case from.mask != nil:
		m.other("meta")
	case from.key == nftMetaIifname:
		m.match.In = deviceName(value)
	case from.key == nftMetaOifname:
		m.match.Out = deviceName(value)
	case from.key == nftMetaL4proto:
		m.match.Protocol = protocolName(value[0])
	case from.key == nftMetaNfproto && (value[0] == unix.AF_INET || value[0] == unix.AF_INET6):
		m.family(value[0] == unix.AF_INET6)
	case from.key == nftMetaProtocol:
		m.etherType(value)
	default:
		m.other("meta")
	}
}

func (m *matcher) etherType(value []byte) {
	switch {
	case len(value) == 2 && binary.BigEndian.Uint16(value) == unix.ETH_P_IP:
		m.family(false)
	case len(value) == 2 && binary.BigEndian.Uint16(value) == unix.ETH_P_IPV6:
		m.family(true)
	default:
		m.other("ether type")
	}
}

// deviceName is an interface's; what does not fill the field and is not ended by a zero
// byte is how several begin.
func deviceName(value []byte) string {
	name, _, ended := strings.Cut(string(value), "\x00")
	if !ended && len(value) < interfaceName {
		name += "*"
	}
	return name
}

// comparePayload splits what is compared into fields of headers: nft compares those that
// follow one another at once.
func (m *matcher) comparePayload(from loaded, value []byte) {
	if from.mask != nil && len(from.mask) != len(value) {
		m.other("payload")
		return
	}
	addr, source, protocol := 4, 12, 9 // struct iphdr
	if m.v6 {
		addr, source, protocol = 16, 8, 6
	}
	for at := 0; at < len(value); {
		offset, rest := from.offset+at, value[at:]
		var mask []byte
		if from.mask != nil {
			mask = from.mask[at:]
		}
		switch {
		case from.key == nftLink && offset == etherTypeAt && len(rest) == 2 && mask == nil:
			m.etherType(rest)
			return
		case from.key == nftNetwork && offset == protocol && len(rest) == 1 && mask == nil:
			m.match.Protocol = protocolName(rest[0])
			return
		case from.key == nftNetwork && (offset == source || offset == source+addr):
			prefix, ok := prefixOf(rest[:min(addr, len(rest))], mask, addr)
			if !ok {
				m.other("payload")
				return
			}
			m.family(m.v6)
			if offset == source {
				m.match.Src = prefix
			} else {
				m.match.Dst = prefix
			}
			at += addr
		case from.key == nftTransport && (offset == 0 || offset == 2) && len(rest) >= 2 && mask == nil:
			port := binary.BigEndian.Uint16(rest)
			setPorts(&m.match, m.ports(offset), facts.Ports{First: port, Last: port})
			at += 2
		default:
			m.other("payload")
			return
		}
	}
}

// prefixOf is the network that an address of so many bytes, of which the first are
// given, must be in.
func prefixOf(value, mask []byte, size int) (string, bool) {
	full := make([]byte, size)
	copy(full, value)
	length := 8 * len(value)
	if mask != nil {
		var ok bool
		if length, ok = maskLength(mask[:min(len(mask), size)]); !ok {
			return "", false
		}
	}
	addr, _ := netip.AddrFromSlice(full)
	p, err := addr.Prefix(length)
	return p.String(), err == nil
}

// maskLength is how many ones a netmask begins with; ok when nothing but zeros follows.
func maskLength(mask []byte) (length int, ok bool) {
	for i, b := range mask {
		ones := bits.LeadingZeros8(^b)
		length += ones
		if ones == 8 {
			continue
		}
		if b<<ones != 0 || strings.Trim(string(mask[i+1:]), "\x00") != "" {
			return 0, false
		}
		break
	}
	return length, true
}
