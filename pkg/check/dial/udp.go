package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// udpAgain is the pause before a datagram that had no answer is sent again. Linux says
// port unreachable to one peer no more than once a second after a burst of six (net/
// ipv4/inetpeer.c, icmp_ratelimit in icmp(7)), and other checks use up that burst too:
// of a closed port the first datagrams may well go unanswered.
const udpAgain = 400 * time.Millisecond

// udpPatience is how long an answer is awaited from a port that need not give one:
// long enough for a peer that has one port unreachable a second to give.
const udpPatience = 1500 * time.Millisecond

// UDP sends a datagram from a new source port, again while nothing comes, and tells three outcomes apart: an
// answer; refused, when an ICMP port unreachable comes back; or timeout. Silence is a
// failure for DNS, which must answer. For everything else it is soft, since an open
// port may have nothing to say to a datagram it does not understand.
func UDP(ctx context.Context, peer Peer, talk Talk) Try {
	var t Try
	addr := peer.Addr
	if peer.Host != "" {
		resolving := time.Now()
		addrs, err := resolve(ctx, peer)
		t.phase(stageDNS, resolving)
		if err != nil {
			t.RTT = check.Duration(time.Since(resolving))
			t.fail(ctx, err, nowhere, stageDNS)
			return t
		}
		addr = addrs[0]
		t.See("address", "%s", addr.Addr())
	}
	start := time.Now()
	conn, err := dialUDP(ctx, addr)
	if err != nil {
		t.fail(ctx, err, addr, stageConnect)
		return t
	}
	defer func() { _ = conn.Close() }()
	t.Local = localOf(conn)
	whole := ctx
	if talk.Proto != protoDNS { // which must answer: the caller's deadline is the limit
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, udpPatience)
		defer cancel()
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()

	what, payload := datagram(talk)
	t.See("sent", "%s", what)
	answer, err := insist(ctx, conn, payload)
	t.RTT = check.Duration(time.Since(start))
	if err == nil {
		t.See("answer", "%d bytes", len(answer))
		return t
	}
	// Only the kernel's own verdict counts here: a deadline that passes is a
	// datagram without answer, not a connection that stays silent.
	t.fail(whole, err, addr, stageConnect)
	if t.Failure == check.Timeout {
		t.Detail = "no answer"
		if talk.Proto != protoDNS {
			t.Soft = true
			t.See("silence", "open or filtered: UDP cannot tell")
		}
	}
	return t
}

// insist sends payload until an answer or an error comes, or ctx ends. The error of
// silence is the last read's deadline.
func insist(ctx context.Context, conn net.Conn, payload []byte) (answer string, err error) {
	for {
		if _, err := conn.Write(payload); err != nil {
			return "", err
		}
		next := time.Now().Add(udpAgain)
		deadline, limited := ctx.Deadline()
		last := limited && !next.Before(deadline)
		if last {
			next = deadline
		}
		_ = conn.SetReadDeadline(next)
		answer, err = readSome(conn)
		if err == nil || last || ctx.Err() != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return answer, err
		}
	}
}

// dialUDP connects a UDP socket, so that ICMP errors reach it; IP_RECVERR lets it see
// host unreachable too, which a plain connected socket is not told (Linux
// net/ipv4/udp.c, __udp4_lib_err; ip(7)).
func dialUDP(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{Control: receiveErrors}
	conn, err := dialer.DialContext(ctx, "udp", addr.String())
	if err != nil {
		return nil, fmt.Errorf("open a UDP socket: %w", err)
	}
	return conn, nil
}

// localOf is the source address of a connected socket, as check.Attempt has it.
func localOf(conn net.Conn) string {
	if conn.LocalAddr() == nil {
		return ""
	}
	return conn.LocalAddr().String()
}

// datagram is what is sent to a port, and its name.
func datagram(t Talk) (name string, payload []byte) {
	switch t.Proto {
	case protoDNS:
		if packed, err := new(dns.Msg).SetQuestion(".", dns.TypeNS).Pack(); err == nil {
			return "a DNS query", packed
		}
	case protoNTP:
		request := make([]byte, 48)
		request[0] = 0x23 // no leap warning, version 4, mode client (RFC 5905, section 7.3)
		return "an NTP request", request
	}
	return "a few bytes (protocol unknown)", []byte("netlook\n")
}
