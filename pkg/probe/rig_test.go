package probe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// rig is a probe running in a synctest bubble: what it writes is there as soon as
// the bubble has settled.
type rig struct {
	t      *testing.T
	in     *io.PipeWriter
	w      *wire.Writer
	cancel context.CancelFunc
	done   chan Reason
	log    bytes.Buffer

	mu     sync.Mutex
	out    bytes.Buffer
	outErr error
}

func (r *rig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.outErr != nil {
		return 0, r.outErr
	}
	return r.out.Write(p)
}

func planNothing(*facts.Facts) []check.Task { return nil }

// registry has checks that behave in all the ways a check may.
func registry() *check.Registry {
	var reg check.Registry
	add := func(id string, needs []check.Capability, run func(context.Context, check.Task) check.Result) {
		reg.Add(check.Check{ID: id, Area: "test", Summary: "test", Needs: needs, Plan: planNothing, Run: run})
	}
	pass := func(context.Context, check.Task) check.Result { return check.Result{Status: check.Pass, Summary: "ok"} }
	add("pass", nil, pass)
	add("raw", []check.Capability{check.NetRaw}, pass)
	add("admin", []check.Capability{check.NetRaw, check.NetAdmin}, pass)
	add("second", nil, func(ctx context.Context, t check.Task) check.Result {
		select {
		case <-time.After(time.Second):
			return check.Result{Status: check.Pass, Summary: "ok"}
		case <-ctx.Done():
			return check.Result{Status: check.Fail, Failure: check.Timeout, Summary: "timed out"}
		}
	})
	add("obedient", nil, func(ctx context.Context, t check.Task) check.Result {
		<-ctx.Done()
		return check.Result{Status: check.Fail, Failure: check.Timeout, Summary: "timed out"}
	})
	add("deaf", nil, func(context.Context, check.Task) check.Result {
		time.Sleep(time.Hour)
		return check.Result{Status: check.Pass}
	})
	add("panic", nil, func(context.Context, check.Task) check.Result { panic("boom") })
	add("mute", nil, func(context.Context, check.Task) check.Result { return check.Result{} })
	add("huge", nil, func(context.Context, check.Task) check.Result {
		k := facts.Kernel{Sysctls: []facts.Sysctl{{Value: string(make([]byte, wire.MaxLine))}}}
		return check.Result{Status: check.Pass, Summary: "read", Kernel: &k}
	})
	add("giant", nil, func(context.Context, check.Task) check.Result {
		return check.Result{Status: check.Pass, Summary: string(make([]byte, wire.MaxLine))}
	})
	add("label", nil, func(_ context.Context, t check.Task) check.Result {
		r := check.Result{Status: check.Pass, Label: t.Label}
		r.Target = "found"
		return r
	})
	add("large", nil, func(context.Context, check.Task) check.Result {
		return check.Result{Status: check.Pass, Summary: string(bytes.Repeat([]byte("x"), 1<<20))}
	})
	return &reg
}

func config() Config {
	return Config{
		Registry: registry(), Version: "v1", Build: "b1", Netns: "net:[7]", UID: 65532,
		Wait: 30 * time.Second, MaxIdle: 5 * time.Minute, Lifetime: time.Hour, Concurrency: 100,
	}
}

// start runs a probe with cfg; its streams are the rig's.
func start(t *testing.T, cfg Config) *rig {
	t.Helper()
	pr, pw := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	r := &rig{t: t, in: pw, w: wire.NewWriter(pw), cancel: cancel, done: make(chan Reason, 1)}
	cfg.In, cfg.Out, cfg.Log = pr, r, &r.log
	go func() { r.done <- Run(ctx, cfg) }()
	synctest.Wait()
	t.Cleanup(func() {
		cancel()
		pw.Close()
		time.Sleep(2 * time.Hour) // let the deaf checks return
	})
	return r
}

// send writes frames and returns what the probe wrote once it has settled.
func (r *rig) send(frames ...wire.Frame) []wire.Frame {
	r.t.Helper()
	for _, f := range frames {
		if err := r.w.Write(f); err != nil {
			r.t.Fatalf("write: %v", err)
		}
	}
	return r.read()
}

// pass lets time go by.
func (r *rig) pass(d time.Duration) []wire.Frame {
	r.t.Helper()
	time.Sleep(d)
	return r.read()
}

func (r *rig) read() []wire.Frame {
	r.t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	reader := wire.NewReader(bytes.NewReader(r.out.Bytes()))
	r.out.Reset()
	var frames []wire.Frame
	for {
		f, err := reader.Next()
		if err != nil {
			if s := reader.Skipped(); s != (wire.Skipped{}) {
				r.t.Errorf("stdout holds what is no frame: %+v", s)
			}
			return frames
		}
		frames = append(frames, f)
	}
}

// ended returns why the probe ended, and fails when it has not.
func (r *rig) ended() Reason {
	r.t.Helper()
	synctest.Wait()
	select {
	case reason := <-r.done:
		return reason
	default:
		r.t.Fatal("the probe still runs")
		return -1
	}
}

func (r *rig) alive() {
	r.t.Helper()
	synctest.Wait()
	select {
	case reason := <-r.done:
		r.t.Fatalf("the probe has ended: %v", reason)
	default:
	}
}

func head(session string) wire.Head { return wire.Head{Session: session} }

func open(session string) *wire.Open { return &wire.Open{Head: head(session)} }

// plan is a plan of one task for each check named, with a deadline of 10 s each.
func plan(session string, checks ...string) *wire.Plan {
	p := &wire.Plan{Head: head(session), Part: 1, Parts: 1, Deadline: check.Duration(30 * time.Second), KeepAlive: check.Duration(2 * time.Minute)}
	for i, c := range checks {
		p.Tasks = append(p.Tasks, check.Task{
			ID: fmt.Sprintf("%s %d", c, i), Check: c, Timeout: check.Duration(10 * time.Second),
			Label: check.Label{Area: "test", Title: "row", Target: fmt.Sprint(i)},
		})
	}
	return p
}

// of returns the frames of one type.
func of[F wire.Frame](frames []wire.Frame) []F {
	var found []F
	for _, f := range frames {
		if f, ok := f.(F); ok {
			found = append(found, f)
		}
	}
	return found
}

// one returns the only frame of a type.
func one[F wire.Frame](t *testing.T, frames []wire.Frame) F {
	t.Helper()
	found := of[F](frames)
	if len(found) != 1 {
		var none F
		t.Fatalf("%d frames of %T, want 1, among %d", len(found), none, len(frames))
	}
	return found[0]
}
