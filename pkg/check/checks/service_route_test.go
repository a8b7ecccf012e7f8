package checks

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// routed is service shop/web with a route to it by Gateway shop/gw, all in order.
func routed() facts.Service {
	s := service("web")
	s.Asked = "svc/web"
	s.Ports = []facts.ServicePort{{Name: "http", Port: 80, Protocol: facts.TCP}}
	s.Routes = []facts.GatewayRoute{{Kind: "HTTPRoute", Namespace: "shop", Name: "front", Hosts: []string{"web.example"}, Path: "/", Port: 80, Parents: []facts.RouteParent{{
		Gateway: facts.Ref{Namespace: "shop", Name: "gw"}, Taken: true, Accepted: facts.Condition{Status: "True"}, ResolvedRefs: facts.Condition{Status: "True"},
	}}}}
	s.Gateways = []facts.Gateway{{Namespace: "shop", Name: "gw", Class: "test", Programmed: facts.Condition{Status: "True"}, Addresses: []string{"192.0.2.9"}, Listeners: []facts.Listener{
		{Name: "web", Port: 80, Protocol: "HTTP", From: "Same"}, {Name: "tls", Port: 443, Protocol: "HTTPS", From: "All", Host: "*.example"}, {Name: "raw", Port: 9000, Protocol: "TCP", From: "All"},
	}}}
	return s
}

