package causes

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// ports adds what the check vantage.ports says.
func (w *world) ports(status check.Status, failure check.Failure) *world {
	w.add("vantage.ports", "vantage", "", "", "", 0)
	r := &w.results[len(w.results)-1]
	r.Status, r.Failure = status, failure
	r.With("net.ipv4.ip_local_port_range", "40000 40255")
	return w
}

func TestPodPorts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		world *world
		cause string
	}{
		{"few", newWorld().ports(check.Warn, check.Config), "NL-POD-PORTS"},
		{"enough", newWorld().ports(check.Pass, ""), ""},
		{"not known", newWorld().ports(check.Skipped, ""), ""},
		{"never asked", newWorld(), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			got := ""
			if len(v.Causes) > 0 {
				got = v.Causes[0].Code
				if try := v.Causes[0].Try; len(try) != 1 || !strings.HasPrefix(try[0], "kubectl -n shop get pod client ") {
					t.Errorf("try %q", try)
				}
			}
			if got != tt.cause || len(v.Causes) > 1 || len(v.Unexplained) > 0 {
				t.Errorf("causes %q, unexplained %q, want %q", codes(v.Causes), v.Unexplained, tt.cause)
			}
		})
	}
}
