package netsys

import (
	"net/netip"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

func TestPathMTU(t *testing.T) {
	tests := []struct {
		name string
		mtus mtus
		want PathReport // Verdict, Promise, Largest, Vanishes; By
		by   map[string]netip.Addr
	}{
		{name: "full", want: PathReport{Verdict: PathFull, Promise: 1500, Largest: 1500}},
		{name: "jumbo", mtus: mtus{9000, 9000, 9000, 9000}, want: PathReport{Verdict: PathFull, Promise: 9000, Largest: 9000}},
		{
			name: "signalled", mtus: mtus{0, 0, 1400, 1400},
			want: PathReport{Verdict: PathSignalled, Promise: 1500, Largest: 1400},
			by:   map[string]netip.Addr{IPv4: router4, IPv6: router6},
		},
		{
			// The kernel drops what is larger than the receiving veth's MTU (and a
			// VLAN tag's four bytes) without a word: dev_forward_skb.
			name: "black hole", mtus: mtus{0, 0, 1500, 1400},
			want: PathReport{Verdict: PathBlackHole, Promise: 1500, Largest: 1400, Vanishes: 1410},
		},
		{
			name: "signalled, then a black hole", mtus: mtus{0, 0, 1450, 1300},
			want: PathReport{Verdict: PathBlackHole, Promise: 1500, Largest: 1300, Vanishes: 1350},
			by:   map[string]netip.Addr{IPv4: router4, IPv6: router6},
		},
	}
	for _, tt := range tests {
		for _, method := range []string{"ping socket", "raw socket", "udp"} {
			t.Run(tt.name+" "+method, func(t *testing.T) {
				t.Parallel()
				if !netnstest.Isolate(t) {
					return
				}
				n := newTestnet(t, tt.mtus)
				if method == "ping socket" {
					n.client.OpenPing(t)
				}
				for _, addr := range []netip.Addr{server4, server6} {
					start := time.Now()
					got := measure(t, addr, method)
					t.Logf("%s: %s in %v: %+v", addr, got.Verdict, time.Since(start).Round(time.Millisecond), got)
					if got.Verdict != tt.want.Verdict || got.Promise != tt.want.Promise ||
						got.Largest != tt.want.Largest || got.Vanishes != tt.want.Vanishes {
						t.Errorf("path MTU to %s: %+v, want %+v", addr, got, tt.want)
					}
					if want := tt.by[Family(addr)]; got.By != want {
						t.Errorf("path MTU to %s: said by %s, want %s", addr, got.By, want)
					}
				}
			})
		}
	}
}

// measure is PathMTU by one method only.
func measure(t *testing.T, addr netip.Addr, method string) PathReport {
	t.Helper()
	ctx := within(t, 6*time.Second)
	if method != "udp" {
		report, err := PathMTU(ctx, addr, 2)
		if err != nil || report.Method != method {
			t.Errorf("path MTU by %s: %v, want %s", report.Method, err, method)
		}
		return report
	}
	route, err := RouteTo(addr)
	if err != nil {
		t.Fatal(err)
	}
	s := search{prober: udpProber{addr: addr}, timing: defaultTiming, report: PathReport{Route: route, Promise: route.MTU, Verdict: PathUnmeasured}}
	return s.run(ctx)
}

func TestPathMTUForgetsNothing(t *testing.T) {
	t.Parallel()
	// A path MTU that the kernel has learned must not pass for the promise of the
	// interface, nor keep large probes from being sent.
	if !netnstest.Isolate(t) {
		return
	}
	n := newTestnet(t, mtus{0, 0, 1400, 1400})
	n.client.OpenPing(t)
	for _, addr := range []netip.Addr{server4, server6} {
		for range 2 {
			report, err := PathMTU(within(t, 3*time.Second), addr, 2)
			if err != nil || report.Verdict != PathSignalled || report.Promise != 1500 || report.Largest != 1400 {
				t.Errorf("path MTU to %s: %+v, %v", addr, report, err)
			}
		}
		route, err := RouteTo(addr)
		if err != nil || route.MTU != 1500 || route.Cached != 1400 {
			t.Errorf("route to %s: MTU %d, cached %d, %v; want 1500, 1400", addr, route.MTU, route.Cached, err)
		}
	}
}

func TestPathMTUWithoutAnswer(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	n := newTestnet(t, mtus{})
	n.client.OpenPing(t)
	n.server.Set(t, "net/ipv4/icmp_echo_ignore_all", "1")
	report, err := PathMTU(within(t, 6*time.Second), server4, 2)
	if err != nil || report.Verdict != PathFull || report.Method != "udp" {
		t.Errorf("echo ignored: %+v, %v; want UDP to tell", report, err)
	}
	link, err := n.server.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.server.LinkSetDown(link); err != nil {
		t.Fatal(err)
	}
	report, err = PathMTU(within(t, 6*time.Second), server4, 2)
	if err != nil || report.Verdict != PathUnmeasured || report.Reason == "" {
		t.Errorf("server down: %+v, %v; want unmeasured", report, err)
	}
	t.Log(report.Reason)
}

func TestRouteToPromise(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	n := newTestnet(t, mtus{})
	link, err := n.client.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ dst, gw, addr string }{
		{"10.50.0.0/16", "10.9.1.1", "10.50.1.1"},
		{"fd00:50::/32", "fd00:9:1::1", "fd00:50::1"},
	} {
		route := routeWithMTU(t, tt.dst, tt.gw, link.Attrs().Index, 1370)
		if err := n.client.RouteAdd(route); err != nil {
			t.Fatal(err)
		}
		got, err := RouteTo(netip.MustParseAddr(tt.addr))
		if err != nil || got.MTU != 1370 || got.Cached != 0 || got.Dev != "eth0" || got.Gateway != tt.gw || got.Link.MTU != 1500 {
			t.Errorf("route to %s: %+v, %v", tt.addr, got, err)
		}
	}
	own, err := RouteTo(netip.MustParseAddr("10.9.1.2"))
	if err != nil || !own.Local {
		t.Errorf("route to an own address: %+v, %v", own, err)
	}
}
