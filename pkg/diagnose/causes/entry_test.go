package causes

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// entry adds a result about a rule that leads to the service.
func (w *world) entry(id, target, object string, status check.Status, failure check.Failure) *world {
	w.add(id, "service", target, object, "service/shop/web", 0)
	r := &w.results[len(w.results)-1]
	r.Status, r.Failure, r.Summary = status, failure, string(failure)
	if status == check.Warn && id == "service.ingressclass" {
		r.Summary = "names class gone, which does not exist: nobody serves it"
	}
	return w
}

func TestEntryVerdicts(t *testing.T) {
	const front, route, asked = "ingress/shop/front", "httproute/shop/front", "https://web.example/ at 192.0.2.1:443"
	certificate := func(w *world) *world {
		w.results[len(w.results)-1].Summary = "certificate expired on some day"
		return w
	}
	for _, tt := range []struct {
		name   string
		world  *world
		causes []string
	}{
		{"all well", newWorld().entry("service.ingress", "web.example/", front, check.Pass, "").entry("service.ingresstls", "web.example", front, check.Pass, ""), nil},
		{"no such port, and 503 at the address", newWorld().entry("service.ingress", "web.example/", front, check.Fail, check.Config).
			entry("service.entry", "http://web.example/ at 192.0.2.1:80", front, check.Warn, check.HTTP), []string{"NL-INGRESS-BACKEND"}},
		{"no such class", newWorld().entry("service.ingressclass", "front", front, check.Warn, check.Config), []string{"NL-INGRESS-CLASS"}},
		{"classes that may not be read", newWorld().entry("service.ingressclass", "front", front, check.Skipped, ""), nil},
		{"an expired secret, as it is served", certificate(newWorld().entry("service.ingresstls", "web.example", front, check.Fail, check.TLS).
			entry("service.entry", asked, front, check.Warn, check.TLS)), []string{"NL-INGRESS-TLS"}},
		{"an expired secret for a wildcard", certificate(newWorld().entry("service.ingresstls", "*.example", front, check.Fail, check.TLS).
			entry("service.entry", "https://netlook.example/ at 192.0.2.1:443", front, check.Warn, check.TLS)), []string{"NL-INGRESS-TLS"}},
		{"an expired secret for every host", certificate(newWorld().entry("service.ingresstls", "*", front, check.Fail, check.TLS).
			entry("service.entry", "https://192.0.2.1/ at 192.0.2.1:443", front, check.Warn, check.TLS)), []string{"NL-INGRESS-TLS"}},
		{"a rule of every host to no port", newWorld().entry("service.ingress", "*/x", front, check.Fail, check.Config).
			entry("service.entry", "http://[2001:db8::1]/x at [2001:db8::1]:80", front, check.Warn, check.HTTP), []string{"NL-INGRESS-BACKEND"}},
		{"an expired certificate in place of a good secret", certificate(newWorld().entry("service.ingresstls", "web.example", front, check.Pass, "").
			entry("service.entry", asked, front, check.Warn, check.TLS)), []string{"NL-TLS-CERTIFICATE"}},
		{"the secret of another host", certificate(newWorld().entry("service.ingresstls", "api.example", front, check.Fail, check.TLS).
			entry("service.entry", asked, front, check.Warn, check.TLS)), []string{"NL-INGRESS-TLS", "NL-TLS-CERTIFICATE"}},
		{"a route to no port, and 500 at the address", newWorld().entry("service.route", "web.example/ by gateway shop/gw", route, check.Fail, check.Config).
			entry("service.entry", "http://web.example/ at 192.0.2.9:80", route, check.Warn, check.HTTP), []string{"NL-GATEWAY-ROUTE"}},
		{"a route that nobody takes", newWorld().entry("service.route", "web.example/ by gateway shop/gw", route, check.Warn, check.Config), []string{"NL-GATEWAY-ROUTE"}},
		{"a Gateway that nobody serves", newWorld().entry("service.route", "web.example/ by gateway shop/gw/web", route, check.Warn, check.Config).
			entry("service.gateway", "shop/gw", "gateway/shop/gw", check.Fail, check.Config), []string{"NL-GATEWAY-DOWN"}},
		{"a Gateway without an address", newWorld().entry("service.gateway", "shop/gw", "gateway/shop/gw", check.Warn, check.NotReady), []string{"NL-GATEWAY-DOWN"}},
		{"an address that does not let its own cluster in", newWorld().entry("service.entry", asked, front, check.Warn, check.Timeout), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" || len(v.Candidates) > 0 || len(v.Unexplained) > 0 {
				t.Errorf("causes (-want +got):\n%s\n%+v", diff, v)
			}
		})
	}
	if got := hostPort(asked); got != "-connect 192.0.2.1:443 -servername web.example" {
		t.Error(got)
	}
	if got := hostPort("https://web.example/x"); got != "-connect web.example:443" {
		t.Error(got)
	}
}
