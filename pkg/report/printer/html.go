package printer

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

func init() {
	register(Printer{Name: "html", Summary: "one page for a browser, with the path drawn: nothing is loaded from anywhere", ForPeople: true, Print: printHTML})
}

//go:embed html/report.css
var htmlStyle string

//go:embed html/report.tmpl
var htmlSource string

// htmlPage is escaped by context (html/template); what it is given has been escaped as
// for a terminal before, so that control and reordering characters show as well.
var htmlPage = template.Must(template.New("report").Funcs(template.FuncMap{
	"mark":  htmlMark,
	"word":  word,
	"dash":  dash,
	"dur":   func(d check.Duration) string { return report.FormatTime(d.D()) },
	"bad":   troubled,
	"lines": foldLines,
	"parts": breakable,
}).Parse(htmlSource))

// styleHash lets the one style of the page apply and no other (CSP level 2, hash-source).
func styleHash() string {
	sum := sha256.Sum256([]byte(htmlStyle))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// htmlView is what the page shows, as far as it is not in the report itself.
type htmlView struct {
	R                        *report.Report
	Style                    template.CSS
	StyleHash                template.HTMLAttr
	Sum                      check.Status
	Vantage, Counts, Started string
	Causes, Candidates       []htmlFinding
	Together                 *svgPath
	ToKnow                   string
	Unexplained              []string
	Traces                   []report.Result
	Changes                  *htmlChanges
	Policy                   *htmlPolicy
	Endpoints, Checks        *htmlTable
	Axis                     []axisMark
	Raw                      htmlRaw
}

type htmlFinding struct {
	F    diagnose.Finding
	Sure bool
	Path *svgPath
}

func printHTML(w io.Writer, r *report.Report, _ Options) error {
	raw := r // JSON has escapes of its own
	r = escaped(r, false)
	v := htmlView{
		Style: template.CSS(htmlStyle), StyleHash: template.HTMLAttr(styleHash()), //nolint:gosec // the embedded style and its own hash, nothing from a report
		R: r, Sum: outcome(r.Summary.Status),
		Vantage: vantageName(r.Vantage), Counts: countsText(r.Summary.Counts), Started: r.Metadata.StartedAt.UTC().Format(time.RFC3339),
		Unexplained: unexplained(r), Changes: newHTMLChanges(r.Changes), Policy: newHTMLPolicy(r), Endpoints: endpointTable(r), Checks: checkTable(r),
		Axis: axisMarks(), Raw: newHTMLRaw(raw),
	}
	for i, f := range r.Verdict.Causes {
		v.Causes = append(v.Causes, htmlFinding{F: f, Sure: explainsFailure(r, f), Path: newSVGPath(f.Path, fmt.Sprintf("cause-%d", i+1))})
	}
	for _, f := range r.Verdict.Candidates {
		v.Candidates = append(v.Candidates, htmlFinding{F: f})
	}
	if len(v.Candidates) > 0 {
		v.Together = newSVGPath(diagnose.MergePaths(r.Verdict.Candidates), "candidates")
		if !askedNodes(r) {
			v.ToKnow = "To know more, run it again with --deep: probes on the nodes read what their kernels do."
		}
	}
	for _, res := range r.Results {
		if res.Check == "dns.trace" && !tracesWalk(r, res) && len(v.Traces) < mostRows {
			v.Traces = append(v.Traces, res)
		}
	}
	return htmlPage.Execute(w, v)
}

func outcome(s report.Status) check.Status {
	return map[report.Status]check.Status{report.Healthy: check.Pass, report.Problems: check.Fail, report.Incomplete: check.Error}[s]
}

// htmlMark is a status as a sign, so that colour is not all that tells.
func htmlMark(s check.Status) string {
	sign, _ := (&page{}).mark(s)
	return sign
}

func countsText(c report.Counts) string {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{c.Fail, "failed"}, {c.Error, "could not be done"}, {c.Unknown, "gave no result"}, {c.Warn, "with a warning"}, {c.Pass, "passed"}, {c.Skipped, "not run"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	return fmt.Sprintf("%d: %s", c.Total, strings.Join(parts, ", "))
}

// unexplained are the failures that no finding covers.
func unexplained(r *report.Report) []string {
	open := make(map[string]bool, len(r.Verdict.Unexplained))
	for _, key := range r.Verdict.Unexplained {
		open[key] = true
	}
	var list []string
	for _, res := range r.Results {
		if len(list) == mostRows {
			break
		}
		if open[diagnose.Key(res)] {
			list = append(list, strings.TrimSpace(res.Area+" "+res.Title+" "+res.Target)+": "+res.Summary)
		}
	}
	return list
}

// htmlPolicy is the report's policy section, bounded.
type htmlPolicy struct {
	Headline, Why       string
	Flows               []report.PolicyFlow
	More                int
	Rules, NotEvaluated []string
}

func newHTMLPolicy(r *report.Report) *htmlPolicy {
	if r.Policy == nil {
		return nil
	}
	flows := r.Policy.Flows
	p := &htmlPolicy{Headline: r.Policy.Text(r.Vantage.Rung), Why: r.Policy.Unenforced, NotEvaluated: r.Policy.NotEvaluated, Flows: flows[:min(len(flows), mostPolicyFlows)]}
	p.More = len(flows) - len(p.Flows)
	p.Rules = ruleLines(p.Flows)
	return p
}
