package causes

import (
	"slices"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// A service is asked for the path / of itself, which nobody promised: most errors there
// are warnings, and no cause. That the whole server is not there is one.
func TestAppErrorOfAService(t *testing.T) {
	for _, tt := range []struct {
		name, detail string
		lost         int
		named        bool
	}{
		{"a proxy without a backend", `HTTP 503 Service Unavailable "no healthy upstream"`, -1, true},
		{"a backend that does not answer", "HTTP 504 Gateway Timeout", -1, true},
		{"some requests", "HTTP 502 Bad Gateway", 1, false},
		{"an application that does not like the path", "HTTP 500 Internal Server Error", -1, false},
		{"one that does not know the method", "HTTP 501 Not Implemented", -1, false},
		{"no status", "", -1, false},
	} {
		w := newWorld().fail(check.HTTP, tt.lost, "service.endpoint", "service.vip")
		for i := range w.results {
			r := &w.results[i]
			if r.Failure != check.HTTP {
				continue
			}
			r.Status = check.Warn
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
