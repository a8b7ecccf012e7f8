//go:build linux

package build

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
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
		"application-00000000000004", "app.lock", ".staging-app-1",
	} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now, now.Add(-time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := prune(dir, "app", filepath.Join(dir, "app-0000000000000003")); err != nil {
		t.Fatal(err)
	}
	want := []string{".staging-app-1", "app-0000000000000001", "app-0000000000000003", "app.lock", "application-00000000000004"}
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

func TestRemoveStaged(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".staging-app-1/bin", ".staging-app-2", ".staging-coredns-1", "app-0000000000000001"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeStaged(dir, "app"); err != nil {
		t.Fatal(err)
	}
	want := []string{".staging-coredns-1", "app-0000000000000001"}
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestSetupKey(t *testing.T) {
	base := t.TempDir()
	keyWith := func(file string) string {
		t.Helper()
		path := filepath.Join(base, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := setupKey(base)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if err := os.Mkdir(filepath.Join(base, "cmd"), 0o755); err != nil {
		t.Fatal(err)
	}
	first := keyWith("internal/node/config.go")
	if keyWith("internal/node/config_test.go") != first || keyWith("README.md") != first {
		t.Error("what configures nothing changed the key")
	}
	if keyWith("internal/node/more.go") == first {
		t.Error("another source did not change the key")
	}
}

// TestSharedVersions keeps flannel and CoreDNS on the plugin's versions of what they
// share with it, the Kubernetes clients above all: the compiler's cache then holds
// most of them already, which takes minutes off a first start.
func TestSharedVersions(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..")
	plugin := required(t, filepath.Join(root, "go.mod"))
	for _, component := range []string{Flannel, CoreDNS} {
		file := filepath.Join(root, "test", "cluster", "components", component, "go.mod")
		shared := 0
		for module, version := range required(t, file) {
			switch plugin[module] {
			case "":
			case version:
				shared++
			default:
				t.Errorf("%s: %s %s, where the plugin has %s: go get %s@%s there",
					component, module, version, plugin[module], module, plugin[module])
			}
		}
		if shared < 20 {
			t.Errorf("%s shares %d modules with the plugin: is go.mod read right?", component, shared)
		}
	}
}

// required reads the versions that a go.mod names.
func required(t *testing.T, file string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) >= 2 && strings.HasPrefix(fields[1], "v") {
			versions[fields[0]] = fields[1]
		}
	}
	return versions
}
