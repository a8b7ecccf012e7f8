package printer

import (
	"io"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

func init() {
	register(Printer{Name: "plain", Summary: "the table in ASCII, without colours", ForPeople: true, Print: printPlain})
}

func printPlain(w io.Writer, r *report.Report, o Options) error {
	return printTable(w, r, Options{Width: o.Width, ASCII: true})
}
