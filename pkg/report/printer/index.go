package printer

import (
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// index finds the results of a row, and what a verdict explains, without going through all
// of them for each row: a report may have tens of thousands of both.
type index struct {
	of        map[rowKey][]report.Result
	explained map[string]bool
}

type rowKey struct{ area, title, subject string }

func newIndex(r *report.Report) *index {
	x := &index{of: map[rowKey][]report.Result{}, explained: map[string]bool{}}
	for _, res := range r.Results {
		key := rowKey{res.Area, res.Title, res.Subject}
		x.of[key] = append(x.of[key], res)
	}
	for _, f := range r.Verdict.Causes {
		for _, key := range f.Explains {
			x.explained[key] = true
		}
	}
	return x
}

// results are those that were folded into row. The list is not to be changed.
func (p *page) results(r *report.Report, row report.Row) []report.Result {
	return p.indexOf(r).of[rowKey{row.Area, row.Title, row.Subject}]
}

// explained reports whether one of the verdict's causes explains a result.
func (p *page) explained(r *report.Report, res report.Result) bool {
	return p.indexOf(r).explained[diagnose.Key(res)]
}

func (p *page) indexOf(r *report.Report) *index {
	if p.index == nil {
		p.index = newIndex(r)
	}
	return p.index
}
