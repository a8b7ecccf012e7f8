package cli

import (
	"context"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// gathers is a backend whose facts are changed.
func gathers(change func(*facts.Facts)) *fakeBackend {
	return &fakeBackend{gatherFor: func(req cluster.Request) (*facts.Facts, error) {
		f, err := (&fakeBackend{}).Gather(context.Background(), req)
		change(f)
		return f, err
	}}
}

// TestLostFacts: what nobody answered keeps a run from being healthy, unlike what the
// user may not read.
func TestLostFacts(t *testing.T) {
	got := runWith(t, t.Context(), gathers(func(f *facts.Facts) {
		f.Lost = []string{"nodes: not read: no answer from the API server"}
	}), "pod", "web-0")
	if got.code != 2 {
		t.Errorf("exit status %d", got.code)
	}
	says(t, "stdout", got.stdout, []string{"! nodes: not read: no answer from the API server", "incomplete: the run was cut short"})
}

// TestClockIsOff: a clock that is an hour off is told, and changes nothing else.
func TestClockIsOff(t *testing.T) {
	for ahead, want := range map[time.Duration]string{
		time.Hour:                    "this machine's clock is 1h0m0s ahead of the API server's",
		-time.Hour:                   "this machine's clock is 1h0m0s behind the API server's",
		900 * time.Millisecond:       "",
		-5*time.Second - time.Minute: "this machine's clock is 1m5s behind the API server's",
	} {
		got := runWith(t, t.Context(), gathers(func(f *facts.Facts) { f.Ahead = ahead }), "pod", "web-0")
		if got.code != 0 {
			t.Errorf("%s: exit status %d", ahead, got.code)
		}
		says(t, "stdout", got.stdout, []string{"✓ healthy: ", want})
	}
}
