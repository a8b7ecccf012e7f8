package printer

import (
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// verdict writes the root causes in full, and what could not be told apart.
func (p *page) verdict(r *report.Report) {
	for _, f := range r.Verdict.Causes {
		status := check.Warn
		if explainsFailure(r, f) {
			status = check.Fail
		}
		sign, color := p.mark(status)
		p.printf("\n")
		p.prose(p.paint(color, sign)+" "+p.paint(bold, f.Code)+"   ", f.Headline)
		p.finding(f)
	}
	p.candidates(r)
}

func (p *page) finding(f diagnose.Finding) {
	p.path(f.Path)
	if f.Path != nil {
		p.printf("\n")
	}
	p.list("where", f.Where)
	p.list("evidence", f.Evidence)
	p.item("likely", f.Likely)
	key := "try"
	for _, command := range f.Try {
		p.typed(key, command)
		key = ""
	}
}

// list writes the key before the first of several texts.
func (p *page) list(key string, texts []string) {
	for _, text := range texts {
		p.item(key, text)
		key = ""
	}
}

// candidates writes the causes that fit and could not be told apart, a line each; what
// they have in common is told once.
func (p *page) candidates(r *report.Report) {
	list := r.Verdict.Candidates
	if len(list) == 0 {
		return
	}
	sign, color := p.mark(check.Fail)
	p.printf("\n")
	lead := "this is the cause, or part of it"
	if len(list) > 1 {
		lead = "one of these is the cause; from here they cannot be told apart"
	}
	p.prose(p.paint(color, sign)+" ", p.paint(bold, lead))
	if len(list) == 1 {
		p.prose("  "+p.paint(bold, list[0].Code)+"   ", list[0].Headline)
		p.finding(list[0])
		p.toKnow(r)
		return
	}
	for _, f := range list {
		p.prose("  "+p.paint(bold, f.Code)+strings.Repeat(" ", max(1, 26-len(f.Code))), f.Headline)
	}
	if path := diagnose.MergePaths(list); path != nil {
		p.path(path)
		p.printf("\n")
	}
	p.list("evidence", common(list))
	p.toKnow(r)
}

// toKnow says what would tell more, where it has not been asked yet.
func (p *page) toKnow(r *report.Report) {
	if !askedNodes(r) {
		p.item("to know", "run it again with --deep: probes on the nodes read what their kernels do")
	}
}

// askedNodes reports whether nodes' kernels were asked besides the vantage point.
func askedNodes(r *report.Report) bool {
	return slices.ContainsFunc(r.Results, func(res report.Result) bool {
		return strings.HasPrefix(res.Vantage, "node/") && r.Vantage.Kind == "pod"
	})
}

// common are the lines of evidence of all findings, each once.
func common(list []diagnose.Finding) []string {
	var lines []string
	for _, f := range list {
		for _, line := range f.Evidence {
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines[:min(len(lines), mostTargets)]
}

func explainsFailure(r *report.Report, f diagnose.Finding) bool {
	explains := make(map[string]bool, len(f.Explains))
	for _, key := range f.Explains {
		explains[key] = true
	}
	return slices.ContainsFunc(r.Results, func(res report.Result) bool {
		return res.Status == check.Fail && explains[diagnose.Key(res)]
	})
}

// toldByVerdict reports whether the verdict explains all that is bad in a row: it is
// then not expanded once more.
func (p *page) toldByVerdict(r *report.Report, row report.Row) bool {
	told := false
	for _, res := range p.results(r, row) {
		if !diagnose.Bad(res) {
			continue
		}
		if !p.explained(r, res) {
			return false
		}
		told = true
	}
	return told
}
