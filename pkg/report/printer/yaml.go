package printer

import (
	"io"

	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

func init() {
	register(Printer{Name: "yaml", Summary: "the same document as YAML", Print: printYAML})
}

func printYAML(w io.Writer, r *report.Report, _ Options) error {
	text, err := yaml.Marshal(legible(r))
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
