package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// The stages of an attempt; the first ones are also names of phases.
const (
	stageDNS       = "dns"
	stageConnect   = "connect"
	stageTLS       = "tls"
	stageFirstByte = "firstByte"
)

// Peer is whom to connect to: an address, or a host name that is resolved first, as
// the vantage point's own resolv.conf and hosts file say.
type Peer struct {
	Addr netip.AddrPort `json:"addr,omitzero"`
	Host string         `json:"host,omitempty"`
	Port uint16         `json:"port,omitempty"` // with Host
}

// String is how the peer is written in a report: "10.0.0.1:80", "[fd00::1]:80".
func (p Peer) String() string {
	if p.Host != "" {
		return net.JoinHostPort(p.Host, strconv.Itoa(int(p.Port)))
	}
	return p.Addr.String()
}

// session is an open connection of one attempt.
type session struct {
	net.Conn
	addr  netip.AddrPort
	start time.Time
	done  func() bool
}

// Close ends the connection and the watch over its context.
func (s *session) Close() error {
	s.done()
	return s.Conn.Close()
}

// connect resolves and connects, and writes phases and failure into t; nil when that
// failed. The connection's deadline is the context's, and a cancelled context ends
// whatever it is waiting for. Each call has a new source port, chosen by the kernel.
func connect(ctx context.Context, p Peer, t *Try) *session {
	start := time.Now()
	addrs := []netip.AddrPort{p.Addr}
	if p.Host != "" {
		var err error
		addrs, err = resolve(ctx, p)
		t.phase(stageDNS, start)
		t.RTT = check.Duration(time.Since(start))
		if err != nil {
			t.fail(ctx, err, nowhere, stageDNS)
			return nil
		}
	}
	connecting := time.Now()
	conn, addr, err := first(ctx, addrs, t)
	t.phase(stageConnect, connecting)
	t.RTT = check.Duration(time.Since(start))
	if err != nil {
		t.fail(ctx, err, addr, stageConnect)
		return nil
	}
	if p.Host != "" {
		t.See("address", "%s", addr.Addr())
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	done := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return &session{Conn: conn, addr: addr, start: start, done: done}
}

// first connects to the addresses one after the other, each with its share of the
// time that is left, and returns the first connection or the first error.
func first(ctx context.Context, addrs []netip.AddrPort, t *Try) (net.Conn, netip.AddrPort, error) {
	var firstErr error
	firstAddr := addrs[0]
	for i, addr := range addrs {
		conn, from, err := connectOne(ctx, addr, len(addrs)-i)
		t.Local = from.local
		t.Repeats += from.repeats
		if err == nil {
			return conn, addr, nil
		}
		if len(addrs) > 1 {
			t.See("address "+addr.Addr().String(), "%s", reason(err))
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	return nil, firstAddr, firstErr
}

// Connect connects and hangs up: one attempt that asks only for the way.
func Connect(ctx context.Context, p Peer) Try {
	var t Try
	if s := connect(ctx, p, &t); s != nil {
		_ = s.Close()
	}
	return t
}

// origin is what the kernel knows of the socket of an attempt, also of one that
// failed: its source address, "" when none was chosen, and how many packets it had to
// send again.
type origin struct {
	local   string
	repeats int
}

// connectOne connects to an address and returns where from as well, also with an error.
func connectOne(ctx context.Context, addr netip.AddrPort, share int) (conn net.Conn, at origin, err error) {
	if deadline, ok := ctx.Deadline(); ok && share > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(share))
		defer cancel()
	}
	from := newSource()
	// Keep-alives are of no use to connections this short.
	dialer := net.Dialer{KeepAlive: -1, Control: from.Control}
	conn, err = dialer.DialContext(ctx, "tcp", addr.String())
	return conn, from.take(), err
}

// resolve looks the peer's host up, through the resolver that applications of this
// vantage point have.
func resolve(ctx context.Context, p Peer) ([]netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(p.Host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(addr, p.Port)}, nil
	}
	// Go's own: it obeys the context, and the probe has no C library anyway.
	resolver := net.Resolver{PreferGo: true}
	ips, err := resolver.LookupNetIP(ctx, "ip", p.Host)
	var failed *net.DNSError
	switch {
	case errors.As(err, &failed) && failed.IsNotFound:
		return nil, problemf(check.NXDomain, "%s has no address", Clean(p.Host, 80))
	case errors.As(err, &failed) && failed.IsTimeout:
		return nil, fmt.Errorf("resolve %s: %w", p.Host, context.DeadlineExceeded)
	case errors.As(err, &failed):
		return nil, problemf(check.ServFail, "%s cannot be resolved: %s", Clean(p.Host, 80), Clean(failed.Err, 120))
	case err != nil:
		return nil, err
	}
	const enough = 8
	var addrs []netip.AddrPort
	for _, ip := range ips[:min(len(ips), enough)] {
		addrs = append(addrs, netip.AddrPortFrom(ip.Unmap(), p.Port))
	}
	if len(addrs) == 0 {
		return nil, problemf(check.NXDomain, "%s has no address", Clean(p.Host, 80))
	}
	return addrs, nil
}
