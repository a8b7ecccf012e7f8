package causes

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// TestTightUnderlay: a node's tunnel that does not fit the interface below it.
func TestTightUnderlay(t *testing.T) {
	const says = "flannel.1 has MTU 1450, but eth0 with 1300 leaves room for 1250 only"
	tight := func(w *world) *world {
		w.read("b", "node.links", check.Warn, says)
		w.results[len(w.results)-1].Failure = check.MTU
		return w
	}
	for _, tt := range []struct {
		name   string
		world  *world
		causes []string
	}{
		{"it is all that is known", tight(newWorld()), []string{"NL-PATH-MTU-SMALL"}},
		{"paths show it", tight(newWorld().fail(check.MTU, 0, "path.mtu 10.2.0.2")), []string{"NL-PATH-MTU-BLACKHOLE"}},
		{"a doubt of another kind", newWorld().read("b", "node.links", check.Warn, "eth1 has no carrier"), nil},
	} {
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
			t.Errorf("%s: causes (-want +got):\n%s", tt.name, diff)
		}
		if len(v.Causes) > 0 && !strings.Contains(strings.Join(v.Causes[0].Evidence, "\n"), says) {
			t.Errorf("%s: evidence %q", tt.name, v.Causes[0].Evidence)
		}
	}
}

// TestLargeOnesLost: where a share of all packets is lost, a few large ones may be lost in a row.
func TestLargeOnesLost(t *testing.T) {
	large := func(w *world) *world { return w.fail(check.MTU, 0, "path.mtu 10.2.0.2") }
	for name, tt := range map[string]struct {
		world  *world
		causes []string
	}{
		"small ones arrive":      {large(newWorld().loss("10.2.0.2", 0, 0).loss("10.2.0.3", 0, 0)), []string{"NL-PATH-MTU-BLACKHOLE"}},
		"small ones are lost":    {large(newWorld().loss("10.2.0.2", 4, 1).loss("10.2.0.3", 5, 2)), []string{"NL-PATH-LOSS"}},
		"elsewhere some are too": {large(newWorld().node("c", 3).loss("10.3.0.2", 4, 2).loss("10.2.0.2", 0, 0).loss("10.2.0.3", 0, 0)), []string{"NL-PATH-MTU-BLACKHOLE"}},
	} {
		v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
		got := codes(v.Causes)
		slices.Sort(got)
		if diff := cmp.Diff(tt.causes, got); diff != "" || len(v.Unexplained) > 0 {
			t.Errorf("%s: causes (-want +got):\n%s\nunexplained %q", name, diff, v.Unexplained)
		}
	}
}
