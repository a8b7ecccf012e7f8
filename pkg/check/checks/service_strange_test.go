package checks

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestStrangeServices: services that nothing can be tried of say so in a line that serves
// whoever asked, and no check stumbles over them.
func TestStrangeServices(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*facts.Service)
		status check.Status
		says   string
	}{
		{"without ports", func(s *facts.Service) { s.Headless = true }, check.Skipped, "the service has no ports: nothing that could be tried"},
		{"headless, its selector fits no pod", func(s *facts.Service) {
			s.Headless, s.Selector, s.SelectorRead = true, map[string]string{"app": "gone"}, true
			s.Ports = []facts.ServicePort{{Port: 80, Protocol: facts.TCP}}
		}, check.Fail, "its selector matches no pod in namespace shop"},
		{"headless, without selector or endpoints", func(s *facts.Service) {
			s.Headless, s.Ports = true, []facts.ServicePort{{Port: 80, Protocol: facts.TCP}}
		}, check.Fail, "has no selector, and nobody has written an EndpointSlice for it"},
		{"an alias of an IPv4 address", func(s *facts.Service) { s.Type, s.ExternalName = "ExternalName", "192.0.2.7" }, check.Fail, "192.0.2.7 is an address: an alias needs a name"},
		{"an alias of an IPv6 address", func(s *facts.Service) { s.Type, s.ExternalName = "ExternalName", "2001:db8::7" }, check.Fail, "2001:db8::7 is an address: an alias needs a name"},
		{"an alias of nothing", func(s *facts.Service) { s.Type = "ExternalName" }, check.Skipped, "an ExternalName service is only a DNS alias of : it has no address of its own"},
		{"everything empty", func(s *facts.Service) {
			s.Endpoints = []facts.Endpoint{{Ready: true}, {Ready: true, Addr: netip.MustParseAddr("10.1.0.2"), Ports: []facts.EndpointPort{{}}}}
			s.Ports = []facts.ServicePort{{}}
			s.Ingresses = []facts.IngressRule{{TLS: &facts.IngressTLS{Secret: "x"}, Addresses: []string{""}}}
			s.Routes = []facts.GatewayRoute{{Parents: []facts.RouteParent{{}}}, {}}
			s.Gateways = []facts.Gateway{{Listeners: []facts.Listener{{}}}}
		}, check.Fail, "leads to port 0, which the service does not have"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := shopFacts()
			s := service("odd")
			s.Asked = "svc/odd"
			tt.change(&s)
			f.Services = []facts.Service{s}
			Registry.Plan(f)
			var said []string
			for _, r := range Registry.Read(f) {
				if r.Subject != serviceObject(s.Ref()) {
					continue
				}
				said = append(said, r.Summary)
				if r.Summary == tt.says && r.Status == tt.status {
					return
				}
			}
			t.Errorf("says %q", strings.Join(said, "; "))
		})
	}
}
