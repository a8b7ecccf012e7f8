package causes

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// stale says that the EndpointSlice of endpoint web-N is behind.
func (w *world) stale(n int, why string) *world {
	e := w.facts.Services[0].Endpoints[n]
	e.Slice, e.Writer = "web-x", selectorsController
	w.facts.Second.Stale = append(w.facts.Second.Stale, facts.Stale{
		Doubt: facts.Doubt{Service: facts.Ref{Namespace: "shop", Name: "web"}, Endpoint: e}, Why: why, Held: 3 * time.Second,
	})
	return w
}

func (w *world) lease(age time.Duration) *world {
	w.facts.Second.Controllers = &facts.Lease{Namespace: "kube-system", Name: "kube-controller-manager", Holder: "cp_1", Age: age, Lasts: 15 * time.Second}
	return w
}

func (w *world) writer(name string) *world {
	for i := range w.facts.Second.Stale {
		w.facts.Second.Stale[i].Endpoint.Writer = name
	}
	return w
}

func (w *world) deadEndpoint() *world {
	return w.fail(check.Timeout, -1, "service.endpoint 10.2.0.3", "target.icmp 10.2.0.3").fail(check.Timeout, 2, "service.vip")
}

func TestGhostEndpoint(t *testing.T) {
	for _, tt := range []struct {
		name       string
		world      *world
		causes     []string
		confidence diagnose.Confidence
		says       []string
	}{
		{"it fails, and its pod is gone", newWorld().deadEndpoint().stale(2, "is gone"), []string{"NL-SVC-GHOST-ENDPOINT"}, diagnose.Certain,
			[]string{"endpoint 10.2.0.3 of service shop/web is of pod web-2, which is gone: the EndpointSlice controller is behind", "still named it 3s later", "is stuck, or not allowed"}},
		{"the controllers' lease has run out", newWorld().deadEndpoint().stale(2, "is gone").lease(time.Minute), []string{"NL-SVC-GHOST-ENDPOINT"}, diagnose.Certain,
			[]string{"renewed 1m0s ago, by cp_1", "kube-controller-manager is down"}},
		{"it has not", newWorld().deadEndpoint().stale(2, "is gone").lease(time.Second), []string{"NL-SVC-GHOST-ENDPOINT"}, diagnose.Certain,
			[]string{"renewed 1s ago", "is behind with EndpointSlices: its lease is fresh"}},
		{"it refuses: somebody else has the address", newWorld().fail(check.Refused, -1, "service.endpoint 10.2.0.3").stale(2, "was replaced by another of that name"), []string{"NL-SVC-GHOST-ENDPOINT"}, diagnose.Certain,
			[]string{"by the API, pod shop/web-2 was replaced by another of that name, and EndpointSlice web-x still named it"}},
		{"two of them", newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3", "service.endpoint 10.1.0.2").stale(0, "is gone").stale(2, "is gone"), []string{"NL-SVC-GHOST-ENDPOINT"}, diagnose.Certain,
			[]string{"2 endpoints of service shop/web are of pods that are not there any more"}},
		{"a controller of its own writes the slice", newWorld().deadEndpoint().stale(2, "is gone").writer("mesh.example.com"), []string{"NL-SVC-GHOST-ENDPOINT"}, diagnose.Certain,
			[]string{"mesh.example.com is behind", "mesh.example.com, who keeps that slice by its label, is down or stuck"}},
		{"it answers all the same", newWorld().stale(2, "is gone"), []string{"NL-SVC-GHOST-ENDPOINT"}, diagnose.Likely, []string{"is not of this service"}},
		{"it fails, and its pod is there", newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3"), []string{"NL-SVC-ENDPOINT-DOWN"}, diagnose.Likely, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
				t.Fatalf("causes (-want +got):\n%s", diff)
			}
			f := v.Causes[0]
			text := strings.Join(append(append([]string{f.Headline, f.Likely}, f.Where...), f.Evidence...), "\n")
			for _, want := range tt.says {
				if !strings.Contains(text, want) {
					t.Errorf("it does not say %q:\n%s", want, text)
				}
			}
			if f.Confidence != tt.confidence || len(v.Candidates) > 0 || len(v.Unexplained) > 0 {
				t.Errorf("%s, candidates %q, unexplained %q", f.Confidence, codes(v.Candidates), v.Unexplained)
			}
		})
	}
}
