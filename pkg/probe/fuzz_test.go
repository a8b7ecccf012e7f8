package probe

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// FuzzStdin: whatever comes in on the probe's stdin, it says nothing but frames,
// numbers its results from 1, counts no more than it numbered, and ends by its lifetime
// with no goroutine left.
func FuzzStdin(f *testing.F) {
	lines := func(frames ...wire.Frame) (all []byte) {
		for _, frame := range frames {
			line, err := wire.Encode(frame)
			if err != nil {
				f.Fatal(err)
			}
			all = append(all, line...)
		}
		return all
	}
	f.Add(lines(open("s"), plan("s", "pass", "panic", "second", "label")))
	f.Add(lines(open("s"), plan("s", "obedient", "mute"), &wire.Cancel{Head: head("s")}, &wire.Resume{Head: head("s"), After: 1}))
	f.Add(slices.Concat(lines(open("a"), open("b")), []byte("{\"v\":1}\n\x00garbage\n{\"v\":1,\"kind\":\"plan\",\"session\":\"a\",\"part\":2,\"parts\":1}\n")))
	f.Fuzz(func(t *testing.T, stdin []byte) {
		synctest.Test(t, func(t *testing.T) {
			cfg := config()
			cfg.Ahead, cfg.Lifetime = bytes.NewReader(stdin), time.Minute
			r := start(t, cfg)
			highest := map[string]int{}
			for _, frame := range r.pass(2 * time.Minute) {
				switch frame := frame.(type) {
				case *wire.Result:
					if highest[frame.Session] = max(highest[frame.Session], frame.Seq); frame.Seq < 1 {
						t.Errorf("result number %d", frame.Seq)
					}
				case *wire.End:
					// A session of that name may have been before it, and longer.
					if frame.Count < 0 || frame.Count > highest[frame.Session] {
						t.Errorf("an end after %d of %d", frame.Count, highest[frame.Session])
					}
				}
			}
			r.ended()
		})
	})
}
