package printer

import (
	"encoding/json"
	"io"
	"unicode"

	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// maxYAML is the size of a report, in bytes of JSON, beyond which it is left as JSON,
// which is YAML too (YAML 1.2.2, section 1.2): the encoder takes more than a hundred
// times the memory of what it encodes.
const maxYAML = 2 << 20

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
	text = escapeJSON(text, unicode.IsControl)
	if len(text) > maxYAML {
		text = append(text, '\n')
	} else if text, err = yaml.JSONToYAML(text); err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
