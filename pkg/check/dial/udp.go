package dial

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// udpPatience is how long an answer is awaited from a port that need not give one:
// an ICMP port unreachable takes one round trip, so more would only cost time.
const udpPatience = 500 * time.Millisecond

// UDP sends one datagram from a new source port and tells three outcomes apart: an
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
	patience := udpPatience
	if talk.Proto == protoDNS {
		patience = time.Hour // the context's deadline is the limit
	}
	conn, err := dialUDP(ctx, addr)
	if err != nil {
		t.fail(ctx, err, addr, stageConnect)
		return t
	}
	defer func() { _ = conn.Close() }()
	t.Local = localOf(conn)
	until := start.Add(patience)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	_ = conn.SetDeadline(until)
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()

	what, payload := datagram(talk)
	t.See("sent", "%s", what)
	_, err = conn.Write(payload)
	var answer string
	if err == nil {
		answer, err = readSome(conn)
	}
	t.RTT = check.Duration(time.Since(start))
	if err == nil {
		t.See("answer", "%d bytes", len(answer))
		return t
	}
	// Only the kernel's own verdict counts here: a deadline that passes is a
	// datagram without answer, not a connection that stays silent.
	t.fail(ctx, err, addr, stageConnect)
	if t.Failure == check.Timeout {
		t.Detail = "no answer"
		if talk.Proto != protoDNS {
			t.Soft = true
			t.See("silence", "open or filtered: UDP cannot tell")
		}
	}
	return t
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
