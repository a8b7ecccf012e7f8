package causes

import (
	"slices"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// A service is asked for the path / of itself, which nobody promised: most errors there
// are warnings, and no cause. That the whole server is not there is one.
func TestAppErrorOfAService(t *testing.T) {
	for _, tt := range []struct {
		name, detail string
		lost         int
		named        bool
		sidecar      string
		answer       string
	}{
		{"a proxy without a backend", `HTTP 503 Service Unavailable "no healthy upstream"`, -1, true, "", ""},
		{"a backend that does not answer", "HTTP 504 Gateway Timeout", -1, true, "", ""},
		{"some requests", "HTTP 502 Bad Gateway", 1, false, "", ""},
		{"an application that does not like the path", "HTTP 500 Internal Server Error", -1, false, "", ""},
		{"one that does not know the method", "HTTP 501 Not Implemented", -1, false, "", ""},
		{"a server that tells its name", "HTTP 503 Service Unavailable", -1, true, "", "HTTP 503 Service Unavailable, server nginx"},
		{"HAProxy, which may not know the name", `HTTP 503 Service Unavailable "<html>"`, -1, false, "", "HTTP 503 Service Unavailable, neither Server nor Date (×3)"},
		{"a sidecar that lets nobody out", "HTTP 502 Bad Gateway", -1, false, "istio-proxy", "HTTP 502 Bad Gateway, server envoy"},
		{"an application, through a sidecar", `HTTP 503 Service Unavailable "no database"`, -1, true, "istio-proxy", ""},
		{"no status", "", -1, false, "", ""},
	} {
		w := newWorld().fail(check.HTTP, tt.lost, "service.endpoint", "service.vip")
		w.facts.Vantage.Pod.Containers = []facts.Container{{Name: tt.sidecar}}
		for i := range w.results {
			r := &w.results[i]
			if r.Failure != check.HTTP {
				continue
			}
			r.Status = check.Warn
			r.With("answer", "%s", tt.answer)
			for j := range r.Attempts {
				if r.Attempts[j].Failure != "" {
					r.Attempts[j].Detail = tt.detail
				}
			}
		}
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if got := slices.Contains(codes(v.Causes), "NL-APP-ERROR"); got != tt.named || len(v.Causes) > 1 {
			t.Errorf("%s: causes %q, named must be %v", tt.name, codes(v.Causes), tt.named)
		}
		if tt.named && len(v.Causes[0].Explains) != 4 {
			t.Errorf("%s: explains %q, must be the endpoints and the ClusterIP", tt.name, v.Causes[0].Explains)
		}
	}
}

// A server that is entered from outside may route by names of there, and need not know the
// one inside; nobody asks a pod by its address.
func TestAppErrorOfAnEntrance(t *testing.T) {
	for kind, want := range map[string]diagnose.Confidence{"ClusterIP": diagnose.Likely, "NodePort": diagnose.Possible, "LoadBalancer": diagnose.Possible, "": diagnose.Possible} {
		w := newWorld()
		w.facts.Services[0].Type = kind
		task := "service.endpoint"
		if kind == "" {
			w.facts.Services = nil
			w.add("target.tcp", "target", "10.2.0.7:8080", "pod/shop/router", "pod/shop/router", 1)
			task = "target.tcp"
		}
		w.fail(check.HTTP, -1, task)
		for i := range w.results {
			if r := &w.results[i]; r.Failure == check.HTTP {
				r.Status = check.Warn
				for j := range r.Attempts {
					r.Attempts[j].Detail = "HTTP 503 Service Unavailable"
				}
			}
		}
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		all := slices.Concat(v.Causes, v.Candidates)
		if len(all) != 1 || all[0].Code != "NL-APP-ERROR" || all[0].Confidence != want || (len(v.Causes) == 1) != (want == diagnose.Likely) {
			t.Errorf("%q: causes %+v, candidates %+v", kind, v.Causes, v.Candidates)
		}
	}
}
