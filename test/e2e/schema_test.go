//go:build e2e

package e2e

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestSchema holds real reports, a healthy, a failing and an API-only one, against
// the schema that is published.
func TestSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(cluster.root, "docs", "report.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	node := kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.spec.nodeName}")
	for name, args := range map[string][]string{
		"pod":      {"pod", "client", "-n", namespace, "--to", "svc/web"},
		"node":     {"node", node, "-n", namespace},
		"failing":  {"pod", "client", "-n", namespace, "--to", "pod/kinds:81"},
		"api only": {"pod", "client", "-n", namespace, "--no-inject"},
	} {
		t.Run(name, func(t *testing.T) {
			r := netlook(t, append(args, "-o", "json")...)
			report, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(r.stdout)))
			if err != nil {
				t.Fatalf("status %d: %v\n%s", r.code, err, r.stderr)
			}
			if err := schema.Validate(report); err != nil {
				t.Errorf("the report does not satisfy docs/report.schema.json: %v", err)
			}
		})
	}
}
