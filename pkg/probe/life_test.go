package probe

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

func TestEndsWithoutAPlan(t *testing.T) {
	tests := []struct {
		name string
		do   func(*rig)
		at   time.Duration // after do
	}{
		{"nothing said", func(*rig) {}, 30 * time.Second},
		{"stdin closed", func(r *rig) { r.in.Close() }, 30 * time.Second},
		{"noise only", func(r *rig) { _, _ = r.in.Write([]byte("hello?\n")) }, 30 * time.Second},
		{"opened and left", func(r *rig) { time.Sleep(20 * time.Second); r.send(open("a")) }, 30 * time.Second},
		{"other frames", func(r *rig) { r.send(&wire.Cancel{Head: head("x")}, &wire.Beat{Head: head("x")}) }, 30 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, config())
				test.do(r)
				time.Sleep(test.at - time.Second)
				r.alive()
				time.Sleep(2 * time.Second)
				if got := r.ended(); got != ReasonNoPlan {
					t.Errorf("ended: %v", got)
				}
			})
		})
	}
}

func TestKeepAlive(t *testing.T) {
	tests := []struct {
		name      string
		keepAlive time.Duration
		want      time.Duration
	}{
		{"none", 0, 0},
		{"as asked", 2 * time.Minute, 2 * time.Minute},
		{"bounded", 20 * time.Hour, 5 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, config())
				p := plan("a", "pass")
				p.KeepAlive = check.Duration(test.keepAlive)
				one[*wire.End](t, r.send(open("a"), p))
				if test.want > 0 {
					time.Sleep(test.want - time.Second)
					r.alive()
					time.Sleep(2 * time.Second)
				}
				if got := r.ended(); got != ReasonDone {
					t.Errorf("ended: %v", got)
				}
			})
		})
	}
}

func TestLifetimeAlwaysHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.Lifetime = 10 * time.Second
		r := start(t, cfg)
		// The plan would take longer; its deadline is cut so that its end comes first.
		r.send(open("a"), plan("a", "deaf"))
		frames := r.pass(9500 * time.Millisecond)
		one[*wire.End](t, frames)
		time.Sleep(time.Second)
		if got := r.ended(); got != ReasonLifetime {
			t.Errorf("ended: %v", got)
		}
	})
}

// stuck is a stdout whose reader is gone but which is not closed.
type stuck struct{ release chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.release
	return len(p), nil
}

func TestLifetimeHoldsWhenStdoutHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.Lifetime = 10 * time.Second
		out := stuck{make(chan struct{})}
		defer close(out.release)
		cfg.In, cfg.Out, cfg.Log = strings.NewReader(""), out, &strings.Builder{}
		began := time.Now()
		if got := Run(t.Context(), cfg); got != ReasonLifetime {
			t.Errorf("ended: %v", got)
		}
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

func TestSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.send(open("a"), plan("a", "deaf"))
		r.cancel()
		if got := r.ended(); got != ReasonSignal {
			t.Errorf("ended: %v", got)
		}
	})
}

func TestASecondPlanFindsItWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		one[*wire.End](t, r.send(open("a"), plan("a", "pass")))
		time.Sleep(110 * time.Second)
		frames := r.send(open("b"))
		if h := one[*wire.Hello](t, frames); h.Session != "b" || h.Served != 1 {
			t.Errorf("%+v", h)
		}
		frames = r.send(plan("b", "pass", "pass"))
		for i, f := range of[*wire.Result](frames) {
			if f.Session != "b" || f.Seq != i+1 {
				t.Errorf("%+v", f)
			}
		}
		// The keep-alive counts from the second end.
		time.Sleep(110 * time.Second)
		r.alive()
	})
}

func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.send(open("a"))
		if b := one[*wire.Busy](t, r.send(open("b"))); b.Session != "b" || b.Left.D() != claim {
			t.Errorf("while a is open: %+v", b)
		}
		r.pass(6 * time.Second)
		r.send(open("a")) // a holds on to it
		r.pass(6 * time.Second)
		one[*wire.Busy](t, r.send(open("b")))
		r.send(plan("a", "second"))
		if b := one[*wire.Busy](t, r.send(open("b"))); b.Left.D() != 30*time.Second {
			t.Errorf("while a runs: %+v", b)
		}
		if got := one[*wire.Reject](t, r.send(plan("b", "pass"))); got.Code != wire.CodeNotOpen || got.Session != "b" {
			t.Errorf("plan without a session: %+v", got)
		}
		one[*wire.End](t, r.pass(time.Second))
		one[*wire.Hello](t, r.send(open("b")))
	})
}

func TestAClaimExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.send(open("a"))
		r.pass(claim + time.Second)
		if h := one[*wire.Hello](t, r.send(open("b"))); h.Session != "b" {
			t.Errorf("%+v", h)
		}
		if got := one[*wire.Reject](t, r.send(plan("a", "pass"))); got.Code != wire.CodeNotOpen {
			t.Errorf("%+v", got)
		}
	})
}

func TestOpenAndPlanMayBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.read()
		if n := len(of[*wire.Hello](r.send(open("a"), open("a")))); n != 2 {
			t.Errorf("%d hellos for two opens", n)
		}
		r.send(plan("a", "second"))
		frames := r.send(plan("a", "second"))
		if beat := one[*wire.Beat](t, frames); beat.Running != 1 {
			t.Errorf("the plan sent again: %+v", beat)
		}
		frames = r.pass(time.Second)
		if n := len(of[*wire.Result](frames)); n != 1 {
			t.Errorf("%d results, the task ran twice", n)
		}
		if end := one[*wire.End](t, r.send(plan("a", "second"))); end.Count != 1 {
			t.Errorf("%+v", end)
		}
	})
}

func TestUnreadableLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.read()
		r.send(open("a"))
		for range 50 {
			_, _ = r.in.Write([]byte("{\"v\":1,\"kind\":\"pl{\"v\":1\n"))
		}
		if got := one[*wire.Reject](t, r.read()); got.Code != wire.CodeUnreadable || got.Session != "" {
			t.Errorf("%+v", got)
		}
		one[*wire.End](t, r.send(plan("a", "pass")))
	})
}

// comesBack is a stdin that ends, as a pipe does when its last writer goes, and has
// more later.
type comesBack struct {
	after time.Time
	text  *strings.Reader
}

func (c *comesBack) Read(p []byte) (int, error) {
	if time.Now().Before(c.after) {
		return strings.NewReader("").Read(p)
	}
	return c.text.Read(p)
}

func TestStdinMayComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines strings.Builder
		w := wire.NewWriter(&lines)
		p := plan("a", "pass")
		p.KeepAlive = 0
		_ = w.Write(open("a"))
		_ = w.Write(p)
		var out strings.Builder
		cfg := config()
		cfg.In = &comesBack{time.Now().Add(20 * time.Second), strings.NewReader(lines.String())}
		cfg.Out, cfg.Log = &out, &strings.Builder{}
		if got := Run(t.Context(), cfg); got != ReasonDone {
			t.Errorf("ended: %v", got)
		}
		if !strings.Contains(out.String(), `"kind":"end","session":"a","count":1`) {
			t.Errorf("stdout: %s", out.String())
		}
	})
}
