package checks

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// What a real kernel says of a veth of which one end is down, seen from the node.
func TestPodLinks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		down    func(node, pod *netnstest.Namespace) (at *netnstest.Namespace, link string)
		status  check.Status
		summary string
		where   string
	}{
		{"healthy", nil, check.Pass, "2 links of pods are up", ""},
		{"down on the node", func(node, _ *netnstest.Namespace) (*netnstest.Namespace, string) { return node, "veth2" },
			check.Warn, "1 of 2 links of pods are down: veth2", "down here; "},
		{"down in the pod", func(_, pod *netnstest.Namespace) (*netnstest.Namespace, string) { return pod, "eth0" },
			check.Warn, "1 of 2 links of pods are down: veth2", "down at the pod's end; "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !netnstest.Isolate(t) {
				return
			}
			node, pod := netnstest.Here(t), netnstest.New(t)
			netnstest.Join(t, netnstest.End{NS: node, Name: "veth1"}, netnstest.End{NS: netnstest.New(t), Name: "eth0"})
			netnstest.Join(t, netnstest.End{NS: node, Name: "veth2"}, netnstest.End{NS: pod, Name: "eth0"})
			if tt.down != nil {
				at, name := tt.down(node, pod)
				link, err := at.LinkByName(name)
				if err == nil {
					err = at.LinkSetDown(link)
				}
				if err != nil {
					t.Fatal(err)
				}
				node.Dead(t, "veth2")
			}
			r := run(t, "node.podlinks", flannelCluster())[0]
			if r.Status != tt.status || r.Summary != tt.summary {
				t.Errorf("%s %q, want %s %q", r.Status, r.Summary, tt.status, tt.summary)
			}
			if got := evidenceIn(r, "veth2"); !strings.HasPrefix(got, tt.where) || tt.where == "" && got != "" {
				t.Errorf("veth2: %q, want %q", got, tt.where)
			}
		})
	}
}
