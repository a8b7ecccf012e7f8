package inject

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// talk returns a probe that answers, over a container that the test may mistreat.
func talk(t *testing.T, w *world, c *container) *Probe {
	t.Helper()
	w.probes["c"] = c
	p := &Probe{Namespace: "shop", Pod: "web-0", Container: "c", env: w.env(), opts: completed(t, w.options()), began: time.Now()}
	contact, err := p.attempt(t.Context(), 0)
	if err != nil {
		t.Fatalf("attempt: %v", err)
	}
	p.adopt(contact)
	p.started()
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	return p
}

// TestRun drives sessions over attaches that misbehave.
func TestRun(t *testing.T) {
	tests := []struct {
		name  string
		tasks []check.Task
		// before Run; during runs beside it
		before   func(*container)
		during   func(*container)
		complete bool
		results  int
		resumed  int
		fromLog  bool
		reason   string
		within   time.Duration
	}{
		{name: "healthy", tasks: tasks(5, time.Second), complete: true, results: 6, within: 1100 * time.Millisecond},
		{name: "empty plan", complete: true, within: 100 * time.Millisecond},
		{name: "many tasks", tasks: tasks(5000), complete: true, results: 5000, within: time.Second},
		{name: "plan comes late", tasks: tasks(1), complete: true, results: 1,
			before: func(*container) { time.Sleep(3 * time.Minute) }, within: time.Second},
		{name: "attach cut before the plan", tasks: tasks(3), complete: true, results: 3, resumed: 1,
			before: func(c *container) { c.drop(); time.Sleep(time.Second) }, within: time.Second},
		{name: "attach cut while running", tasks: tasks(3, 5*time.Second), complete: true, results: 4, resumed: 1,
			during: func(c *container) { time.Sleep(3 * time.Second); c.drop() }, within: 6 * time.Second},
		{name: "attach cut many times", tasks: tasks(3, 5*time.Second), complete: true, results: 4, resumed: 4,
			during: func(c *container) {
				for range 4 {
					time.Sleep(time.Second)
					c.drop()
				}
			}, within: 6 * time.Second},
		{name: "first answers lost", tasks: tasks(3), complete: true, results: 3,
			before: func(c *container) { c.mistreat(func() { c.lose = 2 }) }, within: 3 * time.Second},
		{name: "results lost, the end arrives", tasks: tasks(10), complete: true, results: 10,
			before: func(c *container) { c.mistreat(func() { c.lose = 8 }) }, within: 3 * time.Second},
		{name: "all lost but the attach", tasks: tasks(2), complete: true, results: 2,
			before: func(c *container) { c.mistreat(func() { c.lose = 4 }) }, within: 3 * time.Second},
		{name: "attach hangs", tasks: tasks(3, 20*time.Second), complete: true, results: 4, resumed: 1,
			during: func(c *container) {
				time.Sleep(3 * time.Second)
				c.mistreat(func() { clear(c.attached) })
			}, within: 21 * time.Second},
		{name: "attach refused from some moment on", tasks: tasks(3, 3*time.Second), complete: true, results: 4, fromLog: true, resumed: maxResumes,
			during: func(c *container) {
				time.Sleep(time.Second)
				c.mistreat(func() { c.refuse = errors.New("proxy says no") })
				c.drop()
			}, within: 45 * time.Second},
		{name: "probe dies", tasks: tasks(3, 5*time.Second), results: 3, fromLog: true, resumed: -1, reason: "no attach",
			during: func(c *container) { time.Sleep(time.Second); c.kill() }, within: 60 * time.Second},
		{name: "deadline of the plan", tasks: tasks(1, time.Hour), complete: true, results: 2, within: 31 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, testPod())
				c := run(t, nil)
				p := talk(t, w, c)
				if test.before != nil {
					test.before(c)
				}
				if test.during != nil {
					go test.during(c)
				}
				results := map[string]int{}
				began := time.Now()
				o, err := p.Run(t.Context(), test.tasks, 30*time.Second, func(r check.Result) { results[r.TaskID]++ })
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > test.within {
					t.Errorf("took %s, want at most %s", took, test.within)
				}
				if o.Complete != test.complete || len(results) != test.results || len(o.Unanswered) != len(test.tasks)-test.results || o.FromLog != test.fromLog {
					t.Errorf("%d results, outcome %+v", len(results), o)
				}
				if test.resumed >= 0 && o.Resumed != test.resumed {
					t.Errorf("resumed %d times, want %d", o.Resumed, test.resumed)
				}
				if !strings.Contains(o.Reason, test.reason) || (o.Reason == "") != o.Complete {
					t.Errorf("reason %q", o.Reason)
				}
				for id, n := range results {
					if n != 1 {
						t.Errorf("%s: %d results", id, n)
					}
				}
			})
		})
	}
}

func TestRunTwiceWithOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := run(t, nil)
		p := talk(t, w, c)
		for range 3 {
			n := 0
			o, err := p.Run(t.Context(), tasks(3), 10*time.Second, func(check.Result) { n++ })
			if err != nil || !o.Complete || n != 3 {
				t.Fatalf("%d results, %+v, %v", n, o, err)
			}
		}
		if c.attaches != 1 {
			t.Errorf("%d attaches", c.attaches)
		}
	})
}

func TestRunCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := run(t, nil)
		p := talk(t, w, c)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(time.Second)
			cancel()
		}()
		began := time.Now()
		o, err := p.Run(ctx, tasks(1, 20*time.Second), 30*time.Second, func(check.Result) {})
		if !errors.Is(err, context.Canceled) || o.Complete || len(o.Unanswered) != 1 {
			t.Errorf("%+v, %v", o, err)
		}
		if took := time.Since(began); took > 1300*time.Millisecond {
			t.Errorf("took %s", took)
		}
		_ = p.Close(ctx)
		// The probe has heard: the next run gets it at once.
		again := talk(t, w, c)
		if again.StartedIn > 0 || again.Hello.Served != 1 {
			t.Errorf("started in %s, served %d", again.StartedIn, again.Hello.Served)
		}
	})
}

func TestRunWhileAnotherRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := run(t, nil)
		first := talk(t, w, c)
		done := make(chan struct{})
		defer func() { <-done }()
		go func() {
			defer close(done)
			_, _ = first.Run(t.Context(), tasks(1, 5*time.Second), 10*time.Second, func(check.Result) {})
		}()
		synctest.Wait()
		second := talk(t, w, c)
		if second.StartedIn < 4*time.Second || second.StartedIn > 7*time.Second {
			t.Errorf("got the probe after %s", second.StartedIn)
		}
		if !strings.Contains(strings.Join(w.events, " "), EventBusy) {
			t.Errorf("events: %v", w.events)
		}
		o, err := second.Run(t.Context(), tasks(2), 10*time.Second, func(check.Result) {})
		if err != nil || !o.Complete {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

func TestCloseWithoutRunFreesTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := run(t, nil)
		_ = talk(t, w, c).Close(t.Context())
		if p := talk(t, w, c); p.StartedIn > time.Second {
			t.Errorf("got the probe after %s", p.StartedIn)
		}
	})
}

// TestRunAgainstALiar plays a probe that says what is not so.
func TestRunAgainstALiar(t *testing.T) {
	head := func(session string) wire.Head { return wire.Head{Session: session} }
	result := func(session string, seq int, task string) wire.Frame {
		return &wire.Result{Head: head(session), Seq: seq, Result: check.Result{TaskID: task, Status: check.Pass}}
	}
	tests := []struct {
		name   string
		answer func(session string) []wire.Frame // to a plan
		reason string
		got    int
	}{
		{"end without results", func(s string) []wire.Frame { return []wire.Frame{&wire.End{Head: head(s)}} }, "without a result for every task", 0},
		{"end counts what never comes", func(s string) []wire.Frame {
			return []wire.Frame{result(s, 1, "pass 0"), &wire.End{Head: head(s), Count: 2}}
		}, "lost on the way", 1},
		{"results of another session", func(s string) []wire.Frame {
			return []wire.Frame{result("x", 1, "pass 0"), result("x", 2, "pass 1"), &wire.End{Head: head("x"), Count: 2}}
		}, "had not ended", 0},
		{"results of other tasks", func(s string) []wire.Frame {
			return []wire.Frame{result(s, 1, "evil"), result(s, 2, "evil"), &wire.End{Head: head(s), Count: 2}}
		}, "without a result for every task", 0},
		{"one task twice", func(s string) []wire.Frame {
			return []wire.Frame{result(s, 1, "pass 0"), result(s, 2, "pass 0"), &wire.End{Head: head(s), Count: 2}}
		}, "without a result for every task", 1},
		{"unknown session", func(s string) []wire.Frame {
			return []wire.Frame{&wire.Beat{Head: head(s)}, &wire.Reject{Head: head(s), Code: wire.CodeUnknownSession}}
		}, "replaced", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				e := w.env()
				e.attach = func(ctx context.Context, _ place, s streams) error { return lie(ctx, s, test.answer) }
				e.logs = func(context.Context, place, logOptions) (io.ReadCloser, error) {
					return io.NopCloser(strings.NewReader("noise\n")), nil
				}
				p := &Probe{Namespace: "shop", Pod: "web-0", Container: "c", env: e, opts: completed(t, w.options()), began: time.Now()}
				contact, err := p.attempt(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				p.adopt(contact)
				n := 0
				began := time.Now()
				o, err := p.Run(t.Context(), tasks(2), time.Minute, func(check.Result) { n++ })
				if err != nil || o.Complete || n != test.got || !strings.Contains(o.Reason, test.reason) {
					t.Errorf("%d results, %+v, %v", n, o, err)
				}
				// What will not come is not waited for until the deadline.
				if took := time.Since(began); took > 15*time.Second && test.reason != "had not ended" {
					t.Errorf("took %s", took)
				}
				_ = p.Close(t.Context())
			})
		})
	}
}

// lie answers Open with a hello, and anything else with what is given.
func lie(ctx context.Context, s streams, answer func(string) []wire.Frame) error {
	in, out := wire.NewReader(s.stdin), wire.NewWriter(s.stdout)
	go func() {
		for {
			f, err := in.Next()
			if err != nil {
				return
			}
			if _, isOpen := f.(*wire.Open); isOpen {
				_ = out.Write(&wire.Hello{Head: wire.Head{Session: f.SessionID()}, Left: check.Duration(time.Hour)})
				continue
			}
			for _, a := range answer(f.SessionID()) {
				_ = out.Write(a)
			}
		}
	}()
	<-ctx.Done()
	return ctx.Err()
}
