package printer

import (
	"encoding/json"
	"io"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

func init() {
	register(Printer{Name: "json", Summary: "the whole report as JSON (docs/report.schema.json)", Print: printJSON})
}

func printJSON(w io.Writer, r *report.Report, _ Options) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	// Nobody puts this into a page unescaped, and "a->b" is easier to read as it is.
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
