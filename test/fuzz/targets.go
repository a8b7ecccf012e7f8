package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// target is a fuzz target: a function Fuzz... of a package's tests.
type target struct {
	Package string // import path
	Dir     string
	Name    string
}

// corpus is where the seeds of a target are kept.
func (t target) corpus() string { return filepath.Join(t.Dir, "testdata", "fuzz", t.Name) }

// find lists the targets of packages, sorted: those in test files that this platform
// builds. The sources are read instead of `go test -list`, which would compile every
// test of the module once more.
func find(patterns []string, match *regexp.Regexp) ([]target, error) {
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles"}, patterns...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var list []target
	for packages := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir           string
			TestGoFiles, XTestGoFiles []string
		}
		if err := packages.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("list packages: %w", err)
		}
		for _, file := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			names, err := fuzzers(filepath.Join(p.Dir, file))
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				if match.MatchString(p.ImportPath + "." + name) {
					list = append(list, target{p.ImportPath, p.Dir, name})
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b target) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// fuzzers are the functions of a file that `go test -fuzz` would run: FuzzXxx(*testing.F).
func fuzzers(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") && takesF(f.Type) {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}

func takesF(f *ast.FuncType) bool {
	if f.Params.NumFields() != 1 {
		return false
	}
	pointer, ok := f.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	kind, ok := pointer.X.(*ast.SelectorExpr)
	return ok && kind.Sel.Name == "F"
}

// keepMost is how many inputs keep leaves in a target's folder of seeds, keepSize how
// large one may be, in bytes.
const keepMost, keepSize = 24, 1 << 10

// keep copies inputs that fuzzing found interesting from Go's cache to the seeds of a
// target: the smallest ones, until there are keepMost. It returns how many.
func keep(t target, cache string) (int, error) {
	found, err := os.ReadDir(filepath.Join(cache, "fuzz", t.Package, t.Name))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	type input struct {
		name string
		text []byte
	}
	var inputs []input
	for _, entry := range found {
		text, err := os.ReadFile(filepath.Join(cache, "fuzz", t.Package, t.Name, entry.Name()))
		if err != nil {
			return 0, err
		}
		if len(text) <= keepSize {
			inputs = append(inputs, input{entry.Name(), text})
		}
	}
	slices.SortFunc(inputs, func(a, b input) int {
		return cmp.Or(cmp.Compare(len(a.text), len(b.text)), cmp.Compare(a.name, b.name))
	})
	if err := os.MkdirAll(t.corpus(), 0o755); err != nil {
		return 0, err
	}
	there, err := os.ReadDir(t.corpus())
	if err != nil {
		return 0, err
	}
	kept := 0
	// Evenly over the sizes: the smallest ones alone would all be near to empty.
	room := max(0, keepMost-len(there))
	for i := range min(room, len(inputs)) {
		in := inputs[i*len(inputs)/min(room, len(inputs))]
		if err := os.WriteFile(filepath.Join(t.corpus(), in.name), in.text, 0o644); err != nil {
			return kept, err
		}
		kept++
	}
	return kept, nil
}
