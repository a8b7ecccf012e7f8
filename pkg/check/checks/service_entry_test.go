package checks

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestPlanEntries(t *testing.T) {
	s := service("web")
	s.Asked = "svc/web"
	s.Ingresses = []facts.IngressRule{
		{Ingress: "front", Host: "web.example", Path: "/", Addresses: []string{"192.0.2.1", "lb.example"}, TLS: &facts.IngressTLS{}},
		{Ingress: "front", Host: "web.example", Path: "/x(.*)", Pattern: true, Addresses: []string{"192.0.2.1"}},
		{Ingress: "all", Host: "*", Path: "/api", Addresses: []string{"2001:db8::1"}},
		{Ingress: "wild", Host: "*.web.example", Path: "/", Addresses: []string{"192.0.2.1"}},
		{Ingress: "hostile", Host: "web.example", Path: "/", Addresses: []string{"127.0.0.1", "::1", "169.254.169.254", "0.0.0.0", "localhost", "::ffff:127.0.0.1"}},
		{Ingress: "unserved", Host: "web.example", Path: "/"},
	}
	f := podFacts("10.1.0.9")
	f.Services = []facts.Service{s}
	var got []string
	for _, p := range planEntries(f) {
		got = append(got, p.Object+" "+p.Target)
	}
	want := []string{
		"ingress/shop/front http://web.example/ at 192.0.2.1:80", "ingress/shop/front https://web.example/ at 192.0.2.1:443",
		"ingress/shop/front http://web.example/ at lb.example:80", "ingress/shop/front https://web.example/ at lb.example:443",
		"ingress/shop/all http://[2001:db8::1]/api at [2001:db8::1]:80",
		"ingress/shop/wild http://netlook.web.example/ at 192.0.2.1:80",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := readEntries(f); len(r) > 0 {
		t.Errorf("%+v", r)
	}
	for i := range maxEntries {
		rule := s.Ingresses[0]
		rule.Host = fmt.Sprintf("web-%d.example", i)
		f.Services[0].Ingresses = append(f.Services[0].Ingresses, rule, rule)
	}
	if n := len(planEntries(f)); n != maxEntries {
		t.Errorf("%d requests for one service", n)
	}
	// Of each new rule, once: two addresses, each with and without TLS.
	if r := readEntries(f); len(r) != 1 || r[0].Status != check.Skipped || r[0].Summary != fmt.Sprintf("%d requests by other rules, hosts or addresses were not made: 24 are", len(want)+4*maxEntries-maxEntries) {
		t.Errorf("%+v", r)
	}
	f.Services[0].Asked = ""
	if n := len(planEntries(f)); n != 0 {
		t.Errorf("%d requests that nobody asked for", n)
	}
}

// TestRunEntry: the request goes to the address, by the rule's host and path.
func TestRunEntry(t *testing.T) {
	asked := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Host + " " + r.URL.Path
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	r := runEntry(context.Background(), check.Task{Attempts: 1, Timeout: check.Duration(5 * time.Second)}, entryParams{
		URL: "http://web.example/api", Peer: dial.Peer{Addr: netip.MustParseAddrPort(server.Listener.Addr().String())},
	})
	if by := <-asked; r.Status != check.Warn || r.Failure != check.HTTP || by != "web.example /api" {
		t.Errorf("%s %s %q, asked for %q", r.Status, r.Failure, r.Summary, by)
	}
	secure := serveTLS(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	at := dial.Peer{Addr: netip.MustParseAddrPort(secure.Listener.Addr().String())}
	for _, tt := range []struct {
		name   string
		params entryParams
		status check.Status
		says   string
	}{
		{"another name's certificate", entryParams{URL: "https://web.test/", Peer: at}, check.Fail, "tls: certificate is for "},
		{"a rule for every host", entryParams{URL: "https://192.0.2.1/", Peer: at, AnyName: true}, check.Pass, "HTTP 404 Not Found, "},
		{"nobody there", entryParams{URL: "https://web.test/", Peer: dial.Peer{Addr: netip.MustParseAddrPort("127.0.0.1:1")}}, check.Warn, "refused"},
	} {
		r := runEntry(context.Background(), check.Task{Attempts: 1, Timeout: check.Duration(5 * time.Second)}, tt.params)
		if r.Status != tt.status || !strings.HasPrefix(r.Summary, tt.says) {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
	if r := runEntry(context.Background(), check.Task{}, entryParams{URL: "ftp://x"}); r.Status != check.Error {
		t.Errorf("%s %q", r.Status, r.Summary)
	}
}
