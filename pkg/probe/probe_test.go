package probe

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

func TestASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.Capabilities = []string{"NET_RAW"}
		r := start(t, cfg)
		if h := one[*wire.Hello](t, r.read()); h.Session != "" {
			t.Errorf("the first hello has session %q", h.Session)
		}
		hello := one[*wire.Hello](t, r.send(open("a")))
		want := &wire.Hello{Head: wire.Head{V: 1, Kind: wire.KindHello, Session: "a"}, Version: "v1", Build: "b1", Capabilities: []string{"NET_RAW"}, Netns: "net:[7]", UID: 65532, Left: check.Duration(time.Hour)}
		if diff := cmp.Diff(want, hello); diff != "" {
			t.Errorf("hello (-want +got):\n%s", diff)
		}
		frames := r.send(plan("a", "pass", "second", "raw"))
		if beat := one[*wire.Beat](t, frames); beat.Running != 3 {
			t.Errorf("first beat: %+v", beat)
		}
		frames = append(frames, r.pass(time.Second)...)
		results := of[*wire.Result](frames)
		if len(results) != 3 {
			t.Fatalf("%d results", len(results))
		}
		for i, f := range results {
			if f.Seq != i+1 || f.Session != "a" || f.Result.Status != check.Pass || f.Result.Area != "" || f.Result.Target != "" {
				t.Errorf("result %d: %+v", i, f)
			}
		}
		if end := one[*wire.End](t, frames); end.Count != 3 || end.Cancelled {
			t.Errorf("end: %+v", end)
		}
	})
}

func TestWhatChecksMayDo(t *testing.T) {
	tests := []struct {
		check   string
		wait    time.Duration
		status  check.Status
		summary string
		unlock  string
	}{
		{"pass", 0, check.Pass, "ok", ""},
		{"obedient", 10 * time.Second, check.Fail, "timed out", ""},
		{"deaf", 10500 * time.Millisecond, check.Error, "did not return within 10.5s", ""},
		{"panic", 0, check.Error, "panicked: boom", ""},
		{"mute", 0, check.Error, "no status", ""},
		{"raw", 0, check.Skipped, "needs NET_RAW", "--profile netraw"},
		{"admin", 0, check.Skipped, "needs NET_RAW and NET_ADMIN", "--profile netadmin"},
		{"no-such\x1b", 0, check.Error, `"no-such\x1b" is unknown to this probe build (v1 b1)`, ""},
		{"huge", 0, check.Pass, "read", ""},
		{"giant", 0, check.Error, "cannot be sent", ""},
	}
	for _, test := range tests {
		t.Run(test.check, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, config())
				r.read()
				frames := r.send(open("a"), plan("a", test.check))
				frames = append(frames, r.pass(test.wait)...)
				got := one[*wire.Result](t, frames).Result
				if got.Status != test.status || !strings.Contains(got.Summary, test.summary) {
					t.Errorf("%s: %q, want %s: %q", got.Status, got.Summary, test.status, test.summary)
				}
				if test.unlock != "" && (got.Skip == nil || got.Skip.Unlock != test.unlock) {
					t.Errorf("skip %+v, want unlock %q", got.Skip, test.unlock)
				}
				if got.TaskID != test.check+" 0" {
					t.Errorf("task %q", got.TaskID)
				}
				if end := one[*wire.End](t, frames); end.Count != 1 {
					t.Errorf("end: %+v", end)
				}
			})
		})
	}
}

func TestUnreadableCapabilities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.CapabilitiesErr = errors.New("no /proc")
		r := start(t, cfg)
		r.read()
		got := one[*wire.Result](t, r.send(open("a"), plan("a", "raw"))).Result
		if got.Status != check.Error || !strings.Contains(got.Summary, "no /proc") {
			t.Errorf("%s: %s", got.Status, got.Summary)
		}
	})
}

func TestLabelsThatDifferAreSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.read()
		got := one[*wire.Result](t, r.send(open("a"), plan("a", "label"))).Result
		if diff := cmp.Diff(check.Label{Target: "found"}, got.Label); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestTasksRunTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.Concurrency = 10
		r := start(t, cfg)
		r.read()
		checks := strings.Fields(strings.Repeat("second ", 25))
		r.send(open("a"), plan("a", checks...))
		for i, want := range []int{10, 10, 5} {
			frames := r.pass(time.Second)
			if got := len(of[*wire.Result](frames)); got != want {
				t.Errorf("second %d: %d results, want %d", i, got, want)
			}
		}
	})
}

func TestStuckTasksDoNotBlockOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.Concurrency = 1
		r := start(t, cfg)
		r.read()
		frames := r.send(open("a"), plan("a", "deaf", "pass"))
		frames = append(frames, r.pass(11*time.Second)...)
		if end := one[*wire.End](t, frames); end.Count != 2 {
			t.Errorf("end: %+v", end)
		}
	})
}

func TestPlanDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.Concurrency = 3
		r := start(t, cfg)
		r.read()
		p := plan("a", "pass", "obedient", "deaf", "deaf", "deaf")
		p.Deadline = check.Duration(3 * time.Second)
		frames := r.send(open("a"), p)
		frames = append(frames, r.pass(3300*time.Millisecond)...)
		got := map[string]string{}
		for _, f := range of[*wire.Result](frames) {
			got[f.Result.TaskID] = f.Result.Status.String() + ": " + f.Result.Summary
		}
		want := map[string]string{
			"pass 0":     "pass: ok",
			"obedient 1": "fail: timed out",
			"deaf 2":     "error: not finished when the plan's deadline of 3s ended",
			"deaf 3":     "error: not finished when the plan's deadline of 3s ended",
			"deaf 4":     "error: not started when the plan's deadline of 3s ended",
		}
		// Two slots became free (pass, obedient), but only the first before the deadline
		// was sure to; either wording of the fifth is true.
		if strings.Contains(got["deaf 4"], "not finished") {
			want["deaf 4"] = got["deaf 4"]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if end := one[*wire.End](t, frames); end.Count != 5 {
			t.Errorf("end: %+v", end)
		}
	})
}

func TestBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.read()
		r.send(open("a"), plan("a", "pass", "obedient", "deaf"))
		beats := of[*wire.Beat](r.pass(4500 * time.Millisecond))
		if len(beats) != 2 {
			t.Fatalf("%d beats in 4.5 s, want 2", len(beats))
		}
		want := &wire.Beat{Head: wire.Head{V: 1, Kind: wire.KindBeat, Session: "a"}, Seq: 1, Running: 2, Waiting: []string{"obedient 1", "deaf 2"}}
		if diff := cmp.Diff(want, beats[1]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		r.pass(10 * time.Second)
		if beats := of[*wire.Beat](r.pass(10 * time.Second)); len(beats) != 0 {
			t.Errorf("%d beats after the end", len(beats))
		}
	})
}

func TestPlanInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.read()
		r.send(open("a"))
		part := func(n int) *wire.Plan {
			p := plan("a", "pass")
			p.Part, p.Parts = n, 3
			p.Tasks[0].ID = fmt.Sprint("t", n)
			return p
		}
		if frames := r.send(part(3), part(1), part(1)); len(frames) != 0 {
			t.Fatalf("answers to parts: %v", frames)
		}
		frames := r.send(part(2))
		if end := one[*wire.End](t, frames); end.Count != 3 {
			t.Errorf("end: %+v", end)
		}
	})
}

func TestBadPlans(t *testing.T) {
	for name, change := range map[string]func(*wire.Plan){
		"no parts":       func(p *wire.Plan) { p.Parts = 0 },
		"part zero":      func(p *wire.Plan) { p.Part = 0 },
		"part too high":  func(p *wire.Plan) { p.Part = 2 },
		"many parts":     func(p *wire.Plan) { p.Parts = 1 << 30 },
		"negative parts": func(p *wire.Plan) { p.Parts = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, config())
				r.read()
				p := plan("a", "pass")
				change(p)
				if got := one[*wire.Reject](t, r.send(open("a"), p)); got.Code != wire.CodeBadPlan || got.Session != "a" {
					t.Errorf("%+v", got)
				}
				// It is not the end: a good plan still runs.
				one[*wire.End](t, r.send(plan("a", "pass")))
			})
		})
	}
}

func TestEmptyPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.read()
		if end := one[*wire.End](t, r.send(open("a"), plan("a"))); end.Count != 0 {
			t.Errorf("%+v", end)
		}
	})
}

func TestOneTaskForEachID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.read()
		p := plan("a", "pass", "pass")
		p.Tasks[1].ID = p.Tasks[0].ID
		if end := one[*wire.End](t, r.send(open("a"), p)); end.Count != 1 {
			t.Errorf("%+v", end)
		}
	})
}

func TestBrokenStdout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.read()
		r.mu.Lock()
		r.outErr = io.ErrClosedPipe
		r.mu.Unlock()
		_ = r.w.Write(open("a"))
		if got := r.ended(); got != ReasonOutput {
			t.Errorf("ended: %v", got)
		}
	})
}
