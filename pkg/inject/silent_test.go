package inject

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// TestSilence: a run that ends because nothing is heard any more says so, and where.
func TestSilence(t *testing.T) {
	for _, tt := range []struct {
		name   string
		silent bool
	}{{"node gone", true}, {"all is well", false}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, testPod())
				c := run(t, nil)
				p := talk(t, w, c)
				p.nodeName = "w1"
				deadline := errors.New("too late")
				ctx, cancel := context.WithTimeoutCause(t.Context(), 15*time.Second, deadline)
				defer cancel()
				go func() {
					time.Sleep(time.Second)
					if tt.silent {
						// Attaches hang, old and new ones.
						w.mu.Lock()
						w.probes["c"] = run(t, nil)
						w.probes["c"].refuse = errors.New("dial tcp: i/o timeout")
						w.mu.Unlock()
						c.mistreat(func() { clear(c.attached) })
					}
				}()
				_, err := p.Run(ctx, tasks(1, time.Minute), time.Minute, func(check.Result) {})
				if !errors.Is(err, deadline) {
					t.Fatalf("%v", err)
				}
				if got := strings.Contains(err.Error(), "silent for 15s: the kubelet of node w1"); got != tt.silent {
					t.Errorf("silent %v: %v", tt.silent, err)
				}
			})
		})
	}
}
