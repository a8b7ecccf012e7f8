package hostile

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// TestNamesAreHostNames: an attack is chosen by the name of a pod.
func TestNamesAreHostNames(t *testing.T) {
	var names []string
	for _, a := range attacks {
		if a.name == "" || bytes.ContainsFunc([]byte(a.name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
			t.Errorf("%q", a.name)
		}
		names = append(names, a.name)
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(attacks) {
		t.Error("two attacks of one name")
	}
}

// TestIsAProbeUntilThePlan: the plugin must get as far as the attack.
func TestIsAProbeUntilThePlan(t *testing.T) {
	i := slices.IndexFunc(attacks, func(a attack) bool { return a.name == "seq" })
	in, feed := io.Pipe()
	out, say := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(attacks[i], in, say, Options{})
	}()
	w, r := wire.NewWriter(feed), wire.NewReader(out)
	head := wire.Head{Session: "s"}
	if err := w.Write(&wire.Open{Head: head}); err != nil {
		t.Fatal(err)
	}
	frame, err := r.Next()
	if hello, ok := frame.(*wire.Hello); !ok || hello.Session != "s" {
		t.Fatalf("%#v %v", frame, err)
	}
	tasks := []check.Task{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	if err := w.Write(&wire.Plan{Head: head, Part: 1, Parts: 1, Tasks: tasks}); err != nil {
		t.Fatal(err)
	}
	a := wire.NewAssembler("s", tasks)
	for {
		frame, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		a.Add(frame)
		if a.State().Ended {
			break
		}
	}
	if a.State().Complete {
		t.Error("the attack succeeded: the session counts as complete")
	}
	_ = feed.Close()
	<-done
}
