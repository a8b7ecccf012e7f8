package printer_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

// TestJUnitFollowsSchemas: every golden report is valid against the schemas that consumers
// of JUnit's XML use, as libxml2 judges it.
func TestJUnitFollowsSchemas(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("NETLOOK_REQUIRE_NETNS") == "1" {
			t.Fatalf("xmllint (Debian: libxml2-utils) is missing, and this is CI: %v", err)
		}
		t.Skip("no xmllint: install libxml2-utils")
	}
	schemas, err := filepath.Glob("testdata/junit-xsd/*.xsd")
	if err != nil || len(schemas) != 2 {
		t.Fatalf("schemas: %v, %v", schemas, err)
	}
	for _, schema := range schemas {
		for name, r := range reports() {
			t.Run(filepath.Base(schema)+"/"+name, func(t *testing.T) {
				lint(t, xmllint, schema, show(t, "junit", r, printer.Options{}), true)
			})
		}
		t.Run(filepath.Base(schema)+"/a schema that takes anything", func(t *testing.T) {
			text := strings.Replace(show(t, "junit", reports()["failing"], printer.Options{}), "<testcase ", `<testcase mood="good" `, 1)
			lint(t, xmllint, schema, text, false)
		})
	}
}

// lint asks xmllint, which has no network and reads no other file.
func lint(t *testing.T, xmllint, schema, text string, valid bool) {
	t.Helper()
	cmd := exec.Command(xmllint, "--noout", "--nonet", "--schema", schema, "-")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if (err == nil) != valid {
		t.Errorf("valid: %v, want %v: %v\n%s", err == nil, valid, err, out)
	}
}
