package build

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestKeyFollowsWhatItIsBuiltFrom(t *testing.T) {
	base := t.TempDir()
	source := filepath.Join(base, "x", "main.go")
	write := func(path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	component := Component{Name: "x", Module: "x", Package: ".", Sources: []string{"x"}}
	key := func(component Component, goVersion, goarch string) string {
		t.Helper()
		got, err := component.Key(base, goVersion, goarch)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	write(source, "package main")
	first := key(component, "go1", "amd64")
	if again := key(component, "go1", "amd64"); again != first {
		t.Errorf("the same input gave %s, then %s", first, again)
	}
	write(filepath.Join(base, "x", "main_test.go"), "package main")
	if got := key(component, "go1", "amd64"); got != first {
		t.Error("a test changed the key")
	}
	flagged := component
	flagged.LDFlags = "-X a=b"
	seen := map[string]string{first: "the first"}
	for name, got := range map[string]string{
		"another compiler":     key(component, "go2", "amd64"),
		"another architecture": key(component, "go1", "arm64"),
		"other flags":          key(flagged, "go1", "amd64"),
	} {
		if other, known := seen[got]; known {
			t.Errorf("%s: same key as %s", name, other)
		}
		seen[got] = name
	}
	write(source, "package main // changed")
	if got := key(component, "go1", "amd64"); got == first {
		t.Error("a changed source did not change the key")
	}
}

func TestKeyOfMissingSourceFails(t *testing.T) {
	if _, err := (Component{Name: "x", Sources: []string{"none"}}).Key(t.TempDir(), "go1", "amd64"); err == nil {
		t.Error("no error")
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for i, name := range []string{
		"app-0000000000000001", "app-0000000000000002", "app-0000000000000003",
		"application-00000000000004", "app.lock", ".staging-app-1", ".staging-app-2",
	} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		age := time.Duration(i) * time.Hour
		if name == ".staging-app-2" {
			age = 48 * time.Hour
		}
		if err := os.Chtimes(path, now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := prune(dir, "app", filepath.Join(dir, "app-0000000000000003")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	want := []string{".staging-app-1", "app-0000000000000001", "app-0000000000000003", "app.lock", "application-00000000000004"}
	if !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}
