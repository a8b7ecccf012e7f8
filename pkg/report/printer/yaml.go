package printer

import (
	"encoding/json"
	"io"
	"unicode"

	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

func init() {
	register(Printer{Name: "yaml", Summary: "the same document as YAML", Print: printYAML})
}

// printYAML makes YAML of the JSON, so that both are the same document. Control
// characters are escaped before: the YAML library takes none, in strings neither.
func printYAML(w io.Writer, r *report.Report, _ Options) error {
	text, err := json.Marshal(legible(r))
	if err != nil {
		return err
	}
	if text, err = yaml.JSONToYAML(escapeJSON(text, unicode.IsControl)); err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
