package dial

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

func TestAttempts(t *testing.T) {
	alive := func(context.Context, int) Try {
		time.Sleep(time.Millisecond)
		return Try{Attempt: check.Attempt{RTT: check.Duration(time.Millisecond)}}
	}
	dead := func(ctx context.Context, _ int) Try {
		<-ctx.Done()
		return Try{Attempt: check.Attempt{Failure: check.Timeout}}
	}
	tests := []struct {
		name    string
		n       int
		timeout time.Duration
		try     func(context.Context, int) Try
		took    time.Duration
		tried   int
	}{
		{"alive ones follow each other", 3, 2 * time.Second, alive, 3 * time.Millisecond, 3},
		{"dead ones cost one timeout", 3, 2 * time.Second, dead, 2 * time.Second, 3},
		{"so do twenty", 20, 2 * time.Second, dead, 2 * time.Second, 20},
		{"none is one", 0, time.Second, alive, time.Millisecond, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				tries := Attempts(t.Context(), tt.n, tt.timeout, tt.try)
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				if len(tries) != tt.tried {
					t.Errorf("%d tries, want %d", len(tries), tt.tried)
				}
			})
		})
	}
}

func TestAttemptsStagger(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    int
		want []time.Duration
	}{
		{"few wait 100 ms for each other", 3, []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond}},
		{"many less, so that the last has time left", 10, []time.Duration{0, 50 * time.Millisecond, 100 * time.Millisecond}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				begun := make([]time.Duration, tt.n)
				Attempts(t.Context(), tt.n, 2*time.Second, func(ctx context.Context, i int) Try {
					begun[i] = time.Since(start)
					<-ctx.Done()
					return Try{}
				})
				if diff := cmp.Diff(tt.want, begun[:3]); diff != "" {
					t.Error(diff)
				}
				if last := begun[tt.n-1]; last > 500*time.Millisecond {
					t.Errorf("the last one began after %s of 2 s", last)
				}
			})
		})
	}
}

func TestAttemptsOutliveAPanic(t *testing.T) {
	tries := Attempts(t.Context(), 2, time.Second, func(_ context.Context, i int) Try {
		if i == 0 {
			panic("hostile bytes")
		}
		return Try{}
	})
	if len(tries) != 2 || tries[0].Err == nil || tries[1].Err != nil {
		t.Errorf("got %+v", tries)
	}
}

func TestAttemptsEndWhenCancelled(t *testing.T) {
	addr := serve(t, "127.0.0.1", hang)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	r := Summarise(Attempts(ctx, 3, 10*time.Second, func(ctx context.Context, i int) Try {
		return TCP(ctx, TCPOptions{Peer: Peer{Addr: addr}, Talk: Talk{Proto: "http"}}, i == 0)
	}))
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s", took)
	}
	// Nothing was learnt: neither pass nor fail.
	if r.Status != check.Error || r.Failure != "" {
		t.Errorf("got %s %s: %s", r.Status, r.Failure, r.Summary)
	}
}

