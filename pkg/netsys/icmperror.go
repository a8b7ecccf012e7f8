package netsys

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ICMPError is an ICMP error that came back for a packet, or what this kernel itself
// says instead of sending one, as the socket's error queue tells it (ip(7),
// IP_RECVERR; ipv6(7), IPV6_RECVERR).
type ICMPError struct {
	// Errno is what the kernel makes of it: ECONNREFUSED, EHOSTUNREACH, EMSGSIZE ...
	Errno syscall.Errno
	// Type and Code are of the ICMP or ICMPv6 header, 0 when Local.
	Type, Code int
	V6         bool
	// From is who sent the error; when a neighbour does not resolve that is an
	// address of this very host. Invalid when not known.
	From netip.Addr
	// Local says that no ICMP packet was involved: this kernel refused to send.
	Local bool
	// MTU is the next hop's MTU, in bytes, of a "fragmentation needed" or "packet
	// too big", 0 otherwise (or from routers older than RFC 1191).
	MTU int
}

// The ICMP types and codes that are told apart (RFC 792, RFC 1812, RFC 4443).
const (
	v4Unreachable, v6Unreachable    = 3, 1
	v4FragNeeded                    = 4 // code of v4Unreachable
	v6TooBig                        = 2 // type
	v4PortUnreach, v6PortUnreach    = 3, 4
	v4TimeExceeded, v6TimeExceeded2 = 11, 3
)

var unreachableNames = map[bool]map[int]string{
	false: {
		0: "network unreachable", 1: "host unreachable", 2: "protocol unreachable", 3: "port unreachable",
		4: "fragmentation needed", 9: "network administratively prohibited", 10: "host administratively prohibited",
		13: "communication administratively prohibited",
	},
	true: {
		0: "no route", 1: "administratively prohibited", 2: "beyond the scope of the source address",
		3: "address unreachable", 4: "port unreachable", 5: "source address refused", 6: "route rejected",
	},
}

// Error says what was received and from whom.
func (e *ICMPError) Error() string {
	if e.Local {
		if e.MTU > 0 {
			return fmt.Sprintf("%v (this kernel's limit is %d bytes)", e.Errno, e.MTU)
		}
		return e.Errno.Error()
	}
	return fmt.Sprintf("ICMP %s from %s", e.what(), e.From)
}

func (e *ICMPError) what() string {
	switch {
	case e.TooBig():
		name := "fragmentation needed"
		if e.V6 {
			name = "packet too big"
		}
		return fmt.Sprintf("%s (MTU %d)", name, e.MTU)
	case e.unreachable():
		if name, known := unreachableNames[e.V6][e.Code]; known {
			return name
		}
		return fmt.Sprintf("destination unreachable, code %d", e.Code)
	case !e.V6 && e.Type == v4TimeExceeded, e.V6 && e.Type == v6TimeExceeded2:
		return "time exceeded"
	}
	return fmt.Sprintf("type %d code %d", e.Type, e.Code)
}

func (e *ICMPError) unreachable() bool {
	return !e.Local && (!e.V6 && e.Type == v4Unreachable || e.V6 && e.Type == v6Unreachable)
}

// Unwrap gives the errno, so that errors.Is(err, syscall.EHOSTUNREACH) works.
func (e *ICMPError) Unwrap() error { return e.Errno }

// TooBig reports whether the packet was too large for a link on its way, or for this
// kernel's own.
func (e *ICMPError) TooBig() bool {
	switch {
	case e.Local:
		return e.Errno == syscall.EMSGSIZE
	case e.V6:
		return e.Type == v6TooBig
	}
	return e.Type == v4Unreachable && e.Code == v4FragNeeded
}

// PortUnreachable reports whether somebody said that nothing listens on the port.
func (e *ICMPError) PortUnreachable() bool {
	return e.unreachable() && e.Code == map[bool]int{false: v4PortUnreach, true: v6PortUnreach}[e.V6]
}

// asICMP finds an ICMPError in err, nil without one.
func asICMP(err error) *ICMPError {
	var icmp *ICMPError
	if errors.As(err, &icmp) {
		return icmp
	}
	return nil
}
