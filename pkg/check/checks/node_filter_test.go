package checks

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"
)

// TestPlanFilter: a node is asked about the addresses in doubt, then about those of this run.
func TestPlanFilter(t *testing.T) {
	f := flannelCluster()
	doubted := netip.MustParseAddr("10.9.9.9")
	f.Doubted = []netip.Addr{doubted}
	c, _ := Registry.Get("node.filter")
	tasks := c.Plan(f)
	if len(tasks) != 1 {
		t.Fatalf("%d tasks", len(tasks))
	}
	var p filterParams
	if err := json.Unmarshal(tasks[0].Params, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.About) < 2 || p.About[0] != doubted || !slices.Contains(p.About, f.Vantage.IPs()[0]) {
		t.Errorf("asked about %v", p.About)
	}
}