func TestSummarise(t *testing.T) {
	ok := func(ms float64) Try {
		return Try{Attempt: check.Attempt{RTT: check.Duration(ms * float64(time.Millisecond))}}
	}
	lost := func(kind check.Failure, after time.Duration) Try {
		return Try{Attempt: check.Attempt{Failure: kind, RTT: check.Duration(after)}}
	}
	soft := func(t Try) Try { t.Soft = true; return t }
	detailed := func(t Try, detail string) Try { t.Detail = detail; return t }
	broken := Try{Err: errors.New("too many open files")}
	spoke := func(t Try) Try { t.Spoke = true; return t }
	cut := func(t Try) Try { t.Cut = check.Reset; return t }
	tests := []struct {
		name    string
		tries   []Try
		status  check.Status
		failure check.Failure
		summary string
	}{
		{"one ok", []Try{ok(0.42)}, check.Pass, "", "ok, 0.4 ms"},
		{"all ok gives the median", []Try{ok(9), ok(0.4), ok(0.3)}, check.Pass, "", "3 of 3 ok, 0.4 ms"},
		{"all dead", []Try{lost("timeout", 2*time.Second), lost("timeout", 1900*time.Millisecond)}, check.Fail, "timeout", "timeout 2 of 2 after 2 s"},
		{"one of three refused is a failure", []Try{ok(1), lost("refused", 0), ok(1)}, check.Fail, "refused", "refused 1 of 3, 2 ok, 1.0 ms"},
		{"one attempt", []Try{lost("refused", 0)}, check.Fail, "refused", "refused"},
		{"the most frequent kind counts", []Try{lost("refused", 0), lost("timeout", time.Second), lost("timeout", time.Second)}, check.Fail, "timeout", "timeout 2 and refused 1 of 3 after 1 s"},
		{"soft failures warn", []Try{soft(lost("timeout", 500*time.Millisecond)), ok(1)}, check.Warn, "timeout", "timeout 1 of 2 after 500 ms, 1 ok, 1.0 ms"},
		{"one hard one is enough", []Try{soft(lost("http", 0)), lost("http", 0)}, check.Fail, "http", "http 2 of 2"},
		{"one refusal outweighs silence", []Try{soft(lost("timeout", time.Second)), lost("refused", 0), soft(lost("timeout", time.Second))}, check.Fail, "refused", "timeout 2 and refused 1 of 3 after 1 s"},
		{"details of kinds that need them", []Try{detailed(lost("tls", 0), "certificate expired"), ok(1)}, check.Fail, "tls", "tls 1 of 2, 1 ok, 1.0 ms: certificate expired"},
		{"some are cut when asked what others answer", []Try{spoke(ok(1)), cut(ok(1)), spoke(ok(1)), cut(ok(1))}, check.Fail, "reset", "reset 2 of 4, 2 ok, 1.0 ms"},
		{"all are cut: it is another protocol", []Try{cut(ok(1)), cut(ok(1)), ok(1)}, check.Pass, "", "3 of 3 ok, 1.0 ms"},
		{"nothing could be tried", []Try{broken, broken}, check.Error, "", "could not be tried: too many open files"},
		{"nothing at all", nil, check.Error, "", "nothing was tried"},
		{"what could not be tried is no failure", []Try{broken, ok(1)}, check.Error, "", "1 of 2 could not be tried: too many open files"},
		{"but hides none", []Try{broken, lost("refused", 0)}, check.Fail, "refused", "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Summarise(tt.tries)
			if r.Status != tt.status || r.Failure != tt.failure || r.Summary != tt.summary {
				t.Errorf("got %s %q %q, want %s %q %q", r.Status, r.Failure, r.Summary, tt.status, tt.failure, tt.summary)
			}
		})
	}
}

func TestSummariseMergesEvidence(t *testing.T) {
	see := func(pairs ...string) Try {
		var t Try
		for i := 0; i < len(pairs); i += 2 {
			t.See(pairs[i], "%s", pairs[i+1])
		}
		return t
	}
	r := Summarise([]Try{see("a", "x", "b", "1"), see("a", "y", "b", "1"), see("a", "x")})
	want := []check.Evidence{{Key: "a", Value: "x (×2); y (×1)"}, {Key: "b", Value: "1"}}
	if diff := cmp.Diff(want, r.Evidence); diff != "" {
		t.Error(diff)
	}
}

func TestDur(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "<0.1 ms", 400 * time.Microsecond: "0.4 ms", 9_960 * time.Microsecond: "10 ms",
		500 * time.Millisecond: "500 ms", 999_700 * time.Microsecond: "1 s", 2 * time.Second: "2 s", 1400 * time.Millisecond: "1.4 s",
	} {
		if got := Dur(d); got != want {
			t.Errorf("Dur(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestClean(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "hello", "hello"},
		{"terminal escapes", "\x1b[31mred\x1b[0m\n", ".[31mred.[0m."},
		{"bidirectional override", "a\u202eb", "a.b"},
		{"not UTF-8", "a\xffb", "a.b"},
		{"too long", "0123456789abcdefgh", "0123456789abcde…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Clean(tt.in, 15); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
