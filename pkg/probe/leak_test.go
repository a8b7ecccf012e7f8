package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// TestMain fails when a goroutine is left behind by the tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestWarmProbeKeepsNoGoroutines: a warm probe waits in somebody's pod. After any number
// of sessions - whole, cancelled, past their deadline, with checks that panic - it has as
// many goroutines as before the first one. It runs on the real clock, whose goroutines
// can be counted.
func TestWarmProbeKeepsNoGoroutines(t *testing.T) {
	in, feed := io.Pipe()
	out, say := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan Reason, 1)
	cfg := config()
	cfg.In, cfg.Out, cfg.Log = in, say, io.Discard
	go func() { done <- Run(ctx, cfg) }()
	r, w := wire.NewReader(out), wire.NewWriter(feed)
	// until sends frames and reads until one of the session that ends the wait.
	until := func(session string, enough func(wire.Frame) bool, frames ...wire.Frame) {
		t.Helper()
		for _, f := range frames {
			go func() { _ = w.Write(f) }() // the pipe blocks while the probe writes
			for {
				frame, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				if frame.SessionID() == session && enough(frame) {
					break
				}
			}
		}
	}
	answered := func(f wire.Frame) bool {
		switch f.(type) {
		case *wire.Hello, *wire.End:
			return true
		}
		return false
	}
	beating := func(f wire.Frame) bool { _, beats := f.(*wire.Beat); return beats }
	before := 0
	for i := range 60 {
		id := fmt.Sprint("s", i)
		p := plan(id, "pass", "panic", "label", "mute", "obedient")
		p.Tasks[4].Timeout = check.Duration(20 * time.Millisecond)
		until(id, answered, open(id))
		switch i % 3 {
		case 0:
			until(id, answered, p)
		case 1:
			p.Tasks[4].Timeout = check.Duration(time.Minute)
			until(id, beating, p)
			until(id, answered, &wire.Cancel{Head: head(id)})
		case 2:
			p.Tasks[4].Timeout = check.Duration(time.Minute)
			p.Deadline = check.Duration(20 * time.Millisecond)
			until(id, answered, p)
		}
		if i == 2 {
			before = settled(t, 0)
		}
	}
	if after := settled(t, before); after > before {
		t.Errorf("%d goroutines after 3 sessions, %d after 60", before, after)
	}
	stop()
	<-done
	if err := errors.Join(feed.Close(), say.Close()); err != nil {
		t.Error(err)
	}
}

// settled is the number of goroutines once it is not above most, or has stayed the same
// for longer than a task may take to go away.
func settled(t *testing.T, most int) int {
	t.Helper()
	n, since := runtime.NumGoroutine(), time.Now()
	for time.Since(since) < 2*taskGrace && (most == 0 || n > most) {
		time.Sleep(10 * time.Millisecond)
		if now := runtime.NumGoroutine(); now != n {
			n, since = now, time.Now()
		}
	}
	return n
}
