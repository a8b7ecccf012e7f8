// Command vuln runs govulncheck on the packages given, against the vulnerability
// database that the Go module proxy serves as a module: no other network is needed. It
// ends with status 1 when vulnerable code is called that nobody has accepted with a
// reason.
//
//	cd .ci/tools/vuln && go run . -C ../../.. ./cmd/kubectl-netlook ./cmd/netlook-probe
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
	"golang.org/x/vuln/scan"
)

// The database, and what its content must sum up to (as go.sum has it). A newer one is
// found with `go list -m golang.org/x/vulndb@latest`. Go's module cache keeps it.
const (
	database = "golang.org/x/vulndb@v0.0.0-20261105234957-e22db6528018"
	sum      = "h1:mfngRv0Yoh0VApsXKEN82CjD99kl7mtparN3bs3JnqI="
)

// accepted are vulnerabilities whose code is called, with the reason why that is borne.
var accepted = map[string]string{}

func main() {
	dir := flag.String("C", ".", "the folder of the module to look at")
	flag.Parse()
	if err := run(context.Background(), *dir, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, packages []string, out io.Writer) error {
	db, err := fetch(ctx)
	if err != nil {
		return err
	}
	release, err := toolchain(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	var found bytes.Buffer
	// A folder of OSV entries is a database to govulncheck.
	cmd := scan.Command(ctx, append([]string{"-C", dir, "-format", "json", "-db", "file://" + filepath.Join(db, "data", "osv")}, packages...)...)
	cmd.Stdout, cmd.Stderr = &found, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("govulncheck: %w", err)
	}
	findings, entries, err := read(&found)
	if err != nil {
		return err
	}
	if entries == 0 {
		return errors.New("govulncheck looked at no entry of the database")
	}
	bad := 0
	for _, f := range findings {
		state, why := judge(f, release)
		if state == unborne {
			bad++
		}
		fmt.Fprintf(out, "%s  %s  %s@%s, fixed in %s: %s%s\n", state, f.OSV, f.module, f.version, orNone(f.fixed), f.summary, why)
	}
	fmt.Fprintf(out, "%d vulnerabilities are called, %d of them not accepted; %d entries concern modules in use (%s)\n", len(findings), bad, entries, database)
	if bad > 0 {
		return errors.New("vulnerable code is called: upgrade the modules above, or accept it with a reason in .ci/tools/vuln/main.go")
	}
	return nil
}

// fetch brings the database into the module cache and returns its folder.
func fetch(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", database).Output()
	var module struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &module); jsonErr != nil || module.Error != "" {
		return "", fmt.Errorf("download %s: %s", database, firstOf(module.Error, fmt.Sprint(err)))
	}
	if module.Sum != sum {
		return "", fmt.Errorf("%s sums up to %s, not to %s", database, module.Sum, sum)
	}
	return module.Dir, nil
}

// toolchain is the Go that releases are built with, "v1.26.10", by a go.mod.
func toolchain(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	file, err := modfile.Parse(path, data, nil)
	if err != nil {
		return "", err
	}
	switch {
	case file.Toolchain != nil:
		return "v" + strings.TrimPrefix(file.Toolchain.Name, "go"), nil
	case file.Go != nil:
		return "v" + file.Go.Version, nil
	}
	return "", fmt.Errorf("%s names no version of Go", path)
}

// finding is a vulnerability whose code is called.
type finding struct {
	OSV, summary           string
	module, version, fixed string
}

const (
	borne   = "accepted"
	mended  = "mended  "
	unborne = "CALLED  "
)

// judge says whether a finding is borne. What the standard library's next version mends
// is mended in every build with the toolchain that go.mod names; where an older Go is
// told to make do (GOTOOLCHAIN=local) it is not the module's to mend.
func judge(f finding, release string) (state, why string) {
	if reason := accepted[f.OSV]; reason != "" {
		return borne, " (" + reason + ")"
	}
	if f.module == "stdlib" && f.fixed != "" && semver.Compare(release, f.fixed) >= 0 {
		return mended, " (go.mod asks for " + release + "; this Go is older)"
	}
	return unborne, ""
}

// read takes from govulncheck's stream of JSON the findings that name a called function,
// each vulnerability once, and the number of entries that concern modules in use.
func read(stream io.Reader) (list []finding, entries int, err error) {
	summaries := map[string]string{}
	found := map[string]finding{}
	for d := json.NewDecoder(stream); ; {
		var m struct {
			OSV     *struct{ ID, Summary string }
			Finding *struct {
				OSV          string
				FixedVersion string `json:"fixed_version"`
				Trace        []struct{ Module, Version, Function string }
			}
		}
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, 0, fmt.Errorf("read govulncheck's answer: %w", err)
		}
		if m.OSV != nil {
			summaries[m.OSV.ID] = m.OSV.Summary
		}
		if f := m.Finding; f != nil && len(f.Trace) > 0 && f.Trace[0].Function != "" {
			found[f.OSV] = finding{OSV: f.OSV, module: f.Trace[0].Module, version: f.Trace[0].Version, fixed: f.FixedVersion}
		}
	}
	for id, f := range found {
		f.summary = summaries[id]
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b finding) int { return strings.Compare(a.OSV, b.OSV) })
	return list, len(summaries), nil
}

func orNone(version string) string { return firstOf(version, "no version") }

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
