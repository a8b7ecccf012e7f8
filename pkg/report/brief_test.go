package report

import (
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
)

// TestBriefTellsAsTheProbeDoes: the evidence of a cause quotes the probe's summary, a row
// tells the same in brief.
func TestBriefTellsAsTheProbeDoes(t *testing.T) {
	lost := func(f check.Failure, ms int) dial.Try {
		return dial.Try{Attempt: check.Attempt{Failure: f, RTT: check.Duration(time.Duration(ms) * time.Millisecond)}}
	}
	for name, tt := range map[string]struct {
		tries       []dial.Try
		probe, want string
	}{
		"one kind":        {[]dial.Try{lost(check.Timeout, 375), lost(check.Timeout, 476), lost(check.Timeout, 370)}, "timeout 3 of 3 after 476 ms", "timeout 3 of 3 after 476 ms"},
		"two kinds":       {[]dial.Try{lost(check.Timeout, 1900), lost(check.Unreachable, 1800), lost(check.Timeout, 1850)}, "timeout 2 and unreachable 1 of 3 after 1.9 s", "timeout 2 and unreachable 1 of 3 after 1.9 s"},
		"answered partly": {[]dial.Try{lost(check.Timeout, 800), {}}, "timeout 1 of 2 after 800 ms, 1 ok, <0.1 ms", "timeout 1 of 2 after 800 ms"},
		"no time in it":   {[]dial.Try{lost(check.Refused, 1), lost(check.Refused, 1)}, "refused 2 of 2", "refused 2 of 2"},
	} {
		res := dial.Summarise(tt.tries)
		if got := Brief(res); res.Summary != tt.probe || got != tt.want {
			t.Errorf("%s: the probe says %q, the row %q", name, res.Summary, got)
		}
	}
	// What is a verdict over all attempts is told by its own kind.
	res := check.Result{Status: check.Warn, Failure: check.MTU, Attempts: []check.Attempt{{Failure: check.Timeout}, {}}}
	if got := Brief(res); got != "mtu 1 of 2" {
		t.Errorf("says %q", got)
	}
}
