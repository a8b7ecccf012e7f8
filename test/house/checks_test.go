package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/checks"
)

// checkWord is where a check's ID, or the beginning of some, is asked for by its name.
var checkWord = regexp.MustCompile(`\bCheck(?:: | [=!]= )"([a-z]+\.[a-z]*)"`)

// TestChecksExist: who asks for the results of a check that nobody has never gets any, and
// no test of a made-up result can tell.
func TestChecksExist(t *testing.T) {
	known := checks.Registry.List()
	asked := 0
	for _, dir := range []string{"cli", "diagnose", "diagnose/causes", "report", "report/printer"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "pkg", filepath.FromSlash(dir), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range checkWord.FindAllStringSubmatch(string(text), -1) {
				asked++
				if !slices.ContainsFunc(known, func(c check.Check) bool {
					return c.ID == m[1] || strings.HasSuffix(m[1], ".") && strings.HasPrefix(c.ID, m[1])
				}) {
					t.Errorf("%s asks for %s, which is no check", file, m[1])
				}
			}
		}
	}
	if asked < 50 {
		t.Errorf("found only %d places that ask for a check", asked)
	}
}
