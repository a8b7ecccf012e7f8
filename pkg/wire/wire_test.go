package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

func head(session string) Head { return Head{Session: session} }

// samples has one frame of each kind.
func samples() []Frame {
	return []Frame{
		&Open{head("s1")},
		&Hello{Head: head("s1"), Version: "v1", Build: "abc", Capabilities: []string{"NET_RAW"}, Netns: "net:[1]", UID: 65532, Left: check.Duration(time.Minute), Served: 2},
		&Busy{Head: head("s1"), Left: check.Duration(time.Second)},
		&Plan{Head: head("s1"), Part: 1, Parts: 1, Tasks: []check.Task{{ID: "a x", Check: "a", Timeout: check.Duration(time.Second), Params: json.RawMessage(`{"p":1}`)}}, Deadline: check.Duration(time.Second)},
		&Result{Head: head("s1"), Seq: 1, Result: check.Result{TaskID: "a x", Check: "a", Status: check.Pass, Summary: "fine"}},
		&Beat{Head: head("s1"), Seq: 1, Running: 2, Queued: 3, Waiting: []string{"a y"}},
		&End{Head: head("s1"), Count: 1},
		&Resume{Head: head("s1"), After: 4},
		&Cancel{head("s1")},
		&Reject{Head: head("s1"), Code: CodeNotOpen, Reason: "why"},
	}
}

func readAll(t *testing.T, r io.Reader) ([]Frame, Skipped) {
	t.Helper()
	reader := NewReader(r)
	var frames []Frame
	for {
		f, err := reader.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatalf("Next: %v", err)
			}
			return frames, reader.Skipped()
		}
		frames = append(frames, f)
	}
}

func encodeAll(t *testing.T, frames []Frame) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, f := range frames {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestEveryKindRoundTrips(t *testing.T) {
	want := samples()
	got, skipped := readAll(t, iotest.OneByteReader(bytes.NewReader(encodeAll(t, want))))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frames changed on their way (-sent +read):\n%s", diff)
	}
	if skipped != (Skipped{}) {
		t.Errorf("skipped %+v", skipped)
	}
	for _, f := range got {
		if blank(f.kind()) == nil {
			t.Errorf("kind %s is not known to blank", f.kind())
		}
	}
}

func TestCutAtEveryByte(t *testing.T) {
	data := encodeAll(t, samples())
	for cut := range len(data) {
		want := bytes.Count(data[:cut], []byte("\n"))
		got, _ := readAll(t, bytes.NewReader(data[:cut]))
		if len(got) != want {
			t.Fatalf("cut at byte %d: %d frames, want the %d whole ones", cut, len(got), want)
		}
		// What follows a cut, from another client or after a re-attach, costs the one
		// line that it joins, no more.
		glued := append(bytes.Clone(data[:cut]), data...)
		got, _ = readAll(t, bytes.NewReader(glued))
		if least := want + len(samples()) - 1; len(got) < least {
			t.Fatalf("cut at byte %d and sent again: %d frames, want at least %d", cut, len(got), least)
		}
	}
}

