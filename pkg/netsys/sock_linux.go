package netsys

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sock is a connected datagram or raw socket with its error queue switched on. The
// kernel then gives it packets and ICMP errors of its one peer only.
type sock struct {
	file   *os.File
	raw    syscall.RawConn
	v6     bool
	skipIP bool // packets arrive with their IPv4 header
	id     int
	method string
}

// sockSpec says what socket to open.
type sockSpec struct {
	addr   netip.Addr
	port   uint16
	kind   int // unix.SOCK_DGRAM or SOCK_RAW
	proto  int
	df     bool
	method string
}

// open creates and connects the socket. No packet is sent. Errors wrap the errno.
func (spec sockSpec) open() (*sock, error) {
	domain := unix.AF_INET
	if spec.addr.Is6() {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, spec.kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, spec.proto)
	if err != nil {
		return nil, fmt.Errorf("open a %s: %w", spec.method, err)
	}
	if err := spec.prepare(fd); err != nil {
		_ = unix.Close(fd) // nothing was sent or received yet
		return nil, err
	}
	s := &sock{file: os.NewFile(uintptr(fd), spec.method), v6: spec.addr.Is6(), method: spec.method}
	s.skipIP = spec.kind == unix.SOCK_RAW && !s.v6
	if s.raw, err = s.file.SyscallConn(); err != nil {
		_ = s.file.Close()
		return nil, fmt.Errorf("open a %s: %w", spec.method, err)
	}
	s.id = rand.IntN(1 << 16)
	if spec.kind == unix.SOCK_DGRAM {
		s.id = localPort(fd) // a ping socket's port is the echo's identifier
	}
	return s, nil
}

func (spec sockSpec) prepare(fd int) error {
	level, recvErr, discover := unix.IPPROTO_IP, unix.IP_RECVERR, unix.IP_MTU_DISCOVER
	if spec.addr.Is6() {
		level, recvErr, discover = unix.IPPROTO_IPV6, unix.IPV6_RECVERR, unix.IPV6_MTU_DISCOVER
	}
	if err := unix.SetsockoptInt(fd, level, recvErr, 1); err != nil {
		return fmt.Errorf("ask for ICMP errors: %w", err)
	}
	if spec.df {
		// PROBE: don't fragment, and let past what the kernel has learned about the
		// path; the interface's own MTU still is a limit. Its value is the same for
		// both families.
		if err := unix.SetsockoptInt(fd, level, discover, unix.IP_PMTUDISC_PROBE); err != nil {
			return fmt.Errorf("set don't fragment: %w", err)
		}
	}
	if err := unix.Connect(fd, sockaddr(spec.addr, spec.port)); err != nil {
		return fmt.Errorf("connect a %s: %w", spec.method, err)
	}
	return nil
}

func sockaddr(addr netip.Addr, port uint16) unix.Sockaddr {
	if addr.Is4() {
		return &unix.SockaddrInet4{Addr: addr.As4(), Port: int(port)}
	}
	return &unix.SockaddrInet6{Addr: addr.As16(), Port: int(port), ZoneId: uint32(zoneIndex(addr))}
}

func localPort(fd int) int {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return 0
	}
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return a.Port
	case *unix.SockaddrInet6:
		return a.Port
	}
	return 0
}

func (s *sock) ID() int        { return s.id }
func (s *sock) Method() string { return s.method }
func (s *sock) Close() error   { return s.file.Close() }

// Send sends one datagram. EMSGSIZE comes as an *ICMPError that is Local.
func (s *sock) Send(payload []byte) error {
	var errno error
	err := s.raw.Control(func(fd uintptr) { errno = unix.Send(int(fd), payload, unix.MSG_DONTWAIT) })
	if err == nil {
		err = errno
	}
	if err == nil {
		return nil
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		return &ICMPError{Errno: number, Local: true, V6: s.v6}
	}
	return fmt.Errorf("send: %w", err)
}

// Recv implements echoConn, and does the same for UDP.
func (s *sock) Recv(ctx context.Context, buf []byte) (int, error) {
	if err := s.file.SetReadDeadline(time.Time{}); err != nil {
		return 0, err
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = s.file.SetReadDeadline(time.Unix(1, 0)) // a closed file ends the read as well
		close(woken)
	})
	n, err := s.wait(buf)
	if !stop() {
		<-woken // else it might fall into the next Recv
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return 0, ctx.Err()
	}
	return n, err
}

