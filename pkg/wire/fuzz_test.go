package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// FuzzAhead: a plan that came in the environment. What is no such text gives an error
// and not more bytes than the bound; frames that were packed are there when unpacked.
func FuzzAhead(f *testing.F) {
	text, err := EncodeAhead(&Open{Head: Head{Session: "a"}}, &Plan{Head: Head{Session: "a"}, Tasks: []check.Task{{ID: "x"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, "service.vip payments")
	f.Add("bm90IGd6aXA=", "\x1b[2J<b>")
	f.Fuzz(func(t *testing.T, text, id string) {
		var read bytes.Buffer
		n, err := io.Copy(&read, DecodeAhead(text))
		if n > maxUnpacked || text == "" && err == nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		packed, err := EncodeAhead(&Open{Head: Head{Session: "s"}}, &Plan{Head: Head{Session: "s"}, Tasks: []check.Task{{ID: id, Check: text}}})
		if errors.Is(err, ErrTooLong) {
			return
		}
		if err != nil || len(packed) > MaxAhead {
			t.Fatalf("%d bytes, %v", len(packed), err)
		}
		r := NewReader(DecodeAhead(packed))
		first, _ := r.Next()
		second, err := r.Next()
		plan, isPlan := second.(*Plan)
		if first == nil || !isPlan || len(plan.Tasks) != 1 {
			t.Fatalf("%#v %#v %v", first, second, err)
		}
		// JSON has no bytes that are no UTF-8.
		if got := plan.Tasks[0].ID; utf8.ValidString(id) && got != id || !utf8.ValidString(got) {
			t.Errorf("%q became %q", id, got)
		}
	})
}

// FuzzPlan: the parts of a plan, read in any order, are the plan.
func FuzzPlan(f *testing.F) {
	f.Add([]byte{3, 200, 0, 255}, uint16(700))
	f.Fuzz(func(t *testing.T, sizes []byte, scale uint16) {
		p := Plan{Head: Head{Session: "s"}}
		for i, size := range sizes[:min(len(sizes), 64)] {
			p.Tasks = append(p.Tasks, check.Task{ID: strings.Repeat("t", 1+i), Check: strings.Repeat("c", int(size)*int(scale%64))})
		}
		parts, err := Split(p)
		if err != nil {
			t.Fatal(err)
		}
		var tasks []check.Task
		for i, part := range parts {
			line, err := Encode(part)
			if err != nil || len(line) > 3*partSize {
				t.Fatalf("part %d: %d bytes, %v", i, len(line), err)
			}
			frame, err := NewReader(bytes.NewReader(line)).Next()
			read, isPlan := frame.(*Plan)
			if !isPlan || read.Part != i+1 || read.Parts != len(parts) {
				t.Fatalf("part %d: %#v %v", i, frame, err)
			}
			tasks = append(tasks, read.Tasks...)
		}
		if diff := cmp.Diff(p.Tasks, tasks); diff != "" {
			t.Error(diff)
		}
	})
}

// lies makes frames of bytes, four each: what a probe says that lies about seq, counts,
// tasks and sessions.
func lies(script []byte) []Frame {
	var frames []Frame
	for ; len(script) >= 4; script = script[4:] {
		kind, session, task := script[0]%4, "s", string('a'+rune(script[1]%6))
		if script[1] > 200 {
			session = "another"
		}
		seq := int(int16(binary.BigEndian.Uint16(script[2:])))
		if script[0] > 200 {
			seq *= 1 << 20 // beyond every bound
		}
		switch kind {
		case 0:
			frames = append(frames, &End{Head: Head{Session: session}, Count: seq})
		case 1:
			frames = append(frames, &Beat{Head: Head{Session: session}, Seq: seq})
		default:
			frames = append(frames, &Result{Head: Head{Session: session}, Seq: seq, Result: check.Result{TaskID: task, Status: check.Pass}})
		}
	}
	return frames
}

// FuzzAssembler: against a second reading of the rules, which keeps all frames and
// decides at the end.
func FuzzAssembler(f *testing.F) {
	f.Add([]byte{2, 0, 0, 1, 2, 1, 0, 2, 2, 2, 0, 3, 0, 0, 0, 3}) // healthy
	f.Add([]byte{2, 0, 0, 1, 2, 1, 0, 3, 0, 0, 0, 3})             // a gap
	f.Add([]byte{0, 0, 0, 0, 1, 0, 0, 9, 2, 0, 0, 1, 2, 0, 0, 2}) // ended before it began
	f.Fuzz(func(t *testing.T, script []byte) {
		plan := []check.Task{{ID: "a", Check: "x"}, {ID: "b", Check: "x"}, {ID: "c", Check: "x"}}
		a := NewAssembler("s", plan)
		frames := lies(script)
		got := map[string]int{}
		for _, frame := range frames {
			if r, fresh := a.Add(frame); fresh {
				got[r.TaskID]++
				if r.Check != "x" || got[r.TaskID] > 1 || len(r.TaskID) != 1 || r.TaskID > "c" {
					t.Fatalf("a result of %q, %q, for the %d. time", r.TaskID, r.Check, got[r.TaskID])
				}
			}
		}
		state := a.State()
		seen, highest, count := map[int]bool{}, 0, -1
		for _, frame := range frames {
			if frame.SessionID() != "s" {
				continue
			}
			switch frame := frame.(type) {
			case *Result:
				if frame.Seq >= 1 && frame.Seq <= MaxResults {
					seen[frame.Seq] = true
					highest = max(highest, frame.Seq)
				}
			case *Beat:
				if frame.Seq <= MaxResults {
					highest = max(highest, frame.Seq)
				}
			case *End:
				if count < 0 && frame.Count >= 0 && frame.Count <= MaxResults {
					count = frame.Count
				}
			}
		}
		var missing []int
		after := 0
		for seq := 1; seq <= max(highest, count); seq++ {
			if !seen[seq] {
				missing = append(missing, seq)
			} else if len(missing) == 0 {
				after = seq
			}
		}
		complete := count >= 0 && len(missing) == 0 && highest <= count && len(got) == len(plan)
		if state.Complete != complete || state.Ended != (count >= 0) || state.After != after || state.Gap != (len(missing) > 0) || !slices.Equal(a.Missing(), missing) {
			t.Errorf("%+v; want complete %v, after %d, missing %v", state, complete, after, missing)
		}
		if left := a.Unanswered(plan); len(left)+len(got) != len(plan) || state.Unanswered != len(left) {
			t.Errorf("%d unanswered, %d answered", len(left), len(got))
		}
	})
}
