package causes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// owned says who made the pods of the service, and which port they declare, by pod.
func (w *world) owned(owners map[string]string, ports map[string]uint16) *world {
	s := &w.facts.Services[0]
	s.SelectorRead = true
	for _, e := range s.Endpoints {
		pod := facts.Pod{Namespace: e.Pod.Namespace, Name: e.Pod.Name, Owner: owners[e.Pod.Name]}
		if port := ports[e.Pod.Name]; port != 0 {
			pod.Containers = []facts.Container{{Ports: []facts.ContainerPort{{Port: port, Protocol: facts.TCP}}}}
		}
		s.SelectedPods = append(s.SelectedPods, pod)
	}
	s.Siblings = []string{"batch"}
	return w
}

func TestSelectorWide(t *testing.T) {
	two := map[string]string{"web-0": "deployment/web", "web-1": "deployment/web", "web-2": "deployment/batch"}
	same := map[string]uint16{"web-0": 8080, "web-1": 8080, "web-2": 8080}
	other := map[string]uint16{"web-0": 8080, "web-1": 8080, "web-2": 9090}
	refused := func() *world {
		return newWorld().fail(check.Refused, -1, "service.endpoint 10.2.0.3").fail(check.Refused, 2, "service.vip")
	}
	for _, tt := range []struct {
		name   string
		world  *world
		causes []string
	}{
		{"a canary and a stable one, all well", newWorld().owned(two, same), nil},
		{"another application refuses", refused().owned(two, other), []string{"NL-SVC-SELECTOR-WIDE"}},
		{"another application hangs", newWorld().fail(check.Silent, -1, "service.endpoint 10.2.0.3").fail(check.Silent, 2, "service.vip").owned(two, other), []string{"NL-SVC-SELECTOR-WIDE"}},
		{"a broken canary", refused().owned(two, same), []string{"NL-SVC-ENDPOINT-REFUSES"}},
		{"pods that declare nothing", refused().owned(two, nil), []string{"NL-SVC-ENDPOINT-REFUSES"}},
		{"one workload", refused().owned(map[string]string{"web-0": "deployment/web", "web-1": "deployment/web", "web-2": "deployment/web"}, other), []string{"NL-SVC-ENDPOINT-REFUSES"}},
		{"pods made by hand", refused().owned(nil, other), []string{"NL-SVC-ENDPOINT-REFUSES"}},
		{"another application that answers", newWorld().owned(two, other), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" || len(v.Unexplained) > 0 {
				t.Errorf("causes (-want +got):\n%s\n%+v", diff, v)
			}
			if len(v.Causes) > 0 && v.Causes[0].Code == "NL-SVC-SELECTOR-WIDE" && !strings.Contains(strings.Join(v.Causes[0].Evidence, "; "), "9090/TCP; the same selector is that of service batch") {
				t.Errorf("evidence %q", v.Causes[0].Evidence)
			}
		})
	}
}
