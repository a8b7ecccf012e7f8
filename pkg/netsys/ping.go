package netsys

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const (
	ipv4Header = 20 // bytes, without options
	ipv6Header = 40
	// l4Header is the length of both an ICMP echo's and a UDP header, in bytes.
	l4Header = 8
	// defaultSize is the whole packet of a ping, in bytes, when no size is asked for.
	defaultSize = 84
)

// echoConn sends ICMP echo messages to one peer and gives what comes back: it is all
// that Ping needs of the kernel, so that tests can stand in for it.
type echoConn interface {
	// ID is the identifier that echoes of this connection carry.
	ID() int
	// Method names the kind of socket, for people.
	Method() string
	// Send sends one ICMP message, without an IP header.
	Send(message []byte) error
	// Recv waits for the next ICMP message and copies its beginning into buf. The
	// error is a *queuedError for what the error queue holds, ctx's error when that
	// ends first.
	Recv(ctx context.Context, buf []byte) (int, error)
	Close() error
}

// queuedError is an ICMPError with the beginning of the packet that caused it, from
// its ICMP or UDP payload on; Quoted is empty when it was not quoted.
type queuedError struct {
	*ICMPError
	Quoted []byte
}

func (e *queuedError) Unwrap() error { return e.ICMPError }

// PingOptions say how to ping.
type PingOptions struct {
	Count    int           // echoes to send, at least 1
	Interval time.Duration // between two echoes, whether or not one was answered
	Size     int           // the whole IP packet in bytes; 0 for the usual 84
	// DF sends with "don't fragment", past any path MTU the kernel has learned.
	DF bool
}

// Echo is what became of one echo request.
type Echo struct {
	RTT time.Duration // until the answer, or until it was given up
	// Err is nil for an answer; ErrNoAnswer, a *ICMPError, or the errno of sending.
	Err error
}

// PingReport is what became of a Ping.
type PingReport struct {
	Method string // "ping socket" or "raw socket"
	Echoes []Echo
}

// Answered counts the echoes that were answered.
func (r PingReport) Answered() int {
	n := 0
	for _, e := range r.Echoes {
		if e.Err == nil {
			n++
		}
	}
	return n
}

// Ping sends ICMP echo requests (RFC 792, RFC 4443) to addr and waits for the
// answers until ctx ends. It uses a ping socket (icmp(7)), else a raw socket where
// NET_RAW is held. The error is ErrNotPermitted when neither is to be had, or wraps
// the errno with which the kernel refused the address (ENETUNREACH: no route);
// what happens to single echoes is in the report.
func Ping(ctx context.Context, addr netip.Addr, o PingOptions) (PingReport, error) {
	conn, err := openEcho(addr.Unmap(), o.DF)
	if err != nil {
		return PingReport{}, fmt.Errorf("ping %s: %w", addr, err)
	}
	defer conn.Close()
	return PingReport{Method: conn.Method(), Echoes: ping(ctx, conn, addr.Unmap(), o)}, nil
}

// ping is Ping over an open connection.
func ping(ctx context.Context, conn echoConn, addr netip.Addr, o PingOptions) []Echo {
	count := max(1, o.Count)
	p := pinging{conn: conn, addr: addr, size: o.Size, echoes: make([]Echo, count), sent: make([]time.Time, count), done: make([]bool, count)}
	next := time.Now()
	for seq := 0; ctx.Err() == nil; {
		if seq < count && !time.Now().Before(next) {
			p.send(seq)
			seq++
			next = next.Add(o.Interval)
			continue
		}
		if seq == count && p.finished() {
			break
		}
		until, cancel := ctx, context.CancelFunc(func() {})
		if seq < count {
			until, cancel = context.WithDeadline(ctx, next)
		}
		p.recv(until)
		cancel()
	}
	for seq := range p.echoes {
		if !p.done[seq] {
			p.end(seq, ErrNoAnswer)
		}
	}
	return p.echoes
}

// pinging is a Ping under way.
type pinging struct {
	conn   echoConn
	addr   netip.Addr
	size   int
	echoes []Echo
	sent   []time.Time
	done   []bool
}

func (p *pinging) finished() bool {
	for _, d := range p.done {
		if !d {
			return false
		}
	}
	return true
}

func (p *pinging) end(seq int, err error) {
	p.done[seq] = true
	p.echoes[seq].Err = err
	if !p.sent[seq].IsZero() {
		p.echoes[seq].RTT = time.Since(p.sent[seq])
	}
}

func (p *pinging) send(seq int) {
	message, err := echoRequest(p.addr, p.conn.ID(), seq, p.size)
	if err == nil {
		p.sent[seq] = time.Now()
		err = sendPast(p.conn, message)
	}
	if err != nil {
		p.end(seq, err)
	}
}

// sendPast sends, and once more after an error: a socket gives an error that came in
// for an earlier packet to whoever sends next, and its queue has it in full anyway.
func sendPast(conn interface{ Send([]byte) error }, message []byte) error {
	if conn.Send(message) == nil {
		return nil
	}
	return conn.Send(message)
}

// recv takes in one message or error.
func (p *pinging) recv(ctx context.Context) {
	var buf [512]byte
	n, err := p.conn.Recv(ctx, buf[:])
	var queued *queuedError
	switch {
	case err == nil:
		if seq, ok := echoSeq(p.addr, buf[:n], p.conn.ID(), false); ok {
			p.settle(seq, nil)
		}
	case errors.As(err, &queued):
		if seq, ok := echoSeq(p.addr, queued.Quoted, p.conn.ID(), true); ok {
			p.settle(seq, queued.ICMPError)
		}
	case ctx.Err() == nil:
		// The socket itself is broken: nothing more will come of it.
		for seq := range p.done {
			p.settle(seq, err)
		}
	}
}

// settle ends an echo that is still waiting; a duplicate or a stranger is passed over.
func (p *pinging) settle(seq int, err error) {
	if seq < len(p.done) && !p.done[seq] && !p.sent[seq].IsZero() {
		p.end(seq, err)
	}
}

// echoRequest builds an echo request that makes an IP packet of size bytes.
func echoRequest(addr netip.Addr, id, seq, size int) ([]byte, error) {
	if size == 0 {
		size = defaultSize
	}
	message := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{
		ID: id, Seq: seq, Data: make([]byte, max(0, size-headers(addr))),
	}}
	if addr.Is6() {
		message.Type = ipv6.ICMPTypeEchoRequest // the kernel fills in its checksum
	}
	return message.Marshal(nil)
}

// headers is the length of the headers, in bytes, that an echo or a UDP datagram to
// addr carries before its payload.
func headers(addr netip.Addr) int {
	if addr.Is6() {
		return ipv6Header + l4Header
	}
	return ipv4Header + l4Header
}

// echoSeq reads the sequence number of an echo reply, or of the request that an ICMP
// error quotes, when it belongs to us.
func echoSeq(addr netip.Addr, data []byte, id int, quoted bool) (int, bool) {
	if len(data) < l4Header {
		return 0, false
	}
	want := int(ipv4.ICMPTypeEchoReply)
	switch {
	case addr.Is6() && quoted:
		want = int(ipv6.ICMPTypeEchoRequest)
	case addr.Is6():
		want = int(ipv6.ICMPTypeEchoReply)
	case quoted:
		want = int(ipv4.ICMPTypeEcho)
	}
	gotID := int(data[4])<<8 | int(data[5])
	if int(data[0]) != want || gotID != id {
		return 0, false
	}
	return int(data[6])<<8 | int(data[7]), true
}
