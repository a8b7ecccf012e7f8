//go:build linux

package dial

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// layOut gives the namespace a link to nowhere, and routes of every kind that is an
// error: nothing of this ever reaches another machine.
func layOut(t *testing.T) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	must(t, err)
	must(t, netlink.LinkSetUp(lo))
	veth := netlink.NewVeth(netlink.LinkAttrs{Name: "here"})
	veth.PeerName = "there"
	must(t, netlink.LinkAdd(veth))
	there, err := netlink.LinkByName("there")
	must(t, err)
	for _, l := range []netlink.Link{veth, there} {
		must(t, netlink.LinkSetUp(l))
	}
	addr, err := netlink.ParseAddr("10.9.0.1/24")
	must(t, err)
	must(t, netlink.AddrAdd(veth, addr))
	// 10.9.0.9 has a neighbour entry, so its packets leave and vanish.
	must(t, netlink.NeighAdd(&netlink.Neigh{
		LinkIndex: veth.Attrs().Index, State: netlink.NUD_PERMANENT,
		IP: net.IPv4(10, 9, 0, 9), HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9},
	}))
	for dst, kind := range map[string]int{
		"10.8.1.0/24": unix.RTN_UNREACHABLE, "10.8.2.0/24": unix.RTN_PROHIBIT, "10.8.3.0/24": unix.RTN_BLACKHOLE,
		"fd08:1::/64": unix.RTN_UNREACHABLE,
	} {
		_, network, err := net.ParseCIDR(dst)
		must(t, err)
		must(t, netlink.RouteAdd(&netlink.Route{Dst: network, Type: kind}))
	}
}

func TestErrnosOfTheKernel(t *testing.T) {
	if !netnstest.Isolate(t) {
		return
	}
	layOut(t)
	for _, tt := range []struct {
		name, addr string
		within     time.Duration
		want       check.Failure
	}{
		{"no route at all", "192.0.2.1:80", time.Second, check.NoRoute},
		{"no IPv6 route at all", "[2001:db8::1]:80", time.Second, check.NoRoute},
		{"an unreachable route", "10.8.1.1:80", time.Second, check.NoRoute},
		{"an unreachable IPv6 route", "[fd08:1::1]:80", time.Second, check.NoRoute},
		{"a prohibit route", "10.8.2.1:80", time.Second, check.Denied},
		{"a blackhole route", "10.8.3.1:80", time.Second, check.NoRoute},
		{"a neighbour that does not resolve", "10.9.0.2:80", 6 * time.Second, check.Unreachable},
		{"packets that vanish", "10.9.0.9:80", 500 * time.Millisecond, check.Timeout},
		{"nobody listens", "10.9.0.1:80", time.Second, check.Refused},
	} {
		for _, network := range []string{"tcp", "udp"} {
			t.Run(tt.name+" "+network, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), tt.within)
				defer cancel()
				peer := Peer{Addr: netip.MustParseAddrPort(tt.addr)}
				var got Try
				if network == "tcp" {
					got = TCP(ctx, TCPOptions{Peer: peer}, true)
				} else {
					got = UDP(ctx, peer, Talk{Proto: "dns"})
				}
				t.Logf("%s %q after %s", got.Failure, got.Detail, got.RTT.D())
				if got.Failure != tt.want || got.Err != nil {
					t.Errorf("got %q (%s) %v, want %q", got.Failure, got.Detail, got.Err, tt.want)
				}
			})
		}
	}
}

// TestNoPortLeft: of two local ports both are taken, over either protocol; towards another
// port TCP has both of them again.
func TestNoPortLeft(t *testing.T) {
	if !netnstest.Isolate(t) {
		return
	}
	lo, err := netlink.LinkByName("lo")
	must(t, err)
	must(t, netlink.LinkSetUp(lo))
	netnstest.Here(t).Set(t, "net/ipv4/ip_local_port_range", "40000 40001")
	dial := func(network, at string) {
		conn, err := net.Dial(network, at)
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	for _, at := range []string{"127.0.0.1:80", "127.0.0.1:81"} {
		l, err := net.Listen("tcp", at)
		must(t, err)
		t.Cleanup(func() { _ = l.Close() })
	}
	for range 2 {
		dial("tcp", "127.0.0.1:80")
		dial("udp", "127.0.0.1:80")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for name, got := range map[string]Try{
		"tcp":      TCP(ctx, TCPOptions{Peer: Peer{Addr: netip.MustParseAddrPort("127.0.0.1:80")}}, true),
		"udp":      UDP(ctx, Peer{Addr: netip.MustParseAddrPort("127.0.0.1:80")}, Talk{Proto: "dns"}),
		"resolver": TCP(ctx, TCPOptions{Peer: Peer{Host: "name.example", Port: 80}}, true),
	} {
		if got.Failure != check.NoPort || got.Err != nil {
			t.Errorf("%s: %q (%s) %v", name, got.Failure, got.Detail, got.Err)
		}
	}
	if got := Connect(ctx, Peer{Addr: netip.MustParseAddrPort("127.0.0.1:81")}); got.Failure != "" || got.Err != nil {
		t.Errorf("another port: %q (%s) %v", got.Failure, got.Detail, got.Err)
	}
}
