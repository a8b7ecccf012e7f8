// Package house tests the laws of docs/design.md that no compiler enforces: which
// package may import what, that the plugin builds for every platform it is released
// for, that files stay small enough to be read in one go, and that nobody asks for a
// check that does not exist.
package house

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/netlook/kubectl-netlook"

// goList runs `go list` in the module's root and returns its lines.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.Fields(string(out))
}

// notStandard are the dependencies of pkgs outside the standard library.
func notStandard(t *testing.T, pkgs ...string) []string {
	t.Helper()
	return goList(t, append([]string{"-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}"}, pkgs...)...)
}

func TestBorders(t *testing.T) {
	clients := []string{"k8s.io/", "sigs.k8s.io/"}
	own := func(names ...string) []string {
		var paths []string
		for _, name := range names {
			paths = append(paths, module+"/pkg/"+name)
		}
		return paths
	}
	tests := []struct {
		name string
		pkgs []string
		// deny are prefixes that must not be reached; allow, when set, is all that
		// may be reached outside the standard library.
		deny, allow []string
	}{
		{name: "the probe never reaches client libraries", pkgs: []string{"./cmd/netlook-probe"}, deny: clients},
		{name: "target is standard library only", pkgs: []string{"./pkg/target"}, allow: own("target", "target/nearest")},
		{name: "facts is standard library only", pkgs: []string{"./pkg/facts"}, allow: own("facts", "target", "target/nearest")},
		{name: "check is standard library only", pkgs: []string{"./pkg/check"}, allow: own("check", "facts", "target", "target/nearest")},
		{name: "wire is standard library only", pkgs: []string{"./pkg/wire"}, allow: own("wire", "check", "facts", "target", "target/nearest")},
		{name: "checks do not reach the API", pkgs: []string{"./pkg/check/..."}, deny: append(own("cluster", "inject", "cli", "report"), clients...)},
		{name: "diagnose does not reach the API or the kernel", pkgs: []string{"./pkg/diagnose/..."}, deny: append(own("cluster", "inject", "cli", "report", "netsys"), clients...)},
		{name: "policy does not reach the API", pkgs: []string{"./pkg/policy"}, deny: append(own("cluster", "inject", "cli", "report", "netsys"), "k8s.io/client-go")},
		{name: "mirror does not reach the API", pkgs: []string{"./pkg/mirror"}, deny: append(own("cluster", "inject", "cli", "report"), clients...)},
		{name: "report does not reach the API", pkgs: []string{"./pkg/report/..."}, deny: append(own("cluster", "inject", "cli"), "k8s.io/client-go")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			deps := notStandard(t, tt.pkgs...)
			if len(deps) == 0 {
				t.Fatalf("go list found nothing for %v: the test would never fail", tt.pkgs)
			}
			for _, dep := range deps {
				for _, denied := range tt.deny {
					if strings.HasPrefix(dep, denied) {
						t.Errorf("%v reaches %s", tt.pkgs, dep)
					}
				}
				if tt.allow != nil && !slices.Contains(tt.allow, dep) {
					t.Errorf("%v reaches %s", tt.pkgs, dep)
				}
			}
		})
	}
}

// TestOnlyReadersReachTheAPI: docs/design.md, section 2: only cluster and inject
// talk to the API; cli hands them their configuration.
func TestOnlyReadersReachTheAPI(t *testing.T) {
	mayImport := []string{module + "/pkg/cluster", module + "/pkg/inject", module + "/pkg/cli"}
	lines := goList(t, "-f", `{{$p := .ImportPath}}{{range .Imports}}{{$p}}={{.}}{{"\n"}}{{end}}`, "./pkg/...")
	for _, line := range lines {
		pkg, imported, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(imported, "k8s.io/client-go") {
			continue
		}
		if !slices.ContainsFunc(mayImport, func(p string) bool { return pkg == p || strings.HasPrefix(pkg, p+"/") }) {
			t.Errorf("%s imports %s", pkg, imported)
		}
	}
}

// TestFileLength keeps files short: style.md asks for 300 lines. Tables of tests
// may be longer.
func TestFileLength(t *testing.T) {
	const limit = 300
	root := filepath.Join("..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "bin" || d.Name() == "dist"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen++
		if lines := bytes.Count(source, []byte("\n")); lines > limit {
			t.Errorf("%s has %d lines: is it still one thing? (limit %d)", path, lines, limit)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Errorf("only %d Go files were found under %s", seen, root)
	}
}
