package netsys

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"

	"golang.org/x/sys/unix"
)

// sizeProbers returns the ways to send packets of a given size to addr that this
// process has, the best first.
func sizeProbers(addr netip.Addr) ([]sizeProber, error) {
	probers := []sizeProber{}
	conn, err := openEcho(addr, true)
	switch {
	case err == nil:
		_ = conn.Close() // opened to find out which kind can be
		probers = append(probers, echoProber{addr: addr, method: conn.Method()})
	case !errors.Is(err, ErrNotPermitted):
		return nil, err
	}
	return append(probers, udpProber{addr: addr}), nil
}

// echoProber sends echo requests. Each has a socket of its own, so that the kernel
// says which one an answer is for.
type echoProber struct {
	addr   netip.Addr
	method string
}

func (p echoProber) Method() string { return p.method }

// Limited: Linux limits echo replies by no peer's rate (net.ipv4.icmp_ratemask).
func (p echoProber) Limited() bool { return false }

func (p echoProber) Send(size int) (sizeProbe, error) {
	conn, err := openEcho(p.addr, true)
	if err != nil {
		return nil, err
	}
	probe := &echoProbe{conn: conn, addr: p.addr, seq: rand.IntN(1 << 16)}
	message, err := echoRequest(p.addr, conn.ID(), probe.seq, size)
	if err == nil {
		err = sendSized(conn, message)
	}
	if err != nil {
		_ = conn.Close() // the error of sending is the one that counts
		return nil, err
	}
	return probe, nil
}

// sendSized sends. When the packet is too large for the interface, the error queue
// knows how large it may be.
func sendSized(conn interface {
	Send([]byte) error
	Recv(context.Context, []byte) (int, error)
}, message []byte,
) error {
	err := conn.Send(message)
	if !errors.Is(err, unix.EMSGSIZE) {
		return err
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel() // look, do not wait
	if _, queued := conn.Recv(ended, make([]byte, 1)); errors.Is(queued, unix.EMSGSIZE) {
		return queued
	}
	return err
}

type echoProbe struct {
	conn echoConn
	addr netip.Addr
	seq  int
}

func (p *echoProbe) Close() error { return p.conn.Close() }

func (p *echoProbe) Wait(ctx context.Context) error {
	var buf [512]byte
	for {
		n, err := p.conn.Recv(ctx, buf[:])
		var queued *queuedError
		switch {
		case err == nil:
			if seq, ok := echoSeq(p.addr, buf[:n], p.conn.ID(), false); ok && seq == p.seq {
				return nil
			}
		case errors.As(err, &queued):
			// A raw socket also hears of errors that others' packets to this peer met.
			if seq, ok := echoSeq(p.addr, queued.Quoted, p.conn.ID(), true); ok && seq == p.seq {
				return queued.ICMPError
			}
		case ctx.Err() != nil:
			return ErrNoAnswer
		default:
			return err
		}
	}
}

// Ports that nothing listens on, as a rule: those of traceroute(8).
const (
	closedPort  = 33434
	closedPorts = 1000
)

// udpProber sends UDP datagrams to ports that are closed, and takes the peer's "port
// unreachable" for proof of arrival. Each has a socket of its own: a router quotes
// eight bytes of what it could not deliver at the least, and they hold the ports by
// which the kernel finds the socket.
type udpProber struct{ addr netip.Addr }

func (p udpProber) Method() string { return "udp" }
func (p udpProber) Limited() bool  { return true }

func (p udpProber) Send(size int) (sizeProbe, error) {
	spec := sockSpec{
		addr: p.addr, port: uint16(closedPort + rand.IntN(closedPorts)), // any will do
		kind: unix.SOCK_DGRAM, proto: unix.IPPROTO_UDP, df: true, method: "udp",
	}
	conn, err := spec.open()
	if err != nil {
		return nil, err
	}
	if err := sendSized(conn, make([]byte, max(0, size-headers(p.addr)))); err != nil {
		_ = conn.Close() // the error of sending is the one that counts
		return nil, err
	}
	return &udpProbe{conn: conn, addr: p.addr}, nil
}

type udpProbe struct {
	conn *sock
	addr netip.Addr
}

func (p *udpProbe) Close() error { return p.conn.Close() }

func (p *udpProbe) Wait(ctx context.Context) error {
	var buf [64]byte
	_, err := p.conn.Recv(ctx, buf[:])
	e := asICMP(err)
	switch {
	case err == nil:
		return nil // something listens there after all, and answers
	case e != nil && e.PortUnreachable() && e.From == p.addr.WithZone(""):
		return nil
	case e != nil:
		return e // a port unreachable of somebody else is a rule that rejects
	case ctx.Err() != nil:
		return ErrNoAnswer
	}
	return err
}

// Nudge makes the kernel resolve the neighbour towards addr, by sending it a UDP
// datagram that it will not want, and waits for an answer until ctx ends. The error
// is nil when the peer answers with anything (port unreachable, as a rule),
// ErrNoAnswer when it does not, or what Ping would return for an echo.
func Nudge(ctx context.Context, addr netip.Addr) error {
	addr = addr.Unmap()
	probe, err := udpProber{addr: addr}.Send(defaultSize)
	if err != nil {
		return err
	}
	defer probe.Close()
	return probe.Wait(ctx)
}
