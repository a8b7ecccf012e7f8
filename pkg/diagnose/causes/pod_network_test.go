package causes

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// oneDark makes pod web-2 on node b silent, and both nodes' kernels read.
func (w *world) oneDark() *world {
	for i := range w.results {
		if r := &w.results[i]; r.TaskID == "path.mtu 10.2.0.3" {
			r.Status = check.Skipped
		}
	}
	return w.fail(check.Timeout, -1, "service.endpoint 10.2.0.3", "target.icmp 10.2.0.3").fail(check.Timeout, 2, "service.vip").deep()
}

// inside is what a probe in web-2 says of its network, of which link and route are a part.
func (w *world) inside(status check.Status, failure check.Failure, link, route string) *world {
	r := check.Result{TaskID: "pod.network witness", Check: "pod.network", Vantage: "pod/shop/web-2", Status: status, Failure: failure, Summary: "as it is",
		Label: check.Label{Area: "target", Title: "own network", Target: "shop/web-2", Object: "pod/shop/web-2"}}
	r.Kernel = &facts.Kernel{Links: []facts.Link{{Name: "eth0", Addrs: []string{link}}}, Routes: []facts.Route{{Dst: route, Type: "unicast", Dev: "eth0"}}}
	w.results = append(w.results, r)
	return w
}

func TestInsideDark(t *testing.T) {
	for _, tt := range []struct {
		name   string
		world  *world
		causes []string
	}{
		{"it has no default route", newWorld().oneDark().inside(check.Warn, check.NoRoute, "10.2.0.3/24", "10.2.0.0/24"), []string{"NL-POD-NO-ROUTE"}},
		{"it has none, but one to the client", newWorld().oneDark().inside(check.Warn, check.NoRoute, "10.2.0.3/24", "10.0.0.0/8"), nil},
		{"its address is gone", newWorld().oneDark().inside(check.Warn, check.Config, "10.2.0.77/24", "default"), []string{"NL-POD-LINK-DOWN"}},
		{"another address of it is gone", newWorld().oneDark().inside(check.Warn, check.Config, "10.2.0.3/24", "default"), nil},
		{"it answers but for a port", newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip").inside(check.Warn, check.NoRoute, "10.2.0.3/24", "10.2.0.0/24"), []string{"NL-SVC-ENDPOINT-DOWN"}},
		{"its network is in order", newWorld().oneDark().inside(check.Pass, "", "10.2.0.3/24", "default"), nil},
		{"nothing is lost", newWorld().inside(check.Warn, check.NoRoute, "10.2.0.3/24", "10.2.0.0/24"), nil},
	} {
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
			t.Errorf("%s: causes (-want +got):\n%s", tt.name, diff)
		}
	}
}
