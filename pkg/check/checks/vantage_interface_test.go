package checks

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// A pod whose lo is down reaches the cluster; a node's is no matter of this check.
func TestJudgeInterfaceTellsLoopback(t *testing.T) {
	for _, tt := range []struct {
		name    string
		pod, up bool
		want    check.Status
	}{
		{"up", true, true, check.Pass},
		{"down", true, false, check.Warn},
		{"down on a node", false, false, check.Pass},
	} {
		k := facts.Kernel{
			Links: []facts.Link{
				{Name: "lo", Up: tt.up, Addrs: []string{"127.0.0.1/8"}, State: "down"},
				{Name: "eth0", Up: true, State: "up", Addrs: []string{"10.1.0.9/24"}},
			},
			Routes: []facts.Route{{Dst: "default", Gateway: "10.1.0.1", Dev: "eth0", Type: "unicast"}},
		}
		r := judgeInterface(k, interfaceParams{Pod: tt.pod})
		if r.Status != tt.want || (tt.want == check.Warn) != strings.Contains(r.Summary, "lo is down") {
			t.Errorf("%s: %s %q, want %s", tt.name, r.Status, r.Summary, tt.want)
		}
	}
}