func TestReaderSkips(t *testing.T) {
	open := `{"v":1,"kind":"open","session":"s1"}` + "\n"
	tests := []struct {
		name  string
		noise string
		want  Skipped
	}{
		{"text", "panic: no\n", Skipped{Noise: 1, Bytes: 10}},
		{"empty line", "\n", Skipped{Noise: 1, Bytes: 1}},
		{"binary", "\x00\xff\xfe\n", Skipped{Noise: 1, Bytes: 4}},
		{"array", "[1]\n", Skipped{Noise: 1, Bytes: 4}},
		{"cut frame", `{"v":1,"kind":` + "\n", Skipped{Malformed: 1, Bytes: 15}},
		{"wrong type", `{"v":1,"kind":"end","count":"x"}` + "\n", Skipped{Malformed: 1, Bytes: 33}},
		{"two frames in a line", `{"v":1,"kind":"open"}{"v":1,"kind":"open"}` + "\n", Skipped{Malformed: 1, Bytes: 43}},
		{"other version", `{"v":2,"kind":"open"}` + "\n", Skipped{Version: 1, Bytes: 22}},
		{"no version", `{"kind":"open"}` + "\n", Skipped{Version: 1, Bytes: 16}},
		{"unknown kind", `{"v":1,"kind":"dance"}` + "\n", Skipped{Unknown: 1, Bytes: 23}},
		{"duration out of range", `{"v":1,"kind":"busy","leftMs":1e300}` + "\n", Skipped{Malformed: 1, Bytes: 37}},
		{"long session", `{"v":1,"kind":"open","session":"` + strings.Repeat("x", 65) + `"}` + "\n", Skipped{Malformed: 1, Bytes: 100}},
		{"deep nesting", `{"v":1,"kind":"open","x":` + strings.Repeat("[", 20000) + "\n", Skipped{Malformed: 1, Bytes: 20026}},
		{"oversize", "{" + strings.Repeat("x", MaxLine) + "\n", Skipped{Oversize: 1, Bytes: 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, skipped := readAll(t, strings.NewReader(open+test.noise+open))
			if len(got) != 2 {
				t.Errorf("%d frames, want the 2 around the noise", len(got))
			}
			if test.want.Oversize > 0 {
				test.want.Bytes = skipped.Bytes
				if skipped.Bytes < MaxLine {
					t.Errorf("oversize line counted as %d bytes", skipped.Bytes)
				}
			}
			if diff := cmp.Diff(test.want, skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
		})
	}
}

// endless yields the same bytes for ever.
type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

func TestReaderGivesUpOnNoise(t *testing.T) {
	for _, noise := range []string{"x", "x\n", "{\n"} {
		if _, err := NewReader(endless(noise)).Next(); !errors.Is(err, ErrNoise) {
			t.Errorf("endless %q: %v, want ErrNoise", noise, err)
		}
	}
}

func TestReaderTellsWhy(t *testing.T) {
	r := NewReader(strings.NewReader("hm\n\n{\"v\":9}\n"))
	var told []string
	r.OnSkip = func(reason string) { told = append(told, reason) }
	_, _ = r.Next()
	want := []string{"a line that is no frame", "a frame of version 9, this build speaks 1"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReaderTellsOtherVersions: a frame of another version tells who is there; JSON
// that somebody logs does not.
func TestReaderTellsOtherVersions(t *testing.T) {
	r := NewReader(strings.NewReader(`{"v":2,"kind":"hello","new":{}}
{"level":"info"}
{"v":3}
{"v":-1,"kind":"hello"}
{"v":1,"kind":"hello"}
`))
	var told []int
	r.OnVersion = func(v int) { told = append(told, v) }
	if frame, err := r.Next(); err != nil || frame.head().V != Version {
		t.Errorf("%+v, %v: the frame of our version is lost", frame, err)
	}
	if diff := cmp.Diff([]int{2}, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEncodeRefusesWhatNobodyReads(t *testing.T) {
	f := &Reject{Reason: strings.Repeat("x", MaxLine)}
	if _, err := Encode(f); !errors.Is(err, ErrTooLong) {
		t.Errorf("Encode: %v, want ErrTooLong", err)
	}
	f = &Reject{Reason: strings.Repeat("x", MaxLine-200)}
	line, err := Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := readAll(t, bytes.NewReader(line)); len(got) != 1 {
		t.Error("a frame within the limit was not read back")
	}
}

// countingWriter records each Write by itself.
type countingWriter struct{ writes [][]byte }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes = append(w.writes, bytes.Clone(p))
	return len(p), nil
}

func TestWriterWritesWholeFrames(t *testing.T) {
	var w countingWriter
	writer := NewWriter(&w)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() { _ = writer.Write(&End{Count: i}) })
	}
	wg.Wait()
	if len(w.writes) != 50 {
		t.Fatalf("%d writes for 50 frames", len(w.writes))
	}
	for _, line := range w.writes {
		if bytes.Count(line, []byte("\n")) != 1 || line[len(line)-1] != '\n' {
			t.Fatalf("not one line: %q", line)
		}
	}
}

func TestSplit(t *testing.T) {
	big := strings.Repeat("x", 1000)
	for _, n := range []int{0, 1, 5000} {
		p := Plan{Head: head("s1"), Deadline: check.Duration(time.Second)}
		for i := range n {
			p.Tasks = append(p.Tasks, check.Task{ID: fmt.Sprint(big, i)})
		}
		parts, err := Split(p)
		if err != nil {
			t.Fatal(err)
		}
		var tasks []check.Task
		for i, part := range parts {
			if part.Part != i+1 || part.Parts != len(parts) || part.Session != "s1" || part.Deadline != p.Deadline {
				t.Errorf("part %d: %d of %d, session %q", i, part.Part, part.Parts, part.Session)
			}
			if line, err := Encode(part); err != nil || len(line) > 2*partSize {
				t.Errorf("part %d: %d bytes, %v", i, len(line), err)
			}
			tasks = append(tasks, part.Tasks...)
		}
		if diff := cmp.Diff(p.Tasks, tasks); diff != "" {
			t.Errorf("%d tasks changed: %s", n, diff)
		}
	}
	if _, err := Split(Plan{Tasks: make([]check.Task, MaxResults+1)}); !errors.Is(err, ErrTooLong) {
		t.Errorf("a plan of too many tasks: %v", err)
	}
}

func FuzzReader(f *testing.F) {
	var b bytes.Buffer
	for _, frame := range samples() {
		line, err := Encode(frame)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
		b.Write(line)
	}
	f.Add(b.Bytes())
	f.Add([]byte("{\"v\":1,\"kind\":\"result\",\"result\":{\"attempts\":[{}],\"kernel\":{\"links\":[{}]}}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data))
		a := NewAssembler("s1", []check.Task{{ID: "a x"}})
		for {
			frame, err := r.Next()
			if err != nil {
				break
			}
			a.Add(frame)
			SanitizeFrame(frame)
			if _, err := Encode(frame); err != nil && !errors.Is(err, ErrTooLong) {
				t.Fatalf("a frame that was read cannot be written: %v", err)
			}
		}
		if s := a.State(); s.Complete && s.Unanswered > 0 {
			t.Fatal("complete without an answer")
		}
	})
}
