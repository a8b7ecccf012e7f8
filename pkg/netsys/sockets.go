package netsys

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Socket is a TCP socket of this network namespace, as sock_diag(7) tells of it.
type Socket struct {
	State         string // "time-wait", as ss(8) has them
	Local, Remote netip.AddrPort
	// Of a socket that listens, RQueue is how many connections wait to be accepted, and
	// WQueue how many may (sk_ack_backlog and sk_max_ack_backlog; net/ipv4/tcp_diag.c,
	// tcp_diag_get_info).
	RQueue, WQueue uint32
	// Cookie tells a socket from all others of this boot: with SO_REUSEPORT many listen at
	// one address, each with a queue of its own (net/core/sock_diag.c, sock_diag_save_cookie).
	Cookie uint64
}

// The states of include/net/tcp_states.h, by number; 12 is told as syn-recv.
var socketStates = []string{
	"", "established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait", "close", "close-wait", "last-ack", "listen", "closing", "syn-recv",
}

// tcpListenState is TCP_LISTEN.
const tcpListenState = 10

// Listening is the state of sockets that listen.
const Listening = "listen"

const (
	sizeofInetDiag = 72 // struct inet_diag_msg (include/uapi/linux/inet_diag.h)
	inet6          = 10 // AF_INET6 of Linux: other systems, which only test this, have another
)

// parseSocket reads a struct inet_diag_msg; false for what is none, or too short.
func parseSocket(m []byte) (s Socket, ok bool) {
	if len(m) < sizeofInetDiag || int(m[1]) >= len(socketStates) {
		return Socket{}, false
	}
	addr := func(at int) netip.Addr {
		if m[0] == inet6 {
			return netip.AddrFrom16([16]byte(m[at : at+16])).Unmap()
		}
		return netip.AddrFrom4([4]byte(m[at : at+4]))
	}
	return Socket{
		State:  socketStates[m[1]],
		Local:  netip.AddrPortFrom(addr(8), binary.BigEndian.Uint16(m[4:])),
		Remote: netip.AddrPortFrom(addr(24), binary.BigEndian.Uint16(m[6:])),
		RQueue: binary.NativeEndian.Uint32(m[56:]),
		WQueue: binary.NativeEndian.Uint32(m[60:]),
		Cookie: uint64(binary.NativeEndian.Uint32(m[48:]))<<32 | uint64(binary.NativeEndian.Uint32(m[44:])),
	}, true
}

// Full reports whether the kernel drops the connections that come to a listening socket:
// more wait than may (include/net/sock.h, sk_acceptq_is_full, which compares like that).
func (s Socket) Full() bool { return s.State == Listening && s.RQueue > s.WQueue }

// Queue is a listening socket as a fact.
func (s Socket) Queue() facts.ListenQueue {
	return facts.ListenQueue{At: s.Local.String(), Waiting: int(s.RQueue), Limit: int(s.WQueue)}
}

// maxPairs bounds for how many pairs of a local address and a remote port ports are
// counted.
const maxPairs = 1 << 14

// Usage is who uses the local ports of a network namespace.
type Usage struct {
	States map[string]int
	// Held are how many ports of the range are those of sockets that listen.
	Held int
	// Busiest is the pair of a local address and a remote port between which most ports of
	// the range are in use, Used how many; zero where none is.
	From    netip.Addr
	Busiest netip.AddrPort
	Used    int
	// Waiting of Used are in TIME_WAIT.
	Waiting int
}

// usage counts sockets one by one. A connection needs a local port that no other one has
// between the same two addresses and the same remote port (net/ipv4/inet_hashtables.c,
// __inet_hash_connect), and that nobody listens on.
type usage struct {
	low, high uint16
	states    map[string]int
	held      map[uint16]bool
	pairs     map[pair]*ports
}

type pair struct {
	from netip.Addr
	to   netip.AddrPort
}

type ports struct{ used, waiting int }

func newUsage(low, high uint16) *usage {
	return &usage{low: low, high: high, states: map[string]int{}, held: map[uint16]bool{}, pairs: map[pair]*ports{}}
}

func (u *usage) add(s Socket) {
	u.states[s.State]++
	port := s.Local.Port()
	if port < u.low || port > u.high {
		return
	}
	if s.State == Listening {
		u.held[port] = true
		return
	}
	key := pair{s.Local.Addr(), s.Remote}
	p := u.pairs[key]
	if p == nil {
		if len(u.pairs) >= maxPairs {
			return
		}
		p = &ports{}
		u.pairs[key] = p
	}
	p.used++
	if s.State == "time-wait" {
		p.waiting++
	}
}

func (u *usage) sum() Usage {
	sum := Usage{States: u.states, Held: len(u.held)}
	keys := make([]pair, 0, len(u.pairs))
	for key := range u.pairs {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b pair) int {
		return cmp.Or(cmp.Compare(u.pairs[b].used, u.pairs[a].used), a.to.Compare(b.to), a.from.Compare(b.from))
	})
	if len(keys) > 0 {
		p := u.pairs[keys[0]]
		sum.From, sum.Busiest, sum.Used, sum.Waiting = keys[0].from, keys[0].to, p.used, p.waiting
	}
	return sum
}

// PortUsage says who uses the local ports from low to high. It needs no right.
func PortUsage(low, high uint16) (Usage, error) {
	u := newUsage(low, high)
	if err := eachSocket(^uint32(0), u.add); err != nil {
		return Usage{}, err
	}
	return u.sum(), nil
}

// ListenSockets are the TCP sockets that listen in this network namespace, with their
// queues, sorted; at most as many as Listeners gives. It needs no right.
func ListenSockets() ([]Socket, error) {
	var list []Socket
	err := eachSocket(1<<tcpListenState, func(s Socket) {
		if s.State == Listening && len(list) < maxListeners {
			list = append(list, s)
		}
	})
	slices.SortFunc(list, func(a, b Socket) int { return a.Local.Compare(b.Local) })
	return list, err
}
