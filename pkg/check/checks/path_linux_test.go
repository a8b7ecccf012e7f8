package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// newFarNet is a pod, the node that is its gateway, and a far pod behind it, whose
// side of the last link has the MTUs given.
func newFarNet(t *testing.T, nodeMTU, farMTU int) (podNet, *netnstest.Namespace) {
	t.Helper()
	n := newPodNet(t)
	n.defaults(t)
	far := netnstest.New(t)
	netnstest.Join(t,
		netnstest.End{NS: n.node, Name: "veth2", MTU: nodeMTU, Addrs: []string{"10.244.2.1/24", "fd00:2::1/64"}},
		netnstest.End{NS: far, Name: "eth0", MTU: farMTU, Addrs: []string{"10.244.2.7/24", "fd00:2::7/64"}})
	far.Route(t, "0.0.0.0/0", "10.244.2.1", "")
	far.Route(t, "::/0", "fd00:2::1", "")
	return n, far
}

func TestPathMTUCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name             string
		nodeMTU, farMTU  int
		status           check.Status
		failure          check.Failure
		summary, pathMTU string
		asHost           check.Status // when it is a host that somebody named
	}{
		{"healthy", 1450, 1450, check.Pass, "", "1450 = interface MTU", "1450", check.Pass},
		{"signalled", 1400, 1400, check.Warn, check.MTU, "path MTU 1400, but interface eth0 promises 1450", "1400", check.Pass},
		{"black hole", 1450, 1390, check.Fail, check.MTU, "packets of 1400 bytes vanish without a word, 1392 arrive", "at least 1392, less than 1400", check.Warn},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !netnstest.Isolate(t) {
				return
			}
			n, _ := newFarNet(t, tt.nodeMTU, tt.farMTU)
			n.pod.OpenPing(t)
			f := withTargets(podFacts("10.244.1.12", "fd00:1::12"), ipTarget("10.244.2.7"), ipTarget("fd00:2::7"))
			results := run(t, "path.mtu", f)
			if len(results) != 2 {
				t.Fatalf("%d results, want 2", len(results))
			}
			for _, r := range results {
				if r.Status != tt.status || r.Failure != tt.failure || !strings.Contains(r.Summary, tt.summary) {
					t.Errorf("%s %s %q, want %s %s %q", r.Status, r.Failure, r.Summary, tt.status, tt.failure, tt.summary)
				}
				if got := evidenceIn(r, "path MTU"); got != tt.pathMTU {
					t.Errorf("path MTU %q, want %q", got, tt.pathMTU)
				}
			}
			if r := runPathMTU(t.Context(), check.Task{}, mtuParams{Host: "10.244.2.7"}); r.Status != tt.asHost || evidenceIn(r, "path MTU") != tt.pathMTU {
				t.Errorf("as a host: %s %q, want %s", r.Status, r.Summary, tt.asHost)
			}
		})
	}
}

func TestPathMTUOfNobody(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	newFarNet(t, 1450, 1450)
	f := withTargets(podFacts("10.244.1.12"), ipTarget("10.244.2.99"), ipTarget("192.0.2.1"), ipTarget("127.0.0.1"))
	for _, r := range run(t, "path.mtu", f) {
		if r.Status != check.Skipped || r.Skip == nil || r.Skip.Reason == "" {
			t.Errorf("%+v, want skipped with a reason", r)
		}
	}
}

func TestTargetICMP(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	n, far := newFarNet(t, 1450, 1450)
	n.pod.OpenPing(t)
	far.Set(t, "net/ipv6/icmp/echo_ignore_all", "1")
	n.pod.Set(t, "net/ipv4/icmp_echo_ignore_all", "0")
	pod := func(ip string) facts.Target {
		target := ipTarget(ip)
		target.Kind, target.Raw, target.Name = "pod", "pod/shop/far", "far"
		target.Pods = []facts.Pod{{Namespace: "shop", Name: "far", IPs: addrs(ip)}}
		return target
	}
	f := podFacts("10.244.1.12", "fd00:1::12")
	f.Ask = facts.Ask{Attempts: 2, Timeout: 500 * time.Millisecond}
	tests := []struct {
		name    string
		target  facts.Target
		status  check.Status
		failure check.Failure
	}{
		{"a pod that answers", pod("10.244.2.7"), check.Pass, ""},
		{"a pod that is silent", pod("fd00:2::7"), check.Fail, check.Timeout},
		{"an address that is silent", ipTarget("fd00:2::7"), check.Warn, check.Timeout},
		{"an address the router cannot reach", ipTarget("192.0.2.1"), check.Fail, check.Unreachable},
		{"itself", ipTarget("10.244.1.12"), check.Pass, ""},
	}
	for _, tt := range tests {
		results := run(t, "target.icmp", withTargets(f, tt.target))
		if len(results) != 1 || results[0].Status != tt.status || results[0].Failure != tt.failure {
			t.Errorf("%s: %+v, want %s %s", tt.name, results, tt.status, tt.failure)
		}
	}
}

func TestVantageInterface(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	n := newPodNet(t)
	f := podFacts("10.244.1.12", "fd00:1::12")
	expect := func(status check.Status, failure check.Failure) check.Result {
		t.Helper()
		r := run(t, "vantage.interface", f)[0]
		if r.Status != status || r.Failure != failure {
			t.Errorf("%s %s %q, want %s %s", r.Status, r.Failure, r.Summary, status, failure)
		}
		return r
	}
	expect(check.Warn, check.NoRoute)
	n.defaults(t)
	r := expect(check.Pass, "")
	i := len(r.Kernel.Links) - 1
	if link := r.Kernel.Links[i]; link.Name != "eth0" || link.MTU != 1450 || link.PeerIndex == 0 || link.PeerNetns < 0 ||
		link.Kind != "veth" || !strings.Contains(strings.Join(link.Addrs, " "), "10.244.1.12/24") {
		t.Errorf("link %+v", link)
	}
	if len(r.Kernel.Routes) == 0 {
		t.Error("no routes")
	}
	f.Vantage.Pod.IPs = addrs("10.244.1.77")
	expect(check.Warn, check.Config)
	link, err := n.pod.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.pod.LinkSetDown(link); err != nil {
		t.Fatal(err)
	}
	expect(check.Fail, check.NoRoute)
}

func evidenceIn(r check.Result, key string) string {
	for _, e := range r.Evidence {
		if e.Key == key {
			return e.Value
		}
	}
	return ""
}
