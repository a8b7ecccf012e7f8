package printer

import (
	"encoding/json"
	"io"

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

func printYAML(w io.Writer, r *report.Report, _ Options) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if len(text) > maxYAML {
		text = append(text, '\n')
	} else if text, err = yaml.JSONToYAML(text); err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
