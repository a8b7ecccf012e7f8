package causes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// shared says that another pod, on that node, has the address of endpoint web-2.
func (w *world) shared(node string) *world {
	w.facts.Second.Shared = []facts.Shared{{Addr: addr("10.2.0.3"), Pods: []facts.Pod{
		{Namespace: "far", Name: "twin", Node: node}, {Namespace: "shop", Name: "web-2", Node: "b"},
	}}}
	return w
}

// TestDuplicateIPOverlapping: where networks may overlap, two pods with one address prove
// nothing.
func TestDuplicateIPOverlapping(t *testing.T) {
	w := newWorld().deadEndpoint().shared("b")
	w.facts.Network.Plugin = "Kube-OVN"
	v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
	for _, f := range append(v.Causes, v.Candidates...) {
		if f.Code == "NL-POD-DUPLICATE-IP" && f.Confidence == diagnose.Likely && strings.Contains(strings.Join(f.Evidence, "\n"), "in Kube-OVN networks may have") {
			return
		}
	}
	t.Errorf("%+v", v)
}

func TestDuplicateIP(t *testing.T) {
	for _, tt := range []struct {
		name   string
		world  *world
		causes []string
		likely string
	}{
		{"it refuses", newWorld().fail(check.Refused, -1, "service.endpoint 10.2.0.3").fail(check.Refused, 2, "service.vip").shared("b"), []string{"NL-POD-DUPLICATE-IP"}, "on node b has lost"},
		{"it is silent", newWorld().deadEndpoint().shared("b"), []string{"NL-POD-DUPLICATE-IP"}, "on node b has lost"},
		{"on two nodes", newWorld().deadEndpoint().shared("a"), []string{"NL-POD-DUPLICATE-IP"}, "two nodes give addresses"},
		{"another fails", newWorld().fail(check.Refused, -1, "service.endpoint 10.2.0.2").shared("b"), []string{"NL-SVC-ENDPOINT-REFUSES"}, ""},
		{"all is well", newWorld().shared("b"), nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
				t.Fatalf("causes (-want +got):\n%s", diff)
			}
			if tt.likely == "" {
				return
			}
			f := v.Causes[0]
			if !strings.HasPrefix(f.Headline, "pods far/twin and shop/web-2 have the same address 10.2.0.3") || !strings.Contains(f.Likely, tt.likely) || f.Confidence != diagnose.Certain {
				t.Errorf("%s: %q, likely %q", f.Confidence, f.Headline, f.Likely)
			}
			if len(v.Candidates) > 0 || len(v.Unexplained) > 0 {
				t.Errorf("candidates %q, unexplained %q", codes(v.Candidates), v.Unexplained)
			}
		})
	}
}
