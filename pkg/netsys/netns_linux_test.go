package netsys

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// testnet is client (this namespace) - router - server, in both families.
type testnet struct{ client, router, server *netnstest.Namespace }

// mtus of the four ends, 0 for 1500.
type mtus struct{ client, routerNear, routerFar, server int }

var (
	server4 = netip.MustParseAddr("10.9.2.2")
	server6 = netip.MustParseAddr("fd00:9:2::2")
	router4 = netip.MustParseAddr("10.9.1.1")
	router6 = netip.MustParseAddr("fd00:9:1::1")
)

func newTestnet(t *testing.T, m mtus) testnet {
	t.Helper()
	n := testnet{client: netnstest.Here(t), router: netnstest.New(t), server: netnstest.New(t)}
	netnstest.Join(t,
		netnstest.End{NS: n.client, Name: "eth0", MTU: m.client, Addrs: []string{"10.9.1.2/24", "fd00:9:1::2/64"}},
		netnstest.End{NS: n.router, Name: "near", MTU: m.routerNear, Addrs: []string{"10.9.1.1/24", "fd00:9:1::1/64"}})
	netnstest.Join(t,
		netnstest.End{NS: n.router, Name: "far", MTU: m.routerFar, Addrs: []string{"10.9.2.1/24", "fd00:9:2::1/64"}},
		netnstest.End{NS: n.server, Name: "eth0", MTU: m.server, Addrs: []string{"10.9.2.2/24", "fd00:9:2::2/64"}})
	n.client.Route(t, "0.0.0.0/0", "10.9.1.1", "")
	n.client.Route(t, "::/0", "fd00:9:1::1", "")
	n.server.Route(t, "0.0.0.0/0", "10.9.2.1", "")
	n.server.Route(t, "::/0", "fd00:9:2::1", "")
	return n
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestPingPaths(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	n := newTestnet(t, mtus{})
	for _, method := range []string{"raw socket", "ping socket"} {
		if method == "ping socket" {
			n.client.OpenPing(t)
		}
		for _, addr := range []netip.Addr{server4, server6, netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()} {
			report, err := Ping(within(t, 2*time.Second), addr, PingOptions{Count: 3, Interval: 5 * time.Millisecond})
			if err != nil || report.Answered() != 3 || report.Method != method {
				t.Errorf("ping %s: %+v, %v; want 3 answers by %s", addr, report, err, method)
			}
			for _, e := range report.Echoes {
				if e.RTT <= 0 || e.RTT > time.Second {
					t.Errorf("ping %s: RTT %v", addr, e.RTT)
				}
			}
		}
	}
}

func TestPingLinkLocalGateway(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	n := testnet{client: netnstest.Here(t), router: netnstest.New(t)}
	netnstest.Join(t,
		netnstest.End{NS: n.client, Name: "eth0", Addrs: []string{"fe80::2/64", "fd00::2/128"}},
		netnstest.End{NS: n.router, Name: "near", Addrs: []string{"fe80::1/64"}})
	n.client.Route(t, "::/0", "fe80::1", "eth0")
	n.client.OpenPing(t)
	gateways, err := DefaultGateways(IPv6)
	if err != nil || len(gateways) != 1 || gateways[0].Addr.String() != "fe80::1%eth0" {
		t.Fatalf("gateways: %+v, %v", gateways, err)
	}
	report, err := Ping(within(t, 2*time.Second), gateways[0].Addr, PingOptions{Count: 1})
	if err != nil || report.Answered() != 1 {
		t.Fatalf("ping %s: %+v, %v", gateways[0].Addr, report, err)
	}
	entry, err := Neighbour(gateways[0].Addr, gateways[0].Index)
	if err != nil || !entry.Resolved() || entry.MAC == "" {
		t.Errorf("neighbour: %+v, %v", entry, err)
	}
	// The gateway answers UDP to a closed port with port unreachable, from its
	// link-local address.
	if err := Nudge(within(t, 2*time.Second), gateways[0].Addr); err != nil {
		t.Errorf("nudge: %v", err)
	}
}

func TestPingErrors(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	n := newTestnet(t, mtus{})
	n.client.OpenPing(t)
	n.router.Route(t, "10.9.7.0/24", "10.9.2.9", "") // a next hop that is not there
	tests := []struct {
		name string
		addr string
		want error
		from string
	}{
		{"host that is not there", "10.9.2.77", syscall.EHOSTUNREACH, "10.9.1.1"},
		{"host that is not there, IPv6", "fd00:9:2::77", syscall.EHOSTUNREACH, "fd00:9:1::1"},
		{"neighbour that is not there", "10.9.1.77", syscall.EHOSTUNREACH, "10.9.1.2"},
		{"network the router does not know", "192.0.2.1", syscall.ENETUNREACH, "10.9.1.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			report, err := Ping(within(t, 8*time.Second), netip.MustParseAddr(tt.addr), PingOptions{Count: 1})
			if err != nil {
				t.Fatal(err)
			}
			got := asICMP(report.Echoes[0].Err)
			if got == nil || !errors.Is(got, tt.want) || got.From.String() != tt.from {
				t.Errorf("got %+v, want %v from %s", report.Echoes[0], tt.want, tt.from)
			}
		})
	}
}

func TestPingWithoutRoute(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	netnstest.Here(t).OpenPing(t)
	for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
		_, err := Ping(within(t, time.Second), netip.MustParseAddr(addr), PingOptions{Count: 1})
		if !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("ping %s: %v, want ENETUNREACH", addr, err)
		}
		if _, err := RouteTo(netip.MustParseAddr(addr)); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("route to %s: %v, want ENETUNREACH", addr, err)
		}
	}
}

func TestUnprivileged(t *testing.T) {
	t.Parallel()
	if !netnstest.InUnprivileged() {
		if !netnstest.Isolate(t) {
			return
		}
		n := newTestnet(t, mtus{})
		n.server.Set(t, "net/ipv4/icmp_ratelimit", "0")
		netnstest.Unprivileged(t)
		return
	}
	if held, err := Capabilities(); err != nil || len(held) != 0 {
		t.Fatalf("capabilities: %v, %v; want none", held, err)
	}
	if _, err := Ping(within(t, time.Second), server4, PingOptions{Count: 1}); !errors.Is(err, ErrNotPermitted) {
		t.Errorf("ping: %v, want ErrNotPermitted", err)
	}
	for _, addr := range []netip.Addr{server4, server6} {
		report, err := PathMTU(within(t, 3*time.Second), addr, 2)
		if err != nil || report.Verdict != PathFull || report.Method != "udp" || report.Largest != 1500 {
			t.Errorf("path MTU to %s: %+v, %v", addr, report, err)
		}
	}
	if links, err := Links(); err != nil || len(links) < 2 {
		t.Errorf("links: %v, %v", links, err)
	}
}
