package checks

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

func TestJudgePorts(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        check.Status
	}{
		{"the default", "32768\t60999", check.Pass},
		{"as few as are enough", "40000 41023", check.Pass},
		{"one less", "40000 41022", check.Warn},
		{"not two numbers", "many", check.Error},
		{"nothing", "", check.Error},
	} {
		if got := judgePorts(tt.value, portParams{Few: fewPorts}); got.Status != tt.want || got.Summary == "" {
			t.Errorf("%s: %s %q, want %s", tt.name, got.Status, got.Summary, tt.want)
		}
	}
}

// TestPortsPlanned: what Plan makes, Run can read.
func TestPortsPlanned(t *testing.T) {
	c, _ := Registry.Get("vantage.ports")
	tasks := c.Plan(shopFacts())
	if len(tasks) != 1 {
		t.Fatalf("%d tasks, want one", len(tasks))
	}
	if r := c.Run(t.Context(), tasks[0]); r.Status == check.Unknown || r.Status == check.Error {
		t.Errorf("%s %q", r.Status, r.Summary)
	}
}
