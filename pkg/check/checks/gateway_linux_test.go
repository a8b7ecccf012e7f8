package checks

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// run plans a check for f and runs every task, as a probe would.
func run(t *testing.T, id string, f *facts.Facts) []check.Result {
	t.Helper()
	c, found := Registry.Get(id)
	if !found {
		t.Fatalf("no check %s", id)
	}
	if f.Ask.Timeout == 0 {
		f.Ask = facts.Ask{Attempts: 3, Timeout: 2 * time.Second}
	}
	var results []check.Result
	for _, task := range c.Plan(f) {
		ctx, cancel := context.WithTimeout(t.Context(), task.Timeout.D())
		began := time.Now()
		r := c.Run(ctx, task)
		cancel()
		t.Logf("%s: %s %s %q in %v, skip %+v", task.ID, r.Status, r.Failure, r.Summary, time.Since(began).Round(time.Millisecond), r.Skip)
		for _, e := range r.Evidence {
			t.Logf("    %-14s %s", e.Key, e.Value)
		}
		results = append(results, r)
	}
	return results
}

// podNet is a pod's namespace (the test's own) and a node that is its gateway.
type podNet struct{ pod, node *netnstest.Namespace }

func newPodNet(t *testing.T) podNet {
	t.Helper()
	n := podNet{pod: netnstest.Here(t), node: netnstest.New(t)}
	netnstest.Join(t,
		netnstest.End{NS: n.pod, Name: "eth0", MTU: 1450, Addrs: []string{"10.244.1.12/24", "fd00:1::12/64"}},
		netnstest.End{NS: n.node, Name: "veth1", MTU: 1450, Addrs: []string{"10.244.1.1/24", "fd00:1::1/64"}})
	return n
}

func (n podNet) defaults(t *testing.T) {
	t.Helper()
	n.pod.Route(t, "0.0.0.0/0", "10.244.1.1", "")
	n.pod.Route(t, "::/0", "fd00:1::1", "")
}

func TestGateway(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		setUp   func(t *testing.T, n podNet)
		status  check.Status
		failure check.Failure
		summary string
		within  time.Duration
	}{
		{
			name:   "healthy, ping socket",
			setUp:  func(t *testing.T, n podNet) { n.defaults(t); n.pod.OpenPing(t) },
			status: check.Pass, summary: "3 of 3 ok", within: 500 * time.Millisecond,
		},
		{
			name:   "healthy, raw socket",
			setUp:  func(t *testing.T, n podNet) { n.defaults(t) },
			status: check.Pass, summary: "3 of 3 ok", within: 500 * time.Millisecond,
		},
		{
			name: "nobody has the address",
			setUp: func(t *testing.T, n podNet) {
				n.pod.Route(t, "0.0.0.0/0", "10.244.1.99", "")
				n.pod.Route(t, "::/0", "fd00:1::99", "")
			},
			status: check.Fail, failure: check.Unreachable, summary: "does not answer", within: 2500 * time.Millisecond,
		},
		{
			name: "no answer to ICMP, but a neighbour",
			setUp: func(t *testing.T, n podNet) {
				n.defaults(t)
				n.node.Set(t, "net/ipv4/icmp_echo_ignore_all", "1")
				n.node.Set(t, "net/ipv6/icmp/echo_ignore_all", "1")
			},
			status: check.Pass, summary: "resolves as a neighbour (reachable)", within: time.Second,
		},
		{
			name: "a device without a gateway",
			setUp: func(t *testing.T, n podNet) {
				n.pod.Route(t, "0.0.0.0/0", "", "eth0")
				n.pod.Route(t, "::/0", "", "eth0")
			},
			status: check.Skipped, summary: "straight to device eth0", within: 500 * time.Millisecond,
		},
		{
			name:   "no default route",
			setUp:  func(*testing.T, podNet) {},
			status: check.Fail, failure: check.NoRoute, summary: "no default route", within: 500 * time.Millisecond,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !netnstest.Isolate(t) {
				return
			}
			n := newPodNet(t)
			tt.setUp(t, n)
			for _, ip := range []string{"10.244.1.12", "fd00:1::12"} {
				began := time.Now()
				results := run(t, "gateway.icmp", podFacts(ip))
				if len(results) != 1 {
					t.Fatalf("%d results for %s, want 1", len(results), ip)
				}
				r := results[0]
				if r.Status != tt.status || r.Failure != tt.failure || !strings.Contains(r.Summary, tt.summary) {
					t.Errorf("%s: %s %s %q; want %s %s %q", ip, r.Status, r.Failure, r.Summary, tt.status, tt.failure, tt.summary)
				}
				if d := time.Since(began); d > tt.within {
					t.Errorf("%s: took %v, want at most %v", ip, d, tt.within)
				}
			}
		})
	}
}

