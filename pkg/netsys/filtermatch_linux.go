package netsys

import (
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
	nftaPayloadDestination, nftaPayloadBase, nftaPayloadOffset = 1, 2, 3
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
	meta         bool
	key          uint32 // of meta, else the payload's base
	offset       int
	mask         []byte // nil for all of it
	unrecognised bool
}

// matcher follows the expressions of one rule.
type matcher struct {
	match     facts.Match
	registers map[uint32]loaded
	v6        bool
}

func newMatcher(family string) *matcher {
	return &matcher{registers: map[uint32]loaded{}, v6: family == "ip6"}
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
		m.registers[data.be32(nftaMetaDestination)] = loaded{meta: true, key: data.be32(nftaMetaKey)}
	case "payload":
		m.registers[data.be32(nftaPayloadDestination)] = loaded{key: data.be32(nftaPayloadBase), offset: int(data.be32(nftaPayloadOffset) & 0xffff)}
	case "bitwise":
		m.bitwise(data)
	case "cmp":
		m.compare(data)
	case "match":
		switch what := data.text(nftaMatchName); what {
		case "comment":
		case "tcp", "udp":
			xtPorts(&m.match, what, data[nftaMatchInfo])
		default:
			m.other("-m " + what)
		}
	case "counter", "log": // they ask for nothing
	default: // it may have written to any register
		clear(m.registers)
		m.other(name)
	}
}

func (m *matcher) bitwise(data attributes) {
	from, known := m.registers[data.be32(nftaBitwiseSource)]
	mask := data.nest(nftaBitwiseMask)[nftaDataValue]
	xor := data.nest(nftaBitwiseXor)[nftaDataValue]
	if !known || len(mask) == 0 || from.mask != nil || strings.Trim(string(xor), "\x00") != "" {
		from = loaded{unrecognised: true}
	}
	from.mask = mask
	m.registers[data.be32(nftaBitwiseDestination)] = from
}

// compare is where a rule asks: the register is, or is not, the value.
func (m *matcher) compare(data attributes) {
	from, known := m.registers[data.be32(nftaCmpSource)]
	value, op := data.nest(nftaCmpData)[nftaDataValue], data.be32(nftaCmpOp)
	switch {
	case known && from.isPort() && len(value) == 2 && (op == nftCmpAtMost || op == nftCmpAtLeast):
		m.bound(from, op, binary.BigEndian.Uint16(value))
	case !known || from.unrecognised || len(value) == 0 || op != nftCmpEqual:
		m.other("cmp")
	case from.meta:
		m.compareMeta(from, value)
	default:
		m.comparePayload(from, value)
	}
}

func (l loaded) isPort() bool {
	return !l.meta && !l.unrecognised && l.key == nftTransport && (l.offset == 0 || l.offset == 2) && l.mask == nil
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
