package netsys

import (
	"encoding/binary"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// attributes are those of one netlink message or nest, by type without its flags. A
// type that is there twice counts once. What is missing or too short reads as zero: the
// numbers come from a kernel that may be newer or older than this program.
type attributes map[uint16][]byte

// attributesOf parses what begins after a header of skip bytes; nil when there is none or they
// are malformed.
func attributesOf(b []byte, skip int) attributes {
	if len(b) < skip {
		return nil
	}
	list, err := attributeList(b[skip:])
	if err != nil || len(list) == 0 {
		return nil
	}
	as := make(attributes, len(list))
	for _, a := range list {
		as[a.Attr.Type&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER)] = a.Value
	}
	return as
}

// attributeList parses attributes that follow one another. The library takes for granted
// that the last one is padded, and panics when it is not.
func attributeList(b []byte) ([]syscall.NetlinkRouteAttr, error) {
	if rest := len(b) % unix.RTA_ALIGNTO; rest > 0 {
		b = append(b[:len(b):len(b)], make([]byte, unix.RTA_ALIGNTO-rest)...)
	}
	return nl.ParseRouteAttr(b)
}

func (as attributes) nest(t uint16) attributes { return attributesOf(as[t], 0) }

// text is a string, which the kernel ends with a zero byte.
func (as attributes) text(t uint16) string {
	text, _, _ := strings.Cut(string(as[t]), "\x00")
	return text
}

func (as attributes) u8(t uint16) uint8 {
	if v := as[t]; len(v) >= 1 {
		return v[0]
	}
	return 0
}

// u32 is a number in the machine's byte order, as rtnetlink has them.
func (as attributes) u32(t uint16) uint32 {
	if v := as[t]; len(v) >= 4 {
		return binary.NativeEndian.Uint32(v)
	}
	return 0
}

// be16, be32 and be64 are numbers in network byte order, as nfnetlink has them.
func (as attributes) be16(t uint16) uint16 {
	if v := as[t]; len(v) >= 2 {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (as attributes) be32(t uint16) uint32 {
	if v := as[t]; len(v) >= 4 {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (as attributes) be64(t uint16) uint64 {
	if v := as[t]; len(v) >= 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

// dumpRaw is dump of raw messages, those of type reply only.
func dumpRaw(protocol int, request func() *nl.NetlinkRequest, reply uint16) ([][]byte, error) {
	return dump(func() ([][]byte, error) { return request().Execute(protocol, reply) })
}