func TestGatewayUnprivileged(t *testing.T) {
	t.Parallel()
	if !netnstest.InUnprivileged() {
		if !netnstest.Isolate(t) {
			return
		}
		n := newPodNet(t)
		n.defaults(t)
		netnstest.Unprivileged(t)
		return
	}
	for _, r := range run(t, "gateway.icmp", podFacts("10.244.1.12", "fd00:1::12")) {
		if r.Status != check.Pass || !strings.Contains(r.Summary, "ICMP is not permitted") {
			t.Errorf("%s: %s %q", r.Target, r.Status, r.Summary)
		}
	}
	for _, r := range run(t, "target.icmp", withTargets(podFacts("10.244.1.12"), ipTarget("10.244.1.1"))) {
		if r.Status != check.Pass || !strings.Contains(r.Summary, "UDP to a closed port") {
			t.Errorf("an address that answers UDP: %+v", r)
		}
	}
	for _, r := range run(t, "target.icmp", withTargets(podFacts("10.244.1.12"), ipTarget("10.244.1.99"))) {
		if r.Status != check.Skipped || r.Skip == nil || r.Skip.Unlock != "--profile netraw" {
			t.Errorf("an address that answers nothing: %+v", r)
		}
	}
}

func TestJudgeGateway(t *testing.T) {
	gw := netsys.Gateway{Family: netsys.IPv4, Addr: addrs("169.254.1.1")[0], Dev: "eth0"}
	entry := func(state string) netsys.NeighbourEntry {
		return netsys.NeighbourEntry{Found: true, ConfirmedAgo: 20 * time.Second, Neighbour: facts.Neighbour{MAC: "ee:ee:ee:ee:ee:ee", State: state}}
	}
	lately := func(state string) netsys.NeighbourEntry {
		e := entry(state)
		e.ConfirmedAgo = time.Second
		return e
	}
	ok, lost := netsys.Echo{RTT: time.Millisecond}, netsys.Echo{RTT: time.Second, Err: netsys.ErrNoAnswer}
	silent := netsys.PingReport{Method: "ping socket", Echoes: []netsys.Echo{lost, lost}}
	tests := []struct {
		name   string
		seen   gatewaySeen
		status check.Status
		kind   check.Failure
	}{
		{"partial loss", gatewaySeen{ping: netsys.PingReport{Echoes: []netsys.Echo{ok, lost}}, entry: entry("reachable")}, check.Warn, check.Timeout},
		{"answers without an entry", gatewaySeen{ping: netsys.PingReport{Echoes: []netsys.Echo{ok, ok}}}, check.Pass, ""},
		{"silent, permanent, nothing passes", gatewaySeen{ping: silent, entry: entry("permanent")}, check.Skipped, ""},
		{"silent, permanent, TCP passes", gatewaySeen{ping: silent, entry: lately("permanent")}, check.Pass, ""},
		{"silent, no ARP", gatewaySeen{ping: silent, entry: entry("noarp")}, check.Skipped, ""},
		{"silent, reachable now", gatewaySeen{ping: silent, entry: lately("reachable")}, check.Pass, ""},
		{"silent, reachable 20 s ago", gatewaySeen{ping: silent, entry: entry("reachable")}, check.Warn, check.Timeout},
		{"silent, stale", gatewaySeen{ping: silent, entry: entry("stale")}, check.Warn, check.Timeout},
		{"silent, stale, TCP passes", gatewaySeen{ping: silent, entry: lately("delay")}, check.Pass, ""},
		{"silent, incomplete from the start", gatewaySeen{ping: silent, entry: lately("incomplete")}, check.Fail, check.Unreachable},
		{"silent, delay", gatewaySeen{ping: silent, entry: entry("delay")}, check.Warn, check.Timeout},
		{"silent, failed", gatewaySeen{ping: silent, entry: entry("failed")}, check.Fail, check.Unreachable},
		{"silent, incomplete", gatewaySeen{ping: silent, entry: entry("incomplete")}, check.Fail, check.Unreachable},
		{"silent, no entry", gatewaySeen{ping: silent}, check.Warn, check.Timeout},
		{"not permitted, UDP answered", gatewaySeen{pingErr: netsys.ErrNotPermitted, entry: entry("stale")}, check.Pass, ""},
		{"not permitted, reachable", gatewaySeen{pingErr: netsys.ErrNotPermitted, nudge: netsys.ErrNoAnswer, entry: lately("reachable")}, check.Pass, ""},
		{"not permitted, permanent", gatewaySeen{pingErr: netsys.ErrNotPermitted, nudge: netsys.ErrNoAnswer, entry: entry("permanent")}, check.Skipped, ""},
		{"not permitted, failed", gatewaySeen{pingErr: netsys.ErrNotPermitted, nudge: netsys.ErrNoAnswer, entry: entry("failed")}, check.Fail, check.Unreachable},
		{"not permitted, stale", gatewaySeen{pingErr: netsys.ErrNotPermitted, nudge: netsys.ErrNoAnswer, entry: entry("stale")}, check.Skipped, ""},
		{"not permitted, no entry", gatewaySeen{pingErr: netsys.ErrNotPermitted, nudge: netsys.ErrNoAnswer}, check.Skipped, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := judgeGateway(gw, tt.seen)
			if r.Status != tt.status || r.Failure != tt.kind || r.Summary == "" {
				t.Errorf("%s %s %q, want %s %s", r.Status, r.Failure, r.Summary, tt.status, tt.kind)
			}
		})
	}
}
