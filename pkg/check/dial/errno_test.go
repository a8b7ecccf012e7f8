package dial

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

func TestKindOf(t *testing.T) {
	wrapped := func(errno syscall.Errno) error {
		return fmt.Errorf("wrapped: %w", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)})
	}
	// An address of our own: the route to it is fine, so nothing is this kernel's fault.
	reachable := netip.MustParseAddrPort("127.0.0.1:9")
	for _, tt := range []struct {
		name string
		err  error
		want check.Failure
	}{
		{"nothing", nil, ""},
		{"refused", wrapped(syscall.ECONNREFUSED), check.Refused},
		{"reset", wrapped(syscall.ECONNRESET), check.Reset},
		{"broken pipe", wrapped(syscall.EPIPE), check.Reset},
		{"the kernel gave up", wrapped(syscall.ETIMEDOUT), check.Timeout},
		{"host unreachable", wrapped(syscall.EHOSTUNREACH), check.Unreachable},
		{"net unreachable", wrapped(syscall.ENETUNREACH), check.Unreachable},
		{"ICMPv6 prohibited", wrapped(syscall.EACCES), check.Unreachable},
		{"netfilter dropped it on its way out", wrapped(syscall.EPERM), check.Denied},
		{"deadline", os.ErrDeadlineExceeded, check.Timeout},
		{"context", fmt.Errorf("x: %w", context.DeadlineExceeded), check.Timeout},
		{"cancelled", context.Canceled, ""},
		{"end of file", io.EOF, check.Closed},
		{"no file descriptor left", wrapped(syscall.EMFILE), ""},
		{"no port left", wrapped(syscall.EADDRNOTAVAIL), check.NoPort},
		{"no port left over UDP", wrapped(syscall.EAGAIN), check.NoPort},
		{"no port left to bind", &net.OpError{Op: "listen", Net: "udp", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}, check.NoPort},
		{"a read that would wait", &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.EAGAIN)}, ""},
		{"a text that only sounds like it", fmt.Errorf("connection refused"), ""},
		{"judged", fmt.Errorf("x: %w", problemf(check.TLS, "expired")), check.TLS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := KindOf(tt.err, reachable); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestKindOfNobodysPort: without an address nobody can tell whether there is a source
// address, or no port.
func TestKindOfNobodysPort(t *testing.T) {
	err := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}
	if got := KindOf(err, nowhere); got != "" {
		t.Errorf("got %q", got)
	}
}
