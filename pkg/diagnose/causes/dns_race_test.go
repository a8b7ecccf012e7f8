package causes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Where the node's connection tracking never refused an entry, nothing there shows its
// race; a pod whose sidecar tracks for itself may have one all the same.
func TestRaceThatNothingShows(t *testing.T) {
	for _, tt := range []struct {
		counters  map[string]uint64
		container string
		none      bool
	}{
		{map[string]uint64{"conntrack.insert_failed": 0}, "app", true},
		{map[string]uint64{"conntrack.insert_failed": 0}, "istio-proxy", false},
		{map[string]uint64{"conntrack.insert_failed": 3}, "app", false},
		{nil, "app", false},
	} {
		w := newWorld()
		w.facts.Vantage.Pod.Containers = []facts.Container{{Name: tt.container}}
		w.add("dns.race", "dns", "resolv.conf udp", "", "", 0)
		w.fail(check.Loss, 0, "dns.race")
		r := &w.results[len(w.results)-1]
		r.Status, r.Summary = check.Warn, "9 of 40 pairs lost just one of the two answers"
		w.read("a", "node.counters", check.Pass, "read").kernel("node.counters a", facts.Kernel{Counters: tt.counters})
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if diff := cmp.Diff([]string{"NL-DNS-RACE"}, codes(v.Causes)); diff != "" {
			t.Fatalf("causes (-want +got):\n%s", diff)
		}
		f := v.Causes[0]
		if none := strings.HasSuffix(f.Headline, "nothing on node a shows the conntrack race"); none != tt.none {
			t.Errorf("%v, %s: %q", tt.counters, tt.container, f.Headline)
		}
		if !strings.Contains(f.Likely, "two packets of one socket at once") || strings.Contains(f.Headline, "is not") {
			t.Errorf("%v, %s: the race is ruled out: %q, %q", tt.counters, tt.container, f.Headline, f.Likely)
		}
	}
}
