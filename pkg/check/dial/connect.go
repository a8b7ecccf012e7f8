package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
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
	// Claimed says that others wrote the host into an object: of what it resolves to, what
	// Own reports is not asked.
	Claimed bool `json:"claimed,omitempty"`
}

// metadata are the addresses at which clouds tell a machine's secrets to itself, but for
// 169.254.169.254, which is link-local: Amazon's over IPv6, Alibaba's, Oracle's.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("192.0.0.192")}

// Own reports whether an address leads a machine to itself, to its own link or to the
// metadata of its cloud, where no stranger's word may lead it.
func Own(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsLoopback() || addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast() || slices.Contains(metadata, addr)
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
	early uint32 // see settle
	// wantsCertificate says that the server asked for one of ours, in a handshake.
	wantsCertificate bool
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

// dialErrors dials for a resolver, which keeps of an error its text alone.
type dialErrors struct{ noPorts atomic.Bool }

func (d *dialErrors) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		at, _ := netip.ParseAddrPort(address)
		if KindOf(err, at) == check.NoPort {
			d.noPorts.Store(true)
		}
	}
	return conn, err
}

func (d *dialErrors) noPort() bool { return d.noPorts.Load() }

// resolve looks the peer's host up, through the resolver that applications of this
// vantage point have.
func resolve(ctx context.Context, p Peer) ([]netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(p.Host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(addr, p.Port)}, nil
	}
	// Go's own: it obeys the context, and the probe has no C library anyway.
	var unasked dialErrors
	resolver := net.Resolver{PreferGo: true, Dial: unasked.dial}
	ips, err := resolver.LookupNetIP(ctx, "ip", p.Host)
	var failed *net.DNSError
	switch {
	case err != nil && unasked.noPort():
		return nil, problemf(check.NoPort, "resolve %s: no local port is left to ask a name server from", Clean(p.Host, 80))
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
	if p.Claimed {
		found := len(addrs)
		addrs = slices.DeleteFunc(addrs, func(a netip.AddrPort) bool { return Own(a.Addr()) })
		if len(addrs) == 0 && found > 0 {
			return nil, problemf(check.Config, "%s leads to this machine itself, or to its cloud's metadata: not asked", Clean(p.Host, 80))
		}
	}
	if len(addrs) == 0 {
		return nil, problemf(check.NXDomain, "%s has no address", Clean(p.Host, 80))
	}
	return addrs, nil
}