func TestJudgeRoute(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*facts.Service)
		status check.Status
		says   string
	}{
		{"all in order", func(*facts.Service) {}, check.Pass, "leads to port 80"},
		{"no such port", func(s *facts.Service) { s.Routes[0].Port = 8080 }, check.Fail, "leads to port 8080, which the service does not have"},
		{"no port", func(s *facts.Service) { s.Routes[0].Port = 0 }, check.Fail, "leads to the service and names no port of it"},
		{"a port that nobody asked about", func(s *facts.Service) { s.OtherPorts, s.Ports = s.Ports, nil }, check.Pass, "leads to port 80"},
		{"no grant", func(s *facts.Service) { s.Routes[0].Foreign, s.Routes[0].Namespace = true, "edge" }, check.Fail, "is in namespace edge, and no ReferenceGrant in namespace shop lets it refer to the service"},
		{"granted", func(s *facts.Service) { s.Routes[0].Foreign, s.Routes[0].Granted = true, true }, check.Pass, "leads to port 80"},
		{"grants unread, but resolved", func(s *facts.Service) { s.Routes[0].Foreign, s.Routes[0].GrantsUnread = true, "no" }, check.Pass, "leads to port 80"},
		{"grants unread", func(s *facts.Service) {
			s.Routes[0].Foreign, s.Routes[0].GrantsUnread, s.Routes[0].Parents[0].ResolvedRefs = true, "no", facts.Condition{}
		}, check.Skipped, "cannot tell whether a ReferenceGrant lets it refer to the service: no"},
		{"a mesh's", func(s *facts.Service) { s.Routes[0].Parents = nil }, check.Skipped, "names no Gateway: it is a mesh's own matter"},
		{"no such Gateway", func(s *facts.Service) { s.Gateways[0] = facts.Gateway{Namespace: "shop", Name: "gw", Missing: true} }, check.Skipped, "its Gateway does not exist"},
		{"a Gateway that may not be read", func(s *facts.Service) { s.Gateways[0].Unread = "no" }, check.Skipped, "leads to port 80; cannot tell what its Gateway has: it could not be read"},
		{"no such listener", func(s *facts.Service) { s.Routes[0].Parents[0].Section = "wbe" }, check.Fail, "the Gateway has no listener named wbe; there is web (80/HTTP), tls (443/HTTPS *.example), raw (9000/TCP)"},
		{"no such port of a listener", func(s *facts.Service) { s.Routes[0].Parents[0].Port = 81 }, check.Fail, "the Gateway has no such listener on port 81; there is web (80/HTTP), tls (443/HTTPS *.example), raw (9000/TCP)"},
		{"no listener for its kind", func(s *facts.Service) { s.Routes[0].Parents[0].Section = "raw" }, check.Fail, "no such listener of the Gateway takes a HTTPRoute; there is raw (9000/TCP)"},
		{"no listener for its namespace", func(s *facts.Service) {
			s.Routes[0].Namespace, s.Routes[0].Foreign, s.Routes[0].Granted, s.Routes[0].Parents[0].Section = "edge", true, true, "web"
		}, check.Fail, "no such listener of the Gateway takes routes of namespace edge (allowedRoutes); there is web (80/HTTP)"},
		{"no listener for its host", func(s *facts.Service) {
			s.Routes[0].Hosts, s.Routes[0].Parents[0].Section = []string{"web.test"}, "tls"
		}, check.Fail, "no such listener of the Gateway is for web.test; there is tls (443/HTTPS *.example)"},
		{"no listener at all", func(s *facts.Service) { s.Gateways[0].Listeners = nil }, check.Fail, "the Gateway has no listener at all"},
		{"not accepted", func(s *facts.Service) {
			s.Routes[0].Parents[0].Accepted = facts.Condition{Status: "False", Reason: "NotAllowedByListeners"}
		}, check.Fail, "the Gateway's controller does not accept it: NotAllowedByListeners"},
		{"not resolved", func(s *facts.Service) {
			s.Routes[0].Parents[0].ResolvedRefs = facts.Condition{Status: "False", Reason: "BackendNotFound"}
		}, check.Fail, "the Gateway's controller cannot resolve what it refers to: BackendNotFound"},
		{"taken by nobody", func(s *facts.Service) {
			s.Routes[0].Parents[0] = facts.RouteParent{Gateway: s.Routes[0].Parents[0].Gateway}
		}, check.Warn, "leads to port 80, and no controller has taken notice of it"},
	} {
		s := routed()
		tt.change(&s)
		if r := judgeRoute(s, s.Routes[0], parentsOf(s.Routes[0])[0]); r.Status != tt.status || r.Summary != tt.says {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
}

func TestJudgeGatewayObject(t *testing.T) {
	no := facts.Condition{Status: "False", Reason: "Because", Message: "of it"}
	for _, tt := range []struct {
		name   string
		change func(*facts.Gateway)
		status check.Status
		says   string
	}{
		{"all in order", func(*facts.Gateway) {}, check.Pass, "has the address 192.0.2.9"},
		{"missing", func(g *facts.Gateway) { g.Missing = true }, check.Fail, "does not exist: nobody takes the routes that name it"},
		{"unread", func(g *facts.Gateway) { g.Unread = "no" }, check.Skipped, "cannot tell anything of it: no"},
		{"no class", func(g *facts.Gateway) { g.ClassMissing = true }, check.Fail, "is of class test, which does not exist: nobody serves it"},
		{"classes unread", func(g *facts.Gateway) { g.ClassUnread = "no" }, check.Pass, "has the address 192.0.2.9"},
		{"class refused", func(g *facts.Gateway) { g.ClassAccepted = no }, check.Fail, "is of class test, which its controller does not accept: Because"},
		{"refused", func(g *facts.Gateway) { g.Accepted = no }, check.Fail, "is not accepted by its controller: Because"},
		{"not programmed", func(g *facts.Gateway) { g.Programmed = no }, check.Fail, "is not programmed: Because"},
		{"no address", func(g *facts.Gateway) { g.Addresses = nil }, check.Warn, "has no address: there is no way in by it"},
		{"nobody's", func(g *facts.Gateway) { g.Addresses, g.Programmed = nil, facts.Condition{} }, check.Warn, "has no address, and no controller has taken notice of it (class test)"},
	} {
		g := routed().Gateways[0]
		tt.change(&g)
		if r := judgeGatewayObject(g); r.Status != tt.status || r.Summary != tt.says {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
}

func TestPlanRouteEntries(t *testing.T) {
	f := podFacts("10.1.0.9")
	f.Services = []facts.Service{routed()}
	f.Services[0].Gateways[0].Addresses = append(f.Services[0].Gateways[0].Addresses, "127.0.0.1")
	var got []string
	for _, p := range planEntries(f) {
		got = append(got, p.Object+" "+p.Target)
	}
	want := []string{"httproute/shop/front http://web.example/ at 192.0.2.9:80", "httproute/shop/front https://web.example/ at 192.0.2.9:443"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSameHosts(t *testing.T) {
	for _, pair := range []string{"a.example a.example", "*.example A.example", "a.b.example *.example", "*.b.example *.example"} {
		if a, b, _ := strings.Cut(pair, " "); !sameHosts(a, b) || !sameHosts(b, a) {
			t.Error(pair)
		}
	}
	for _, pair := range []string{"a.example b.example", "*.example example", "*.a.example *.b.example", "*.example xexample"} {
		if a, b, _ := strings.Cut(pair, " "); sameHosts(a, b) || sameHosts(b, a) {
			t.Error(pair)
		}
	}
}
