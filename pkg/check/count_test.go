package check

import "testing"

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 pods", 1: "1 pod", 2: "2 pods"} {
		if got := Count(n, "pod"); got != want {
			t.Errorf("%d is %q", n, got)
		}
	}
	if got := Count(int32(1), "restart"); got != "1 restart" {
		t.Errorf("%q", got)
	}
}
