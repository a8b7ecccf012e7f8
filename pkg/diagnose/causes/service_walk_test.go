package causes

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// zones hints each endpoint for a zone of its own, and puts the client's node in the
// last one's.
func (w *world) zones() *world {
	s := &w.facts.Services[0]
	for i, zone := range []string{"za", "zb", "zc"} {
		s.Endpoints[i].Zone, s.Endpoints[i].ZoneHints = zone, []string{zone}
	}
	w.facts.Vantage.Node = &facts.Node{Name: "a", Zone: "zc"}
	return w
}

// by names the cluster's network plugin.
func (w *world) by(plugin string) *world {
	w.facts.Network.Plugin = plugin
	return w
}

// byHand leaves the service with one endpoint that no pod stands behind.
func (w *world) byHand() *world {
	s := &w.facts.Services[0]
	s.Selector = nil
	s.Endpoints = []facts.Endpoint{{Addr: addr("192.0.2.7"), Ready: true, Slice: "web-1", Ports: s.Endpoints[0].Ports}}
	w.results = slices.DeleteFunc(w.results, func(r check.Result) bool { return r.Check == "service.endpoint" || r.Check == "target.icmp" })
	w.add("service.endpoint", "service", "192.0.2.7:8080", "", "service/shop/web", 3)
	return w
}

func TestServiceCauses(t *testing.T) {
	warns := func(w *world, id string, failure check.Failure) *world {
		w.add(id, "service", "shop/web", "service/shop/web", "service/shop/web", 0)
		r := &w.results[len(w.results)-1]
		r.Status, r.Failure, r.Summary = check.Warn, failure, "no ready endpoint over IPv6: its ClusterIP leads nowhere; ready endpoints: 3 over IPv4"
		return w
	}
	dual := warns(newWorld(), "service.family", check.NoEndpoint)
	dual.facts.Services[0].ClusterIPs = append(dual.facts.Services[0].ClusterIPs, addr("fd00::80"))
	dual.add("service.vip", "service", "[fd00::80]:80", "service/shop/web", "service/shop/web", 3)
	dual.fail(check.Refused, -1, "service.vip [fd00::80]")
	otherPort := func(w *world) *world {
		w.add("service.endpoint", "service", "192.0.2.7:4194", "", "service/shop/web", 3)
		return w
	}
	for _, tt := range []struct {
		name     string
		world    *world
		causes   []string
		evidence string
	}{
		{"the only endpoint of the client's zone is dead", newWorld().zones().fail(check.Timeout, -1, "service.endpoint 10.2.0.3", "service.vip"), []string{"NL-SVC-ENDPOINT-DOWN"},
			"the hints of its EndpointSlices keep clients on zone zc to 1 of its 3 ready endpoints, of which 1 never answer: others see less of it, or nothing"},
		{"an endpoint of another zone is dead", newWorld().zones().fail(check.Timeout, -1, "service.endpoint 10.2.0.2"), []string{"NL-SVC-ENDPOINT-DOWN"}, ""},
		{"where a plugin leaves hints aside, one of another zone", newWorld().zones().by("Cilium").fail(check.Timeout, -1, "service.endpoint 10.2.0.2").fail(check.Timeout, 1, "service.vip"), []string{"NL-SVC-ENDPOINT-DOWN"}, ""},
		{"where a plugin may follow them, that of the client's zone", newWorld().zones().by("Cilium").fail(check.Timeout, -1, "service.endpoint 10.2.0.3", "service.vip"), []string{"NL-SVC-ENDPOINT-DOWN"},
			"the hints of its EndpointSlices, where Cilium or a kube-proxy follows them, keep clients on zone zc to 1 of its 3 ready endpoints, of which 1 never answer: others see less of it, or nothing"},
		{"a gRPC server does not serve", newWorld().fail(check.NotServing, -1, "service.endpoint 10.2.0.3").fail(check.NotServing, 2, "service.vip"), []string{"NL-APP-GRPC-NOT-SERVING"}, ""},
		{"a hand-written slice leads to nobody", newWorld().byHand().fail(check.Timeout, -1, "service.endpoint", "service.vip"), []string{"NL-SVC-HAND-SLICE"}, ""},
		{"to a closed port", newWorld().byHand().fail(check.Refused, -1, "service.endpoint", "service.vip"), []string{"NL-SVC-HAND-SLICE"}, ""},
		{"a port of a host that answers at another", otherPort(newWorld().byHand()).fail(check.Refused, -1, "service.endpoint 192.0.2.7:4194"), []string{"NL-SVC-ENDPOINT-REFUSES"}, ""},
		{"a hand-written slice, and all is well", newWorld().byHand(), nil, ""},
		{"a family without endpoints", dual, []string{"NL-SVC-FAMILY"}, ""},
		{"a pod lacks the port's name", warns(newWorld(), "service.portname", check.Config), []string{"NL-SVC-PORT-NAME"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" || len(v.Unexplained)+len(v.Candidates) > 0 {
				t.Errorf("causes (-want +got):\n%s\n%+v", diff, v)
			}
			var kept []string
			for _, f := range v.Causes {
				kept = append(kept, slices.DeleteFunc(slices.Clone(f.Evidence), func(line string) bool { return !strings.Contains(line, " keep clients") })...)
			}
			if got := strings.Join(kept, "; "); got != tt.evidence {
				t.Errorf("evidence %q, want %q", got, tt.evidence)
			}
		})
	}
}

