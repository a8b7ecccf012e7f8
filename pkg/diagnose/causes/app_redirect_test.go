package causes

import (
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestRedirect(t *testing.T) {
	tls := facts.ServicePort{Port: 443, Protocol: facts.TCP}
	quic := facts.ServicePort{Port: 443, Protocol: facts.UDP}
	for _, tt := range []struct {
		name, fails      string
		status           check.Status
		service          func(*facts.Service) bool // nil for one without the port
		want, candidates []string
	}{
		{"to a port that is not there", "refused at port 443", check.Warn, nil, []string{"NL-APP-REDIRECT"}, nil},
		{"in several ways", "timeout at port 443 (×2); refused at port 443", check.Warn, nil, []string{"NL-APP-REDIRECT"}, nil},
		{"to one of UDP", "timeout at port 443", check.Warn, func(s *facts.Service) bool { s.Ports = append(s.Ports, quic); return true }, []string{"NL-APP-REDIRECT"}, nil},
		{"to one whose endpoints are down", "refused at port 443", check.Warn, func(s *facts.Service) bool { s.Ports = append(s.Ports, tls); return true }, nil, []string{"NL-APP-REDIRECT"}},
		{"to one that was not asked about", "refused at port 443", check.Warn, func(s *facts.Service) bool { s.OtherPorts = append(s.OtherPorts, tls); return true }, nil, []string{"NL-APP-REDIRECT"}},
		{"of a host outside, by an alias", "timeout at port 443", check.Warn, func(s *facts.Service) bool { s.Type = "ExternalName"; return true }, nil, []string{"NL-APP-REDIRECT"}},
		{"of a host that is no service's", "timeout at port 443", check.Warn, func(*facts.Service) bool { return false }, nil, []string{"NL-APP-REDIRECT"}},
		{"to one that is", "", check.Pass, nil, nil, nil},
		{"no redirect, an error", "", check.Fail, nil, []string{"NL-APP-ERROR"}, nil},
	} {
		w := newWorld()
		s := w.facts.Services[0]
		s.Ports = slices.Clone(s.Ports)
		w.facts.Targets = []facts.Target{{Target: parsed(t, "http://web"), Service: &s}}
		if tt.service != nil && !tt.service(&s) {
			w.facts.Targets[0].Service = nil
		}
		w.add("target.http", "target", "http://web", "", "", 1)
		r := &w.results[len(w.results)-1]
		r.Status, r.Asked = tt.status, "http://web"
		if tt.status != check.Pass {
			r.Failure, r.Attempts[0].Failure = check.HTTP, check.HTTP
		}
		if tt.fails != "" {
			r.With("redirect fails", "%s", tt.fails)
		}
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if !slices.Equal(codes(v.Causes), tt.want) || !slices.Equal(codes(v.Candidates), tt.candidates) {
			t.Errorf("%s: causes %q, candidates %q, want %q, %q", tt.name, codes(v.Causes), codes(v.Candidates), tt.want, tt.candidates)
		}
		if tt.fails != "" && tt.service == nil && (!strings.Contains(v.Causes[0].Headline, tt.fails) || !slices.Contains(v.Causes[0].Evidence, "service shop/web has 80/TCP")) {
			t.Errorf("%s: %+v", tt.name, v.Causes[0])
		}
	}
}
