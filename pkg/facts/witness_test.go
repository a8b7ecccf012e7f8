package facts

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMoved(t *testing.T) {
	before := map[string]uint64{"grew": 1, "same": 5, "backwards": 9, "gone": 3}
	after := map[string]uint64{"grew": 4, "same": 5, "backwards": 2, "new": 7}
	if diff := cmp.Diff(map[string]uint64{"grew": 3}, Moved(before, after)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := Moved(nil, nil); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestFlowEnds(t *testing.T) {
	f := Flow{Found: true, Reply: &Tuple{Src: "10.244.2.7:8080", Dst: "10.244.1.1:4242"}}
	if f.SentTo().String() != "10.244.2.7:8080" || f.SeenAs().String() != "10.244.1.1:4242" {
		t.Errorf("sent to %s, seen as %s", f.SentTo(), f.SeenAs())
	}
	if got := (Flow{}).SentTo(); got.IsValid() {
		t.Errorf("a flow that was not found was sent to %s", got)
	}
}
