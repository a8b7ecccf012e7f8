package checks

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestResolvers asks real servers on loopback: any answer counts, silence does not.
func TestResolvers(t *testing.T) {
	port := serveDNS(t, map[string]dns.Handler{"127.0.0.1": zone{}, "127.0.0.2": mute})
	task := check.Task{Timeout: check.Duration(400 * time.Millisecond)}
	for _, tt := range []struct {
		name, conf string
		status     check.Status
		summary    string
	}{
		{"it answers, if only that there is no such name", "nameserver 127.0.0.1\n", check.Pass, "1 of 1 name servers answer"},
		{"silent", "nameserver 127.0.0.2\n", check.Fail, "no name server of resolv.conf answers: 127.0.0.2"},
		{"the first is silent", "nameserver 127.0.0.2\nnameserver 127.0.0.1\n", check.Fail, "1 of 2 name servers never answer"},
		{"the second is", "nameserver 127.0.0.1\nnameserver 127.0.0.2\n", check.Warn, "1 of 2 name servers never answer"},
	} {
		probe := dnsProbe{resolvConf: writeResolvConf(t, tt.conf), hosts: "/dev/null", port: port}
		if r := probe.resolvers(t.Context(), task, resolverParams{}); r.Status != tt.status || !strings.HasPrefix(r.Summary, tt.summary) {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
}

// TestResolversOfASite: a server that can forward nothing answers for what it knows, and
// one that a pod has from its node is none that anybody chose for it.
func TestResolversOfASite(t *testing.T) {
	only := func(name string) dns.Handler {
		return dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
			if m.Question[0].Name == name {
				zone{}.ServeDNS(w, m)
			}
		})
	}
	port := serveDNS(t, map[string]dns.Handler{
		"127.0.0.1": only("kubernetes.default.svc.k8s.example."), "127.0.0.2": only("localhost."), "127.0.0.3": only("site.example."), "127.0.0.4": mute,
	})
	task := check.Task{Timeout: check.Duration(400 * time.Millisecond)}
	for _, tt := range []struct {
		name, conf string
		params     resolverParams
		want       check.Status
	}{
		{"the cluster's", "nameserver 127.0.0.1\n", resolverParams{Domain: "k8s.example"}, check.Pass},
		{"the cluster's, by the search list", "nameserver 127.0.0.1\nsearch a.svc.k8s.example svc.k8s.example\n", resolverParams{}, check.Pass},
		{"a stub", "nameserver 127.0.0.2\n", resolverParams{}, check.Pass},
		{"the site's own domain", "nameserver 127.0.0.3\nsearch svc.cluster.local cluster.local site.example\n", resolverParams{}, check.Pass},
		{"chosen for the pod, and silent", "nameserver 127.0.0.4\n", resolverParams{}, check.Fail},
		{"the node's, and silent", "nameserver 127.0.0.4\n", resolverParams{Inherited: true}, check.Warn},
	} {
		probe := dnsProbe{resolvConf: writeResolvConf(t, tt.conf), hosts: "/dev/null", port: port}
		if r := probe.resolvers(t.Context(), task, tt.params); r.Status != tt.want {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	probe := dnsProbe{resolvConf: writeResolvConf(t, "nameserver 127.0.0.1\n"), hosts: "/dev/null", port: port}
	if r := probe.resolvers(gone, task, resolverParams{}); r.Status != check.Error {
		t.Errorf("cancelled: %s %q", r.Status, r.Summary)
	}
}

func TestPlanResolver(t *testing.T) {
	pod := func(policy string) *facts.Facts {
		return &facts.Facts{Vantage: facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{DNSPolicy: policy}}}
	}
	for policy, want := range map[string]int{"ClusterFirst": 0, "": 0, "None": 1, "Default": 1} {
		if got := len(planDNSResolver(pod(policy))); got != want {
			t.Errorf("dnsPolicy %q: %d tasks, want %d", policy, got, want)
		}
	}
}

// TestSearchInHosts: what the hosts file says of a service must be the service.
func TestSearchInHosts(t *testing.T) {
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("192.0.2.66 web.shop.svc.cluster.local\n192.0.2.67 db.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	port := serveDNS(t, map[string]dns.Handler{"127.0.0.1": zone{"db.example. A": "192.0.2.7", "web.shop.svc.cluster.local. A": "10.96.0.80"}})
	probe := dnsProbe{resolvConf: writeResolvConf(t, "nameserver 127.0.0.1\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"), hosts: hosts, port: port}
	task := check.Task{Timeout: check.Duration(2 * time.Second)}
	web := searchParams{Name: "web", InCluster: true, Also: []string{"web.shop", "web.shop.svc"}, Want: []netip.Addr{netip.MustParseAddr("10.96.0.80")}}
	if r := probe.search(t.Context(), task, web); r.Status != check.Fail || r.Failure != check.WrongAnswer {
		t.Errorf("a service elsewhere: %s %s %q", r.Status, r.Failure, r.Summary)
	}
	web.Want = []netip.Addr{netip.MustParseAddr("192.0.2.66")}
	if r := probe.search(t.Context(), task, web); r.Status != check.Pass {
		t.Errorf("the hosts file agrees: %s %q", r.Status, r.Summary)
	}
	r := probe.search(t.Context(), task, searchParams{Name: "db.example"})
	if r.Status != check.Pass || evidenceIn(r, dnsSays) != "192.0.2.7" {
		t.Errorf("another name: %s %q, DNS says %q", r.Status, r.Summary, evidenceIn(r, dnsSays))
	}
}

// TestWantedAddrs: a hosts file may lead to a service by each of its addresses, and a pod
// that has its service's name finds itself there, as the kubelet writes it.
func TestWantedAddrs(t *testing.T) {
	addr := netip.MustParseAddr
	self := &facts.Pod{Namespace: "shop", Name: "web", IPs: []netip.Addr{addr("10.244.0.9")}, Labels: map[string]string{"run": "web"}}
	f := &facts.Facts{Vantage: facts.Vantage{Kind: facts.VantagePod, Pod: self}}
	web := facts.Service{Namespace: "shop", Name: "web", ClusterIPs: []netip.Addr{addr("10.96.0.80")}, ExternalIPs: []netip.Addr{addr("192.0.2.8")}, Balancers: []string{"192.0.2.9", "lb.example"}}
	own, endpoint, other := web, web, web
	own.Selector = map[string]string{"run": "web"}
	endpoint.Endpoints = []facts.Endpoint{{Addr: addr("10.244.0.9"), Pod: &facts.Ref{Namespace: "shop", Name: "web"}}}
	other.Selector = map[string]string{"run": "db"}
	for _, tt := range []struct {
		name    string
		service facts.Service
		want    string
	}{
		{"the pod is selected", own, "10.96.0.80, 192.0.2.8, 192.0.2.9, 10.244.0.9"},
		{"the pod is an endpoint", endpoint, "10.96.0.80, 192.0.2.8, 192.0.2.9, 10.244.0.9"},
		{"another's service with the pod's name", other, "10.96.0.80, 192.0.2.8, 192.0.2.9"},
		{"a headless one without endpoints", facts.Service{Headless: true, ExternalIPs: web.ExternalIPs}, ""},
	} {
		if got := addrsText(wantedAddrs(f, tt.service)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