// wait blocks until the error queue or the socket has something.
func (s *sock) wait(buf []byte) (int, error) {
	var n int
	var got error
	err := s.raw.Read(func(fd uintptr) bool {
		// The error queue first: its entries say more than the errno that a read
		// would get.
		if got = s.readErrorQueue(int(fd)); !errors.Is(got, unix.EAGAIN) {
			return true
		}
		n, _, got = unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
		return !errors.Is(got, unix.EAGAIN)
	})
	if err != nil {
		return 0, err
	}
	var errno syscall.Errno
	switch {
	case errors.Is(got, unix.EINTR):
		return s.wait(buf)
	case errors.As(got, &errno) && asICMP(got) == nil:
		return 0, &queuedError{ICMPError: &ICMPError{Errno: errno, Local: true, V6: s.v6}}
	case got != nil:
		return 0, got
	}
	if s.skipIP {
		n = stripIPv4(buf, n)
	}
	return n, nil
}

// stripIPv4 moves what follows the IPv4 header to the front and returns its length,
// 0 for what is no IPv4 packet.
func stripIPv4(buf []byte, n int) int {
	if n < ipv4Header || buf[0]>>4 != 4 {
		return 0
	}
	header := int(buf[0]&0xf) * 4
	if header < ipv4Header || header > n {
		return 0
	}
	return copy(buf, buf[header:n])
}

// readErrorQueue takes one entry from the error queue: a *queuedError, or EAGAIN
// when it is empty.
func (s *sock) readErrorQueue(fd int) error {
	var quoted, control [512]byte
	n, controlLen, _, _, err := unix.Recvmsg(fd, quoted[:], control[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(control[:controlLen])
	if err != nil {
		return fmt.Errorf("parse an entry of the error queue: %w", err)
	}
	for _, m := range messages {
		isV4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
		isV6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if !isV4 && !isV6 {
			continue
		}
		if e := parseExtendedErr(m.Data, isV6); e != nil {
			return &queuedError{ICMPError: e, Quoted: quoted[:n]}
		}
	}
	return fmt.Errorf("an entry of the error queue says nothing")
}

// parseExtendedErr reads a struct sock_extended_err and the address of the offender
// behind it (linux/errqueue.h); nil when it is too short.
func parseExtendedErr(data []byte, v6 bool) *ICMPError {
	if len(data) < 16 {
		return nil
	}
	e := &ICMPError{Errno: syscall.Errno(binary.NativeEndian.Uint32(data)), V6: v6}
	origin := data[4]
	info := int(binary.NativeEndian.Uint32(data[8:]))
	if e.Local = origin != unix.SO_EE_ORIGIN_ICMP && origin != unix.SO_EE_ORIGIN_ICMP6; !e.Local {
		e.Type, e.Code = int(data[5]), int(data[6])
	}
	if e.Errno == syscall.EMSGSIZE && info > 0 && info <= 1<<16 {
		e.MTU = info
	}
	offender := data[16:]
	if len(offender) < 2 {
		return e
	}
	switch family := binary.NativeEndian.Uint16(offender); {
	case family == unix.AF_INET && len(offender) >= 8:
		e.From = netip.AddrFrom4([4]byte(offender[4:8]))
	case family == unix.AF_INET6 && len(offender) >= 24:
		e.From = netip.AddrFrom16([16]byte(offender[8:24])).Unmap()
	}
	return e
}

// openEcho opens a ping socket to addr, or a raw one where NET_RAW is held.
func openEcho(addr netip.Addr, df bool) (echoConn, error) {
	spec := sockSpec{addr: addr, kind: unix.SOCK_DGRAM, proto: unix.IPPROTO_ICMP, df: df, method: "ping socket"}
	if addr.Is6() {
		spec.proto = unix.IPPROTO_ICMPV6
	}
	s, err := spec.open()
	if err == nil {
		return s, nil
	}
	// EACCES is ping_group_range; the others are kernels without ping sockets. An
	// EACCES of connect would be a route of type prohibit, and raw would say so too.
	closed := errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EPERM)
	if !closed {
		return nil, err
	}
	if !holds("NET_RAW") {
		return nil, ErrNotPermitted
	}
	spec.kind, spec.method = unix.SOCK_RAW, "raw socket"
	s, err = spec.open()
	if err != nil {
		return nil, err
	}
	return s, nil
}
