package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// TestReleasePlatforms type-checks the plugin for what a release has: what the
// compiler would complain about shows, without compiling client-go once more for each
// system, which took ten minutes on two cores. Only the operating system makes a
// difference to the sources, so one architecture each will do.
func TestReleasePlatforms(t *testing.T) {
	for _, platform := range []string{"darwin/arm64", "windows/amd64"} {
		t.Run(platform, func(t *testing.T) {
			goos, goarch, _ := strings.Cut(platform, "/")
			if errs := typeErrors(t, goos, goarch, "./cmd/kubectl-netlook"); len(errs) > 0 {
				t.Errorf("%s", strings.Join(errs, "\n"))
			}
		})
	}
}

// TestTypeErrorsAreFound: the probe's kernel-facing half must not type-check where
// there is no such kernel, or the test above could not fail.
func TestTypeErrorsAreFound(t *testing.T) {
	if errs := typeErrors(t, "windows", "amd64", "./test/house/testdata/linuxonly"); len(errs) == 0 {
		t.Error("a program that calls unix.Unshare passes for Windows")
	}
}

// typeErrors loads a program and all it depends on from source, for a platform.
func typeErrors(t *testing.T, goos, goarch, pkg string) []string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedSyntax | packages.NeedTypes |
			packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedTypesSizes,
		Dir: root,
		Env: append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0"),
		ParseFile: func(set *token.FileSet, name string, source []byte) (*ast.File, error) {
			file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
			if file != nil && !strings.HasPrefix(name, root+string(filepath.Separator)) {
				// Of other modules only the declarations matter here. Functions with
				// type parameters keep theirs too; bodies are what costs.
				for _, decl := range file.Decls {
					if f, ok := decl.(*ast.FuncDecl); ok {
						f.Body = nil
					}
				}
			}
			return file, err
		},
	}, pkg)
	if err != nil {
		t.Fatal(err)
	}
	var errs []string
	seen := 0
	packages.Visit(loaded, nil, func(p *packages.Package) {
		seen++
		if !strings.HasPrefix(p.PkgPath, module) {
			return // imports that only bodies used, and the like
		}
		for _, e := range p.Errors {
			errs = append(errs, e.Error())
		}
	})
	if seen < 10 {
		t.Fatalf("only %d packages were loaded: nothing was checked", seen)
	}
	return errs
}
