// Package examples holds the worked examples of docs/writing-a-check.md, -cause.md and
// -fault.md, and proves what those pages promise: that each is one new file, with its
// test, and that nothing else has to change. The files lie in testdata, and are laid
// over the tree for a build (go help build, -overlay), so that no release has them.
package examples

import (
	"bytes"
	"encoding/json"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/test/faults"
)

// homes are the packages that the examples' folders would be files of.
var homes = map[string]string{"check": "pkg/check/checks", "cause": "pkg/diagnose/causes"}

// overlay writes the file that lays the examples over the tree, and returns its path and
// that of the module's root.
func overlay(t *testing.T) (file, root string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for folder, home := range homes {
		examples, err := filepath.Glob(filepath.Join("testdata", folder, "*.go"))
		if err != nil || len(examples) != 2 {
			t.Fatalf("testdata/%s has %q (%v), want a file and its test", folder, examples, err)
		}
		for _, example := range examples {
			there := filepath.Join(root, home, filepath.Base(example))
			if _, err := os.Stat(there); err == nil {
				t.Errorf("%s is there already: the example would not be a new file", there)
			}
			if replace[there], err = filepath.Abs(example); err != nil {
				t.Fatal(err)
			}
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, root
}

// run runs the go tool in the root and returns what it prints.
func run(t *testing.T, root string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	// As the Makefile builds, whatever this test itself was built with: the race detector
	// has cgo on, and all of client-go would be compiled once more.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestTheirTests runs the tests of the examples in the packages that they would be in,
// and those tests of the packages that look at every check or cause.
func TestTheirTests(t *testing.T) {
	file, root := overlay(t)
	for home, tests := range map[string][]string{
		homes["check"]: {"TestJudgePorts", "TestPortsPlanned", "TestPlans"},
		homes["cause"]: {"TestPodPorts", "TestVerdicts", "TestDeepVerdicts"},
	} {
		out := run(t, root, "test", "-overlay", file, "-count=1", "-v", "-run", "^("+strings.Join(tests, "|")+")$", "./"+home)
		for _, test := range tests {
			if !strings.Contains(out, "--- PASS: "+test+" ") {
				t.Errorf("%s did not run in %s:\n%s", test, home, out)
			}
		}
	}
}

// TestOneFileIsEnough: a plugin that is built with them knows them, and without them it
// does not.
func TestOneFileIsEnough(t *testing.T) {
	file, root := overlay(t)
	list := run(t, root, "run", "-overlay", file, "./cmd/kubectl-netlook", "checks")
	for _, name := range []string{"vantage.ports", "NL-POD-PORTS"} {
		if !strings.Contains(list, "\n"+name+" ") {
			t.Errorf("%s is not among the checks and causes of a plugin with the examples", name)
		}
	}
	run(t, root, "build", "-overlay", file, "-o", filepath.Join(t.TempDir(), "probe"), "./cmd/netlook-probe")
}

// TestGofmt: an example is copied as it is.
func TestGofmt(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.go")
	if err != nil || len(files) < 4 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if formatted, err := format.Source(source); err != nil || !bytes.Equal(formatted, source) {
			t.Errorf("%s is not formatted (%v)", file, err)
		}
	}
}

// TestFault: the example is a fault that the runner loads, and its scripts are bash.
// play.sh plays it on the test cluster.
func TestFault(t *testing.T) {
	list, err := faults.Load(filepath.Join("testdata", "fault"))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].IsHealthy() {
		t.Fatalf("%d faults, want one that breaks something", len(list))
	}
	f := list[0]
	for _, script := range []string{f.Inject, f.Observe, f.Heal, f.HealthyScript(), "kubectl netlook " + f.Run} {
		cmd := exec.CommandContext(t.Context(), "bash", "-n")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, script)
		}
	}
}
