package wire

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

func TestAhead(t *testing.T) {
	text, err := EncodeAhead(&Open{Head: Head{Session: "a"}}, &Plan{Head: Head{Session: "a"}, Tasks: []check.Task{{ID: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(DecodeAhead(text))
	first, err := r.Next()
	if _, ok := first.(*Open); !ok || err != nil {
		t.Fatalf("%#v %v, want the Open", first, err)
	}
	second, err := r.Next()
	if plan, ok := second.(*Plan); !ok || err != nil || plan.Tasks[0].ID != "x" {
		t.Fatalf("%#v %v, want the Plan", second, err)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last frame: %v", err)
	}
}

func TestAheadIsBounded(t *testing.T) {
	var random strings.Builder
	for range 2 * MaxAhead {
		random.WriteByte(byte('a' + rand.IntN(26)))
	}
	if _, err := EncodeAhead(&Plan{Tasks: []check.Task{{ID: random.String()}}}); !errors.Is(err, ErrTooLong) {
		t.Errorf("a plan that does not pack: %v", err)
	}
	// What unpacks to more is cut, not read.
	var frames []Frame
	for range maxUnpacked/MaxLine + 1 {
		frames = append(frames, &Plan{Tasks: []check.Task{{ID: strings.Repeat("a", MaxLine-1000)}}})
	}
	bomb, err := EncodeAhead(frames...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, DecodeAhead(bomb)); n != maxUnpacked || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestAheadOfRubbish(t *testing.T) {
	for _, text := range []string{"", "x", "bm90IGd6aXA=", "H4sIAAAAAAAA/w=="} {
		if frame, err := NewReader(DecodeAhead(text)).Next(); err == nil {
			t.Errorf("%q: %#v", text, frame)
		}
	}
}
