package wire

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func plan(n int) []check.Task {
	var tasks []check.Task
	for i := 1; i <= n; i++ {
		tasks = append(tasks, check.Task{ID: fmt.Sprint("t", i), Check: "c", Label: check.Label{Area: "dns", Title: "row", Target: fmt.Sprint(i)}})
	}
	return tasks
}

func result(session string, seq int, task string) *Result {
	return &Result{Head: head(session), Seq: seq, Result: check.Result{TaskID: task, Status: check.Pass}}
}

func TestAssembler(t *testing.T) {
	end := func(n int) Frame { return &End{Head: head("s"), Count: n} }
	r := func(seq int, task string) Frame { return result("s", seq, task) }
	tests := []struct {
		name   string
		frames []Frame
		want   State
		got    int // results returned
	}{
		{"nothing", nil, State{Unanswered: 3}, 0},
		{"in order", []Frame{r(1, "t1"), r(2, "t2"), r(3, "t3"), end(3)}, State{Complete: true, Ended: true, After: 3}, 3},
		{"reversed, end first", []Frame{end(3), r(3, "t1"), r(2, "t2"), r(1, "t3")}, State{Complete: true, Ended: true, After: 3}, 3},
		{"duplicates", []Frame{r(1, "t1"), r(1, "t1"), r(2, "t2"), r(1, "t1"), r(3, "t3"), end(3), end(3)}, State{Complete: true, Ended: true, After: 3}, 3},
		{"no end", []Frame{r(1, "t1"), r(2, "t2"), r(3, "t3")}, State{After: 3}, 3},
		{"gap", []Frame{r(1, "t1"), r(3, "t3"), end(3)}, State{Ended: true, After: 1, Gap: true, Unanswered: 1}, 2},
		{"gap at the end", []Frame{r(1, "t1"), end(3)}, State{Ended: true, After: 1, Gap: true, Unanswered: 2}, 1},
		{"a beat tells of a gap", []Frame{r(1, "t1"), &Beat{Head: head("s"), Seq: 2}}, State{After: 1, Gap: true, Unanswered: 2}, 1},
		{"other session", []Frame{result("x", 1, "t1"), &End{Head: head("x"), Count: 0}, r(1, "t1")}, State{After: 1, Unanswered: 2}, 1},
		{"end too early", []Frame{r(1, "t1"), end(1)}, State{Ended: true, After: 1, Unanswered: 2}, 1},
		{"seq above the count", []Frame{r(1, "t1"), r(2, "t2"), r(3, "t3"), r(4, "t4"), end(3)}, State{Ended: true, After: 4, Strange: 1}, 3},
		{"unplanned task", []Frame{r(1, "evil"), end(1)}, State{Ended: true, After: 1, Unanswered: 3, Strange: 1}, 0},
		{"one task answered twice", []Frame{r(1, "t1"), r(2, "t1"), r(3, "t2"), end(3)}, State{Ended: true, After: 3, Unanswered: 1, Strange: 1}, 2},
		{"seq out of range", []Frame{r(0, "t1"), r(-1, "t2"), r(MaxResults+1, "t3")}, State{Unanswered: 3, Strange: 3}, 0},
		{"count out of range", []Frame{end(-1), end(MaxResults + 1)}, State{Unanswered: 3}, 0},
		{"the first end stands", []Frame{r(1, "t1"), r(2, "t2"), r(3, "t3"), end(4), end(3)}, State{Ended: true, After: 3, Gap: true}, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := NewAssembler("s", plan(3))
			got := 0
			for _, f := range test.frames {
				if _, ok := a.Add(f); ok {
					got++
				}
			}
			if diff := cmp.Diff(test.want, a.State()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got != test.got {
				t.Errorf("%d results returned, want %d", got, test.got)
			}
			if n := len(a.Unanswered(plan(3))); n != test.want.Unanswered {
				t.Errorf("%d tasks unanswered, want %d", n, test.want.Unanswered)
			}
		})
	}
}

// TestAssemblerMixed feeds two sessions, shuffled, each frame up to three times, some
// lost: each assembler must end with what reached it and claim no more.
func TestAssemblerMixed(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var frames []Frame
		lost := map[string]int{}
		for _, s := range []string{"a", "b"} {
			for i := 1; i <= 10; i++ {
				if s == "b" && rng.IntN(10) == 0 {
					lost[s]++
					continue
				}
				for range 1 + rng.IntN(3) {
					frames = append(frames, result(s, i, fmt.Sprint("t", i)))
				}
			}
			frames = append(frames, &End{Head: head(s), Count: 10})
		}
		rng.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
		for _, s := range []string{"a", "b"} {
			a := NewAssembler(s, plan(10))
			for _, f := range frames {
				a.Add(f)
			}
			state := a.State()
			if state.Complete != (lost[s] == 0) || len(a.Missing()) != lost[s] || state.Gap != (lost[s] > 0) || state.Unanswered != lost[s] {
				t.Fatalf("seed %d session %s: %d lost, got %+v", seed, s, lost[s], state)
			}
		}
	}
}

