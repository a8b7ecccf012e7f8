package checks

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func TestTargetProxyPlanned(t *testing.T) {
	const proxy = "proxy.example:3128"
	for _, tt := range []struct {
		name, to string
		service  bool
		no       string
		want     string
	}{
		{"a URL", "http://payments.shop", false, "localhost", "http://payments.shop by proxy " + proxy},
		{"a URL that is excepted", "http://payments.shop.svc", false, ".svc", ""},
		{"no URL", "payments.shop:80", false, "", ""},
		{"a service", "", true, "10.0.0.0/8", "http://payments.shop.svc:80/ by proxy " + proxy},
		{"a service by one of its names", "", true, ".svc", ""},
		{"a service by another", "", true, ".cluster.local", ""},
	} {
		f := shopFacts()
		f.Ask.External = []target.Target{parseTarget(t, "kubernetes.io:443")}
		f.Vantage.Pod.Containers = []facts.Container{
			{Name: "app", Proxy: facts.ProxyEnv{HTTP: proxy, No: tt.no}},
			{Name: "side", Proxy: facts.ProxyEnv{HTTP: proxy, No: tt.no}},
			{Name: "plain"},
		}
		if tt.to != "" {
			f.Targets = []facts.Target{{Target: parseTarget(t, tt.to)}}
		}
		if tt.service {
			s := payments()
			f.Services = []facts.Service{s} // not asked about
			if planned := planTargetProxy(f); len(planned) > 0 {
				t.Errorf("%s: planned without being asked", tt.name)
			}
			s.Asked = "svc/payments"
			f.Services = []facts.Service{s}
		}
		var got []string
		for _, p := range planTargetProxy(f) {
			got = append(got, p.Target)
		}
		if strings.Join(got, "; ") != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		f.Ask.External = nil
		if len(planTargetProxy(f)) > 0 {
			t.Errorf("%s: nothing outside was to be asked", tt.name)
		}
		f.Ask.External = []target.Target{parseTarget(t, "kubernetes.io:443")}
		f.Vantage = facts.Vantage{Kind: facts.VantageNode, Node: &f.Nodes[0]}
		if len(planTargetProxy(f)) > 0 {
			t.Errorf("%s: a node has no environment", tt.name)
		}
	}
}

func TestTargetProxyRun(t *testing.T) {
	for code, want := range map[int]check.Status{200: check.Pass, 404: check.Pass, 503: check.Warn, 407: check.Skipped} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		peer, ok := proxyPeer(server.Listener.Addr().String())
		if !ok {
			t.Fatal("no peer")
		}
		task := check.Task{Attempts: 1, Timeout: check.Duration(2 * time.Second)}
		r := systemDNS.byProxy(t.Context(), task, byProxyParams{URL: "http://payments.shop/", Proxy: peer, Container: "app"})
		server.Close()
		if r.Status != want {
			t.Errorf("%d: %s %q, want %s", code, r.Status, r.Summary, want)
		}
		if r = systemDNS.byProxy(t.Context(), task, byProxyParams{URL: "http://payments.shop/", Proxy: peer, Container: "app"}); r.Status != check.Warn || r.Failure != check.Refused {
			t.Errorf("a proxy that is gone: %s %q", r.Status, r.Summary)
		}
	}
}

func TestProxyPeer(t *testing.T) {
	for proxy, want := range map[string]string{
		"proxy.example:3128": "proxy.example:3128", "192.0.2.1:80": "192.0.2.1:80", "[fd00::1]:80": "[fd00::1]:80",
		"127.0.0.1:3128": "127.0.0.1:3128", "localhost:3128": "localhost:3128", "169.254.169.254:80": "", "[fd00:ec2::254]:80": "",
		"": "", "proxy": "", ":80": "", "proxy:x": "", "proxy:70000": "",
	} {
		peer, ok := proxyPeer(proxy)
		if ok != (want != "") || ok && peer.String() != want {
			t.Errorf("%q: %s, %v", proxy, peer, ok)
		}
	}
}

// What a NO_PROXY excepts by a cluster domain of its own, only the pod's resolv.conf tells.
func TestTargetProxyDomain(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for _, tt := range []struct {
		name, search, no string
		service          bool
		want             check.Status
	}{
		{"another domain, excepted", "shop.svc.corp.internal svc.corp.internal corp.internal", ".corp.internal", true, check.Skipped},
		{"another domain, not excepted", "shop.svc.corp.internal svc.corp.internal corp.internal", ".cluster.example", true, check.Pass},
		{"no domain", "example.com", ".corp.internal", true, check.Pass},
		{"no service", "svc.corp.internal", ".corp.internal", false, check.Pass},
	} {
		f := shopFacts()
		f.Ask.External = []target.Target{parseTarget(t, "kubernetes.io:443")}
		f.Vantage.Pod.Containers = []facts.Container{{Name: "app", Proxy: facts.ProxyEnv{HTTP: server.Listener.Addr().String(), No: tt.no}}}
		s := payments()
		s.Asked = "svc/payments"
		f.Services = []facts.Service{s}
		if !tt.service {
			f.Services, f.Targets = nil, []facts.Target{{Target: parseTarget(t, "http://payments.shop.svc")}}
		}
		planned := planTargetProxy(f)
		if len(planned) != 1 {
			t.Fatalf("%s: planned %v", tt.name, planned)
		}
		probe := dnsProbe{resolvConf: writeResolvConf(t, "search "+tt.search+"\nnameserver 127.0.0.1\n")}
		r := probe.byProxy(t.Context(), check.Task{Attempts: 1, Timeout: check.Duration(2 * time.Second)}, planned[0].Params)
		if r.Status != tt.want {
			t.Errorf("%s: %s %q, want %s", tt.name, r.Status, r.Summary, tt.want)
		}
	}
}
