package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestImagesGoFirst: a release pushes each image once, and only then publishes the
// plugin that needs them. make tells the commands and runs none (-n).
func TestImagesGoFirst(t *testing.T) {
	// go test keeps a result for as long as the files are the same that the test itself
	// has looked at.
	if _, err := os.Stat(filepath.Join("..", "..", "Makefile")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "make", "-n", "-C", filepath.Join("..", ".."), "release", "TAG=v9.8.7")
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKEOVERRIDES=") // not those of the make that runs this test
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("make -n release: %v\n%s", err, out)
	}
	var steps []string
	for line := range strings.Lines(string(out)) {
		switch {
		case strings.Contains(line, " -push ") && strings.Contains(line, "-ref docker.io/netlook/probe:v9.8.7 "):
			steps = append(steps, "probe")
		case strings.Contains(line, " -push ") && strings.Contains(line, "-ref docker.io/netlook/toolbox:v9.8.7 "):
			steps = append(steps, "toolbox")
		case strings.Contains(line, "TOOLBOX_FRESH=1 "):
			steps = append(steps, "of today's packages:")
		case strings.Contains(line, "goreleaser release"):
			steps = append(steps, "plugin")
		}
	}
	if got, want := strings.Join(steps, " "), "probe of today's packages: toolbox plugin"; got != want {
		t.Errorf("steps of make release: %s, want %s\n%s", got, want, out)
	}
}

// TestNothingAfterThePlugin: goreleaser runs publishers of its own after the release is
// public, once for each file that it uploads, all at once.
func TestNothingAfterThePlugin(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	if config["publishers"] != nil || config["builds"] == nil {
		t.Errorf("publishers: %v", config["publishers"])
	}
}