func TestAssemblerTrustsThePlanForLabels(t *testing.T) {
	a := NewAssembler("s", plan(2))
	f := result("s", 1, "t1")
	f.Result.Check, f.Result.Vantage = "other", "node/evil"
	f.Result.Label = check.Label{Area: "fake", Target: "9.9.9.9\x1b[2J"}
	got, ok := a.Add(f)
	if !ok {
		t.Fatal("not taken")
	}
	want := check.Result{TaskID: "t1", Check: "c", Status: check.Pass, Label: check.Label{Area: "dns", Title: "row", Target: `9.9.9.9\u001b[2J`}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestClean(t *testing.T) {
	tests := []struct {
		name, in string
		limit    int
		want     string
	}{
		{"plain", "tcp 10.0.0.1:80 ok", 100, "tcp 10.0.0.1:80 ok"},
		{"accents and wide", "naïve 漢字 ✓", 100, "naïve 漢字 ✓"},
		{"escape sequence", "\x1b[31mred\x1b]0;title\x07", 100, `\u001b[31mred\u001b]0;title\u0007`},
		{"C1 control", "a\u009b31mb", 100, `a\u009b31mb`},
		{"carriage return", "ok\rFAIL\n", 100, "ok FAIL "},
		{"direction override", "a\u202egnp.exe", 100, `a\u202egnp.exe`},
		{"zero width", "pay\u200bments\ufeff", 100, `pay\u200bments\ufeff`},
		{"line separator", "a\u2028b", 100, `a\u2028b`},
		{"no UTF-8", "a\xff\xc3", 100, `a\xff\xc3`},
		{"replacement character itself", "a\ufffd", 100, "a\ufffd"},
		{"cut", "abcdefghij", 8, "abcde…"},
		{"cut between runes", "漢字漢字", 8, "漢…"},
		{"exactly", "abcdefgh", 8, "abcdefgh"},
		{"limit below the ellipsis", "abcdef", 2, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Clean(test.in, test.limit); got != test.want {
				t.Errorf("Clean(%q, %d) = %q, want %q", test.in, test.limit, got, test.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[0m\xff", 10)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = min(max(limit, 0), 4096)
		got := Clean(s, limit)
		if len(got) > limit || !utf8.ValidString(got) || !harmless(got) {
			t.Errorf("Clean(%q, %d) = %q", s, limit, got)
		}
		if again := Clean(got, limit); again != got {
			t.Errorf("cleaning twice: %q, then %q", got, again)
		}
	})
}

func TestSanitizeReachesEverything(t *testing.T) {
	evil := "\x1b[2J" + strings.Repeat("x", 2*MaxText)
	r := check.Result{
		TaskID: evil, Check: evil, Vantage: evil, Status: check.Status(99), Failure: check.Failure(evil),
		Label: check.Label{Area: evil, Title: evil, Target: evil, Object: evil, Subject: evil}, Summary: evil, Meaning: evil,
		Skip:   &check.Skip{Reason: evil, Unlock: evil},
		Kernel: &facts.Kernel{Links: []facts.Link{{Name: evil, VXLAN: &facts.VXLAN{Local: evil}, Addrs: []string{evil}}}, ResolvConf: &facts.ResolvConf{Search: []string{evil}}},
	}
	for range MaxAttempts + 1 {
		r.Attempts = append(r.Attempts, check.Attempt{Failure: check.Failure(evil), RTT: check.Duration(time.Second), Detail: evil})
	}
	r.Attempts[0].Phases = make([]check.Phase, MaxPhases+1)
	r.Attempts[0].Phases[0].Name = evil
	for range MaxEvidence + 1 {
		r.With(evil, "%s", evil)
	}
	Sanitize(&r)
	if text := fmt.Sprintf("%+v %+v %+v", r, *r.Skip, *r.Kernel.Links[0].VXLAN); strings.ContainsRune(text, 0x1b) {
		t.Error("an escape character survived")
	}
	if len(r.Attempts) != MaxAttempts || len(r.Evidence) != MaxEvidence || len(r.Attempts[0].Phases) != MaxPhases || r.Status != check.Unknown {
		t.Errorf("bounds: %d attempts, %d evidence, status %d", len(r.Attempts), len(r.Evidence), r.Status)
	}
	for _, s := range []string{r.Summary, r.Kernel.Links[0].Name, r.Kernel.Links[0].VXLAN.Local, r.Kernel.ResolvConf.Search[0], r.Skip.Unlock, string(r.Failure), r.Attempts[0].Phases[0].Name} {
		if len(s) > MaxText {
			t.Errorf("a string of %d bytes survived", len(s))
		}
	}
}

// TestEveryFieldOfALabelComesBack: a probe sends none of what the plan says, and the
// result has it all the same, whatever fields a label gets.
func TestEveryFieldOfALabelComesBack(t *testing.T) {
	task := check.Task{ID: "t", Check: "c"}
	v := reflect.ValueOf(&task.Label).Elem()
	for i := range v.NumField() {
		v.Field(i).SetString(v.Type().Field(i).Name)
	}
	a := NewAssembler("s", []check.Task{task})
	got, _ := a.Add(&Result{Head: Head{Session: "s"}, Seq: 1, Result: check.Result{TaskID: "t", Label: check.Label{Asked: "lie"}}})
	if diff := cmp.Diff(task.Label, got.Label); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
