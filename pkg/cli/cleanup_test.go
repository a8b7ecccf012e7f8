package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/inject"
)

// TestCleanupShells: live shells are left unless asked for, and the user hears of them.
func TestCleanupShells(t *testing.T) {
	f := &fakeBackend{removed: inject.Cleaned{Shells: []string{"shop/netlook-w1-abcde", "tools/netlook-w2-abcde"}}}
	got := runWith(t, t.Context(), f, "cleanup", "-A")
	if got.code != 0 || !strings.HasPrefix(got.stderr, "left, as somebody may be in them: 2 shells on nodes (shop/netlook-w1-abcde tools/netlook-w2-abcde); --shells deletes them too\n") {
		t.Errorf("%+v", got)
	}
	one := &fakeBackend{removed: inject.Cleaned{Shells: []string{"shop/netlook-w1-abcde"}}}
	if got := runWith(t, t.Context(), one, "cleanup", "-A"); !strings.Contains(got.stderr, ": 1 shell on nodes (shop/netlook-w1-abcde);") {
		t.Errorf("one: %+v", got)
	}
	runWith(t, t.Context(), f, "cleanup", "--shells", "-n", "shop")
	if diff := cmp.Diff([]inject.CleanupOptions{{}, {Namespace: "shop", Shells: true}}, f.cleaned); diff != "" {
		t.Error(diff)
	}
}
