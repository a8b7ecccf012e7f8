package printer

import (
	"fmt"
	"io"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

func init() {
	register(Printer{Name: "wide", Summary: "every single result in a line, nothing cut", ForPeople: true, Print: printWide})
}

// printWide shows every result. It cuts nothing, so lines may be long.
func printWide(w io.Writer, r *report.Report, o Options) error {
	p := &page{Options: o, full: true}
	r = escaped(r, o.ASCII)
	p.title(r)
	p.notices(r, report.Fallback, report.Cut, report.Note)
	p.headline(r)
	p.changes(r)
	if err := p.story(r); err != nil {
		return err
	}
	p.printf("\n")
	header := []string{"AREA", "CHECK", "TARGET", "RESULT", "TIME", "ATTEMPTS", "FAILURE", "OBJECT", "VANTAGE", "ID", "DETAIL"}
	var rows [][]cell
	for _, res := range r.Results {
		_, color := p.mark(res.Status)
		rows = append(rows, []cell{
			{text: res.Area}, {text: res.Title}, {text: dash(res.Target)},
			{word(res.Status), color}, {text: report.FormatTime(res.Duration.D())}, {text: attempts(res)},
			{text: dash(string(res.Failure))}, {text: dash(res.Object)}, {text: dash(res.Vantage)},
			{text: res.Check}, {text: res.Summary},
		})
	}
	if len(rows) > 0 {
		if err := p.grid(header, rows); err != nil {
			return err
		}
	}
	p.notRun(r)
	p.notices(r, report.Unread)
	return p.flush(w)
}

// attempts is "3/3" for attempts that all succeeded.
func attempts(res check.Result) string {
	if len(res.Attempts) == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", len(res.Attempts)-res.Lost(), len(res.Attempts))
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
