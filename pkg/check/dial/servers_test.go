package dial

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// loopbacks are the addresses that tests listen on, one a family.
var loopbacks = []string{"127.0.0.1", "::1"}

// listenTCP is a listener on a free port of host that ends with the test.
func listenTCP(t *testing.T, host string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatalf("listen on %s: %v", host, err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// addrOf is a listener's address.
func addrOf(a net.Addr) netip.AddrPort {
	addr := netip.MustParseAddrPort(a.String())
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// serve accepts connections and hands each to handle; what handle leaves open is
// closed at the end of the test.
func serve(t *testing.T, host string, handle func(net.Conn)) netip.AddrPort {
	t.Helper()
	l := listenTCP(t, host)
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = c.Close() })
			go handle(c)
		}
	}()
	return addrOf(l.Addr())
}

// refused is an address where nothing listens.
func refused(t *testing.T, host string) netip.AddrPort {
	t.Helper()
	l := listenTCP(t, host)
	defer func() { _ = l.Close() }()
	return addrOf(l.Addr())
}

// blackHole is an address that drops SYNs: a listener whose accept queue is full.
func blackHole(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(name.(*syscall.SockaddrInet4).Port))
	for range 10 {
		c, err := net.DialTimeout("tcp", addr.String(), 100*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("the accept queue does not fill up")
	return netip.AddrPort{}
}

// within is a context with a deadline.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// The behaviours of broken servers.
func hang(net.Conn)      {}
func closing(c net.Conn) { _ = c.Close() }
func resetting(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// saying answers every first request with text, and closes.
func saying(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = c.Write([]byte(text))
		_ = c.(*net.TCPConn).CloseWrite()
	}
}
