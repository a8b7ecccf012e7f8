package dial

import (
	"context"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// The source address must be known above all of attempts that failed: by it their flow
// is looked up in conntrack.
func TestLocal(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	near, far := netnstest.Here(t), netnstest.New(t)
	netnstest.Join(t,
		netnstest.End{NS: near, Name: "eth0", Addrs: []string{"10.9.1.2/24", "fd00:9:1::2/64"}},
		netnstest.End{NS: far, Name: "near", Addrs: []string{"10.9.1.1/24", "fd00:9:1::1/64"}})
	near.Route(t, "10.9.3.0/24", "10.9.1.1", "")
	far.Set(t, "net/ipv4/ip_forward", "0") // swallows what is not its own
	var seen string
	var listener net.Listener
	far.Do(t, func() {
		var err error
		if listener, err = net.Listen("tcp", "[::]:80"); err != nil {
			t.Fatal(err)
		}
	})
	defer listener.Close()
	accepted := make(chan string)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- conn.RemoteAddr().String()
			_ = conn.Close()
		}
	}()
	tests := []struct {
		name, addr, from string
		want             check.Failure
	}{
		{"connected", "10.9.1.1:80", "10.9.1.2", ""},
		{"connected, IPv6", "[fd00:9:1::1]:80", "fd00:9:1::2", ""},
		{"refused", "10.9.1.1:81", "10.9.1.2", check.Refused},
		{"refused, IPv6", "[fd00:9:1::1]:81", "fd00:9:1::2", check.Refused},
		{"timeout", "10.9.3.7:80", "10.9.1.2", check.Timeout},
		{"no route", "192.0.2.1:80", "", check.NoRoute},
	}
	for _, tt := range tests {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		try := TCP(ctx, TCPOptions{Peer: Peer{Addr: netip.MustParseAddrPort(tt.addr)}}, false)
		cancel()
		if try.Failure != tt.want {
			t.Errorf("%s: %s %v, want %q", tt.name, try.Failure, try.Err, tt.want)
		}
		local, _ := netip.ParseAddrPort(try.Local)
		if tt.from == "" && try.Local != "" || tt.from != "" && (local.Addr() != netip.MustParseAddr(tt.from) || local.Port() == 0) {
			t.Errorf("%s: local %q, want one of %q", tt.name, try.Local, tt.from)
		}
		if tt.want == "" {
			if seen = <-accepted; seen != try.Local {
				t.Errorf("%s: local %q, the server saw %q", tt.name, try.Local, seen)
			}
		}
	}
	try := UDP(t.Context(), Peer{Addr: netip.MustParseAddrPort("10.9.1.1:53")}, Talk{Proto: protoDNS})
	if local, _ := netip.ParseAddrPort(try.Local); try.Failure != check.Refused || local.Addr().String() != "10.9.1.2" {
		t.Errorf("udp: %s, local %q", try.Failure, try.Local)
	}
	// A second descriptor that stayed open would keep the connection open with it.
	if files, err := os.ReadDir("/proc/self/fd"); err != nil || len(files) > 30 {
		t.Errorf("%d descriptors are open, %v", len(files), err)
	}
}
