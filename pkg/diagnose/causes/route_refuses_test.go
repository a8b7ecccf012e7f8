package causes

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// routes are those of the pod beside its default route.
func (w *world) routes(list ...facts.Route) *world {
	for i := range w.results {
		if r := &w.results[i]; r.Check == "vantage.interface" {
			r.Kernel = &facts.Kernel{Routes: append([]facts.Route{{Dst: "default", Gateway: "10.1.0.1", Dev: "eth0", Type: "unicast"}}, list...)}
		}
	}
	return w
}

func TestRouteThatRefuses(t *testing.T) {
	refuses := facts.Route{Dst: "10.96.0.80/32", Type: "unreachable"}
	for _, tt := range []struct {
		name   string
		world  *world
		causes []string
	}{
		{"it is met", newWorld().routes(refuses).fail(check.NoRoute, -1, "service.vip"), []string{"NL-POD-NO-ROUTE"}},
		{"a prohibiting one", newWorld().routes(facts.Route{Dst: "10.96.0.0/16", Type: "prohibit"}).fail(check.Denied, -1, "service.vip", "api.vip"), []string{"NL-POD-NO-ROUTE"}},
		{"a narrower one leads there", newWorld().routes(facts.Route{Dst: "10.96.0.0/16", Type: "blackhole"}, facts.Route{Dst: "10.96.0.80/32", Type: "unicast"}).fail(check.NoRoute, -1, "service.vip"), nil},
		{"it is of other addresses", newWorld().routes(refuses).fail(check.NoRoute, -1, "api.vip"), []string{"NL-API-VIP"}},
		{"it is of another table", newWorld().routes(facts.Route{Dst: "10.96.0.80/32", Type: "unreachable", Table: 200}).fail(check.NoRoute, -1, "service.vip"), nil},
		{"nothing meets it", newWorld().routes(refuses), nil},
	} {
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
			t.Errorf("%s: causes (-want +got):\n%s", tt.name, diff)
		}
	}
}

// A node routes what it sends itself before it translates it: a route that refuses the
// services' range hits it, and not its pods.
func TestNodeRefusesServices(t *testing.T) {
	w := newWorld().fail(check.NoRoute, -1, "service.vip", "service.endpoint 10.2.0.3")
	w.facts.Vantage = facts.Vantage{Kind: facts.VantageNode, Node: &w.facts.Nodes[0]}
	for i := range w.results {
		w.results[i].Vantage = "node/a"
	}
	w.kernel("vantage.interface ", facts.Kernel{Routes: []facts.Route{
		{Family: "ipv4", Dst: "10.96.0.0/16", Type: "blackhole"}, {Family: "ipv4", Dst: "10.2.0.0/26", Type: "blackhole"},
	}})
	v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
	if diff := cmp.Diff([]string{"NL-POD-NO-ROUTE"}, codes(v.Causes)); diff != "" || len(v.Causes[0].Explains) != 1 {
		t.Errorf("causes (-want +got):\n%s\n%+v", diff, v.Causes)
	}
}
