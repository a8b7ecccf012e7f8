package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/state"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

func TestSaveAndLoad(t *testing.T) {
	dir := state.Dir(filepath.Join(t.TempDir(), "cluster"))
	if _, err := dir.Load(); !errors.Is(err, state.ErrNone) {
		t.Errorf("load without a cluster: %v", err)
	}
	if err := dir.Create(); err != nil {
		t.Fatal(err)
	}
	want := state.Record{Options: topology.Defaults(), Components: map[string]string{"app": "1"}, Ready: true}
	if err := dir.Save(want); err != nil {
		t.Fatal(err)
	}
	got, err := dir.Load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if err := dir.Remove(); err != nil || dir.Left() {
		t.Errorf("remove: %v, left %v", err, dir.Left())
	}
}

func TestLoadRefusesGarbage(t *testing.T) {
	for _, content := range []string{"", "{", "{}", `{"options":{"nodes":[]}}`} {
		dir := state.Dir(t.TempDir())
		if err := os.WriteFile(dir.Path("state.json"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := dir.Load(); err == nil || errors.Is(err, state.ErrNone) {
			t.Errorf("%q: error = %v", content, err)
		}
	}
}

func TestOthersFoldersAreSafe(t *testing.T) {
	dir := state.Dir(t.TempDir())
	file := dir.Path("precious")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := dir.Create(); err == nil {
		t.Error("a folder of others was taken")
	}
	if err := dir.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("a folder of others was removed: %v", err)
	}
}

func TestOpen(t *testing.T) {
	t.Setenv(state.Env, "relative")
	if _, err := state.Open(); err == nil {
		t.Error("a relative folder was accepted")
	}
	t.Setenv(state.Env, "/some/where/")
	if dir, err := state.Open(); err != nil || dir != "/some/where" {
		t.Errorf("folder %s, error %v", dir, err)
	}
}