// TestSliceWriters: a slice that a controller keeps is not said to be left to itself.
func TestSliceWriters(t *testing.T) {
	const mesh = "endpointslice-mesh-controller.cilium.io"
	for writer, want := range map[string]string{
		"":     "the service has no selector, and its EndpointSlice names no pod: nothing keeps it up to date",
		mirror: "the service has no selector, and its EndpointSlice names no pod: nothing keeps it up to date",
		mesh:   "EndpointSlice web-1 names no pod, and " + mesh + " keeps it up to date",
	} {
		w := newWorld().byHand().fail(check.Timeout, -1, "service.endpoint", "service.vip")
		w.facts.Services[0].Endpoints[0].Writer = writer
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if len(v.Causes) != 1 || !slices.Contains(v.Causes[0].Evidence, want) {
			t.Errorf("written by %q: %+v", writer, v.Causes)
		}
	}
}

func TestMeantPort(t *testing.T) {
	refuse := func() *world { return newWorld().fail(check.Refused, -1, "service.endpoint", "service.vip") }
	declared := refuse()
	s := &declared.facts.Services[0]
	s.SelectorRead = true
	s.SelectedPods = []facts.Pod{{Containers: []facts.Container{{Ports: []facts.ContainerPort{{Port: 9090, Protocol: facts.TCP}}}}}}
	several := refuse()
	several.facts.Services[0].SelectorRead = true
	several.facts.Services[0].SelectedPods = []facts.Pod{{Containers: []facts.Container{{Ports: []facts.ContainerPort{{Port: 9090, Protocol: facts.TCP}, {Port: 9091, Protocol: facts.TCP}}}}}}
	listens := refuse()
	listens.add("pod.listeners", "target", "shop/web-0", "pod/shop/web-0", "", 0)
	listens.results[len(listens.results)-1].Kernel = &facts.Kernel{Listeners: []string{"127.0.0.1:6060", "0.0.0.0:8443"}}
	for _, tt := range []struct {
		name  string
		world *world
		want  string
	}{
		{"nothing known", refuse(), ""},
		{"declared", declared, "did you mean 9090?"},
		{"several declared", several, ""},
		{"listened on", listens, "did you mean 8443?"},
	} {
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		if len(v.Causes) != 1 || v.Causes[0].Code != "NL-SVC-TARGET-PORT" || strings.Contains(v.Causes[0].Headline, "did you mean") != (tt.want != "") || !strings.Contains(v.Causes[0].Headline, tt.want) {
			t.Errorf("%s: %+v", tt.name, v.Causes)
		}
	}
}
