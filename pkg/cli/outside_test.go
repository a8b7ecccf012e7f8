package cli

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check/checks"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestFromOutside: the ways in are tried from this machine too, and stand beside what the
// probe found of the same.
func TestFromOutside(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	open := netip.MustParseAddrPort(server.Listener.Addr().String())
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shut := netip.MustParseAddrPort(closed.Addr().String())
	_ = closed.Close()
	b := &fakeBackend{gatherFor: func(req cluster.Request) (*facts.Facts, error) {
		if !req.Secrets {
			t.Error("the service is the question, and its Ingresses' secrets are not looked at")
		}
		return &facts.Facts{
			Ask:       facts.Ask{Attempts: 1, Timeout: req.Timeout},
			Vantage:   facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{Namespace: "shop", Name: "client", Node: "w1", IPs: []netip.Addr{netip.MustParseAddr("10.244.1.12")}}},
			Entrances: []facts.Node{{Name: "w1", IPs: []netip.Addr{open.Addr()}}},
			Services: []facts.Service{{
				Asked: req.Targets[0].Raw, Namespace: "shop", Name: "web", Type: "NodePort",
				Ports:     []facts.ServicePort{{Name: "http", Port: 80, NodePort: open.Port(), Protocol: facts.TCP}, {Name: "admin", Port: 81, NodePort: shut.Port(), Protocol: facts.TCP}},
				Endpoints: []facts.Endpoint{{Ready: true, Addr: netip.MustParseAddr("10.244.1.3")}},
			}},
		}, nil
	}}
	got := runOn(t, t.Context(), b, func(s *seams) { s.registry = &checks.Registry }, "service", "web", "--from-outside")
	for _, row := range []string{`OUTSIDE SAYS`, open.String() + ` +node/w1 +ok +ok`, shut.String() + ` +node/w1 +ok +fail +refused`} {
		if !regexp.MustCompile(row).MatchString(got.stdout) {
			t.Errorf("no row %q:\n%s", row, got.stdout)
		}
	}
	if got.code != 1 {
		t.Errorf("exit status %d", got.code)
	}
	b.gatherFor = nil
	if got := runOn(t, t.Context(), b, func(s *seams) { s.registry = &checks.Registry }, "service", "web", "--from-outside"); !strings.Contains(strings.Join(strings.Fields(got.stdout), " "), "no way in from outside: ") {
		t.Errorf("a service without any:\n%s", got.stdout)
	}
}
