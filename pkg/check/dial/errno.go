package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// problem is a failure that was already judged where it was seen.
type problem struct {
	kind   check.Failure
	soft   bool
	detail string
	seen   []check.Evidence
}

func (p *problem) Error() string { return string(p.kind) + ": " + p.detail }

func problemf(kind check.Failure, format string, args ...any) *problem {
	return &problem{kind: kind, detail: fmt.Sprintf(format, args...)}
}

// errnos maps what the kernel says to kinds of failure. ICMP errors reach a TCP or
// connected UDP socket as errnos: port unreachable is ECONNREFUSED, host unreachable
// and admin-prohibited EHOSTUNREACH, net unreachable ENETUNREACH, protocol unreachable
// ENOPROTOOPT (Linux net/ipv4/icmp.c, icmp_err_convert; net/ipv6/icmp.c, tab_unreach).
var errnos = []struct {
	errno syscall.Errno
	kind  check.Failure
}{
	{syscall.ECONNREFUSED, check.Refused},
	{syscall.ECONNRESET, check.Reset},
	{syscall.ECONNABORTED, check.Reset},
	{syscall.EPIPE, check.Reset},
	{syscall.ETIMEDOUT, check.Timeout},
	{syscall.EHOSTUNREACH, check.Unreachable},
	{syscall.EHOSTDOWN, check.Unreachable},
	{syscall.ENETUNREACH, check.Unreachable},
	{syscall.ENETDOWN, check.Unreachable},
	{syscall.ENOPROTOOPT, check.Unreachable},
	{syscall.EACCES, check.Unreachable}, // ICMPv6 admin prohibited, unless it is our own kernel
	{syscall.EPERM, check.Denied},
	{syscall.EADDRNOTAVAIL, ""},        // see ownKernel and noPort
	{syscall.EADDRINUSE, check.NoPort}, // bind(2), of any port: none is left
	{syscall.EAFNOSUPPORT, ""},
	{syscall.EINVAL, ""}, // a blackhole route, see ownKernel
}

// ownKernel are the errnos that may come from this namespace's own routing table
// (unreachable, prohibit and blackhole routes, no route, no source address) as well
// as from afar.
var ownKernel = []syscall.Errno{
	syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EACCES,
	syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.EINVAL,
}

// nowhere is the address of errors that have none.
var nowhere netip.AddrPort

// KindOf is the kind of failure that err stands for, by errno, never by its text; ""
// when err says nothing about the peer (out of file descriptors, cancelled). Addr is
// whom the packet was for: for errnos that have two senders, the kernel is asked
// again by connecting a UDP socket there, which looks up the route and sends nothing.
func KindOf(err error, addr netip.AddrPort) check.Failure {
	var judged *problem
	switch {
	case err == nil:
		return ""
	case errors.As(err, &judged):
		return judged.kind
	case errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return check.Timeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return check.Closed
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return check.TLS // an alert: crypto/tls gives it so, also long after the handshake
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return ""
	}
	if slices.Contains(ownKernel, errno) && addr.IsValid() {
		if local := routeError(addr); errors.Is(local, errno) {
			if errno == syscall.EACCES {
				return check.Denied
			}
			return check.NoRoute
		}
	}
	if noPort(err, errno, addr) {
		return check.NoPort
	}
	for _, e := range errnos {
		if errno == e.errno {
			return e.kind
		}
	}
	return ""
}

// noPort reports whether connect(2) found no local port that is free: EADDRNOTAVAIL over
// TCP where there is a source address, which only an address tells (__inet_hash_connect),
// and EAGAIN over UDP, of a socket that cannot be bound by itself (net/ipv4/af_inet.c,
// inet_autobind).
func noPort(err error, errno syscall.Errno, addr netip.AddrPort) bool {
	var call *os.SyscallError
	if !errors.As(err, &call) || call.Syscall != "connect" {
		return false
	}
	return errno == syscall.EAGAIN || errno == syscall.EADDRNOTAVAIL && addr.IsValid()
}

// routeError is what this kernel says to the mere intent of sending to addr.
func routeError(addr netip.AddrPort) error {
	conn, err := net.Dial("udp", addr.String())
	if err != nil {
		return err
	}
	return conn.Close()
}

// fail fills t in from err, which ended the attempt in the given stage. A deadline
// that passes once the peer has accepted is silence, not a lost packet.
func (t *Try) fail(ctx context.Context, err error, addr netip.AddrPort, stage string) {
	// A cancelled context moves the socket's deadline, so ask the context first.
	if errors.Is(ctx.Err(), context.Canceled) {
		t.Err = fmt.Errorf("cancelled during %s", stage)
		return
	}
	kind := KindOf(err, addr)
	if kind == "" {
		t.Err = fmt.Errorf("%s: %w", stage, err)
		return
	}
	var judged *problem
	switch {
	case errors.As(err, &judged):
		t.Detail, t.Soft = judged.detail, judged.soft
		t.Seen = append(t.Seen, judged.seen...)
	case kind == check.Timeout && stage != stageConnect && stage != stageDNS && !errors.Is(err, syscall.ETIMEDOUT):
		kind = check.Silent
		t.Detail = "no answer: " + stage
	default:
		t.Detail = stage + ": " + reason(err)
	}
	t.Failure = kind
}

// reason is the innermost text of a network error, without the addresses that the
// report shows anyway.
func reason(err error) string {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed by the peer"
	}
	return Clean(err.Error(), 160)
}
