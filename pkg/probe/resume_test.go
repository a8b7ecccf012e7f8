package probe

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/wire"
)

func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.send(open("a"), plan("a", "pass", "pass", "pass", "second"))
		resume := func(session string, after int) []wire.Frame {
			return r.send(&wire.Resume{Head: head(session), After: after})
		}
		seqs := func(frames []wire.Frame) (list []int) {
			for _, f := range of[*wire.Result](frames) {
				list = append(list, f.Seq)
			}
			return list
		}
		frames := resume("a", 1)
		if got := seqs(frames); len(got) != 2 || got[0] != 2 {
			t.Errorf("after 1, running: %v", got)
		}
		one[*wire.Beat](t, frames)
		r.pass(time.Second)
		for after, want := range map[int]int{-5: 4, 0: 4, 3: 1, 4: 0, 99: 0} {
			frames := resume("a", after)
			if got := seqs(frames); len(got) != want {
				t.Errorf("after %d, ended: %v, want %d", after, got, want)
			}
			if end := one[*wire.End](t, frames); end.Count != 4 {
				t.Errorf("%+v", end)
			}
		}
		// The session before the current one is still there, the one before it is not.
		r.send(open("b"), plan("b", "pass"))
		if got := seqs(resume("a", 0)); len(got) != 4 {
			t.Errorf("last session: %v", got)
		}
		r.send(open("c"), plan("c", "pass"))
		if got := one[*wire.Reject](t, resume("a", 0)); got.Code != wire.CodeUnknownSession {
			t.Errorf("%+v", got)
		}
	})
}

func TestResumeKeepsABoundedAmount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		end := one[*wire.End](t, r.send(open("a"), plan("a", strings.Fields(strings.Repeat("large ", 10))...)))
		if end.Count != 10 {
			t.Fatalf("%+v", end)
		}
		results := of[*wire.Result](r.send(&wire.Resume{Head: head("a"), After: 2}))
		if len(results) == 0 || len(results) > 4 || results[len(results)-1].Seq != 10 {
			t.Errorf("%d results of 1 MiB kept", len(results))
		}
		if got := of[*wire.Result](r.send(&wire.Resume{Head: head("a"), After: 9})); len(got) != 1 || got[0].Seq != 10 {
			t.Errorf("after 9: %d results", len(got))
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, config())
		r.send(open("a"), plan("a", "pass", "deaf"))
		frames := r.send(&wire.Cancel{Head: head("b")})
		if len(frames) != 0 {
			t.Errorf("a cancel for another session: %v", frames)
		}
		if end := one[*wire.End](t, r.send(&wire.Cancel{Head: head("a")})); !end.Cancelled || end.Count != 1 {
			t.Errorf("%+v", end)
		}
		one[*wire.Hello](t, r.send(open("b")))
		r.send(&wire.Cancel{Head: head("b")})
		one[*wire.Hello](t, r.send(open("c"))) // at once: b gave it up
	})
}
