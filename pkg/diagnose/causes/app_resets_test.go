package causes

import (
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// A ClusterIP at which some are cut, and others answered, has endpoints of both sorts
// behind that port; those of the service's other ports may do as they like.
func TestCutEndpoints(t *testing.T) {
	const asked, otherwise = "cut when asked, though others answer", "reset by the peer"
	const cut = "connection stays open, but is cut when asked in http: the protocol is another one"
	web2, admin := "service.endpoint 10.2.0.3:8080", "service.endpoint 10.2.0.3:9090"
	for _, tt := range []struct {
		name, detail, at string
		says             string
	}{
		{"some endpoints cut what others answer", asked, web2, "1 of 3 endpoints"},
		{"every endpoint answers", asked, "", ""},
		{"another port of the service cuts", asked, admin, ""},
		{"the ClusterIP resets otherwise", otherwise, web2, ""},
	} {
		w := newWorld()
		s := &w.facts.Services[0]
		s.Ports[0].Name = "http"
		s.Ports = append(s.Ports, facts.ServicePort{Name: "admin", Protocol: facts.TCP, Port: 8080, TargetPort: "9090"})
		for i := range s.Endpoints {
			s.Endpoints[i].Ports = []facts.EndpointPort{{Name: "http", Protocol: facts.TCP, Port: 8080}, {Name: "admin", Protocol: facts.TCP, Port: 9090}}
		}
		w.add("service.endpoint", "service", "10.2.0.3:9090", "pod/shop/web-2", "service/shop/web", 3)
		w.fail(check.Reset, 2, "service.vip")
		i := slices.IndexFunc(w.results, func(r check.Result) bool { return r.Check == "service.vip" })
		for j := range 2 {
			w.results[i].Attempts[j].Detail = tt.detail
		}
		if tt.at != "" {
			w.saying(tt.at, "answer", cut)
		}
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		named := len(v.Causes) == 1 && v.Causes[0].Code == "NL-APP-RESETS" && v.Causes[0].Confidence == diagnose.Likely
		if named != (tt.says != "") || !named && len(v.Causes) > 0 || named && !strings.HasPrefix(v.Causes[0].Headline, tt.says) || !named && len(v.Unexplained) != 1 {
			t.Errorf("%s: %+v, unexplained %q", tt.name, v.Causes, v.Unexplained)
		}
	}
}
