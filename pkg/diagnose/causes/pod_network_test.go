package causes

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// oneDark makes pod web-2 on node b silent, and both nodes' kernels read.
func (w *world) oneDark() *world {
	return w.fail(check.Timeout, -1, "service.endpoint 10.2.0.3", "target.icmp 10.2.0.3").fail(check.Timeout, 2, "service.vip").said("path.mtu", client, check.Skipped, "", "no answer").deep()
}

// inside is what a probe in web-2 says of its network.
func (w *world) inside(status check.Status, failure check.Failure) *world {
	r := check.Result{TaskID: "pod.network witness", Check: "pod.network", Vantage: "pod/shop/web-2", Status: status, Failure: failure, Summary: "as it is",
		Label: check.Label{Area: "target", Title: "own network", Target: "shop/web-2", Object: "pod/shop/web-2"}}
	w.results = append(w.results, r)
	return w
}

func TestInsideDark(t *testing.T) {
	for _, tt := range []struct {
		name   string
		world  *world
		causes []string
	}{
		{"it has no default route", newWorld().oneDark().inside(check.Warn, check.NoRoute), []string{"NL-POD-NO-ROUTE"}},
		{"its address is gone", newWorld().oneDark().inside(check.Warn, check.Config), []string{"NL-POD-LINK-DOWN"}},
		{"its network is in order", newWorld().oneDark().inside(check.Pass, ""), []string{"NL-SVC-ENDPOINT-DOWN"}},
		{"nothing is lost", newWorld().inside(check.Warn, check.NoRoute), nil},
	} {
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
			t.Errorf("%s: causes (-want +got):\n%s", tt.name, diff)
		}
	}
}
