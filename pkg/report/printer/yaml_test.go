package printer

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// TestLargeYAML: a report that a probe has blown up is printed without the encoder, whose
// memory would not be bounded, and still is YAML.
func TestLargeYAML(t *testing.T) {
	for _, tt := range []struct {
		size int
		json bool
	}{{10, false}, {maxYAML, true}} {
		var out bytes.Buffer
		r := &report.Report{Results: []check.Result{{Summary: strings.Repeat("x", tt.size)}}}
		if err := printYAML(&out, r, Options{}); err != nil {
			t.Fatal(err)
		}
		if got := json.Valid(out.Bytes()); got != tt.json || !bytes.HasSuffix(out.Bytes(), []byte("\n")) {
			t.Errorf("%d bytes: JSON %v, want %v", tt.size, got, tt.json)
		}
	}
}
