package release

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// good makes a manifest that breaks no rule, with archives in a folder.
func good(t *testing.T) (manifest, string) {
	t.Helper()
	dist := t.TempDir()
	var m manifest
	m.APIVersion, m.Kind, m.Metadata.Name = "krew.googlecontainertools.github.com/v1alpha2", "Plugin", "netlook"
	m.Spec.Version, m.Spec.Homepage = "v1.2.3-rc.1", "https://example.test/netlook"
	m.Spec.ShortDescription, m.Spec.Description = strings.Repeat("x", 50), "What it does."
	for _, name := range promised() {
		var p platform
		goos, arch, _ := strings.Cut(name, "/")
		p.Selector.MatchLabels.OS, p.Selector.MatchLabels.Arch = goos, arch
		p.Bin, p.SHA256 = "kubectl-netlook", sha([]byte(name))
		file := fmt.Sprintf("kubectl-netlook_v1.2.3-rc.1_%s_%s.tar.gz", goos, arch)
		if goos == "windows" {
			p.Bin, file = "kubectl-netlook.exe", strings.ReplaceAll(file, ".tar.gz", ".zip")
		}
		p.URI = m.Spec.Homepage + "/releases/download/v1.2.3-rc.1/" + file
		if err := os.WriteFile(filepath.Join(dist, file), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		m.Spec.Platforms = append(m.Spec.Platforms, p)
	}
	return m, dist
}

// TestRules breaks each rule alone: each is found, and nothing where all hold.
func TestRules(t *testing.T) {
	tests := map[string]struct {
		change func(*manifest)
		says   string
	}{
		"none":                    {func(*manifest) {}, ""},
		"API version":             {func(m *manifest) { m.APIVersion = "v1" }, "apiVersion"},
		"kind":                    {func(m *manifest) { m.Kind = "plugin" }, "kind"},
		"name":                    {func(m *manifest) { m.Metadata.Name = "kubectl-netlook" }, "name"},
		"short description":       {func(m *manifest) { m.Spec.ShortDescription += "x" }, "51 characters"},
		"short description, none": {func(m *manifest) { m.Spec.ShortDescription = "" }, "0 characters"},
		"a sentence":              {func(m *manifest) { m.Spec.ShortDescription = "Finds it." }, "sentence"},
		"no description":          {func(m *manifest) { m.Spec.Description = "" }, "no description"},
		"homepage":                {func(m *manifest) { m.Spec.Homepage = "http://example.test" }, "homepage"},
		"a platform missing":      {func(m *manifest) { m.Spec.Platforms = m.Spec.Platforms[1:] }, "platforms"},
		"a platform twice":        {func(m *manifest) { m.Spec.Platforms = append(m.Spec.Platforms, m.Spec.Platforms[0]) }, "platforms"},
		"bin":                     {func(m *manifest) { m.Spec.Platforms[4].Bin = "kubectl-netlook" }, "windows/amd64: bin"},
		"address":                 {func(m *manifest) { m.Spec.Platforms[0].URI += "x" }, "darwin/amd64: uri"},
		"no archive":              {func(m *manifest) { m.Spec.Platforms[0].URI += "x" }, "no such file"},
		"checksum":                {func(m *manifest) { m.Spec.Platforms[2].SHA256 = strings.Repeat("0", 64) }, "linux/amd64: sha256"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m, dist := good(t)
			test.change(&m)
			got := strings.Join(m.broken(dist), "\n")
			if test.says == "" && got != "" || !strings.Contains(got, test.says) {
				t.Errorf("found:\n%s\nwant %q", got, test.says)
			}
		})
	}
}

func TestRulesOfVersions(t *testing.T) {
	for version, ok := range map[string]bool{"v0.1.0": true, "v0.0.1-SNAPSHOT-2b3e63b": true, "0.1.0": false, "v0.1": false, "v1": false, "dev": false, "": false} {
		m, dist := good(t)
		m.Spec.Version = version
		if found := strings.Contains(strings.Join(m.broken(dist), "\n"), "semver"); found == ok {
			t.Errorf("version %q: complained of %t", version, found)
		}
	}
}

func TestParseIsStrict(t *testing.T) {
	for text, ok := range map[string]bool{"kind: Plugin\n": true, "kind: Plugin\nspecs: {}\n": false, "spec: {platforms: [{binary: x}]}\n": false, "[": false} {
		if _, err := parse([]byte(text)); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
