package report

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// TestHeadlineCountsWhatExplainsFailures: a cause of warnings stands in the verdict too,
// and explains nothing that failed.
func TestHeadlineCountsWhatExplainsFailures(t *testing.T) {
	result := func(id string, s check.Status) Result {
		return Result{TaskID: id, Label: check.Label{Title: id}, Status: s, Failure: check.Timeout}
	}
	of := func(code string, results ...Result) diagnose.Finding {
		return diagnose.Finding{Code: code, Confidence: diagnose.Certain, Explains: diagnose.Keys(results)}
	}
	a, b, w := result("a", check.Fail), result("b", check.Fail), result("w", check.Warn)
	for name, tt := range map[string]struct {
		results []Result
		causes  []diagnose.Finding
		want    string
	}{
		"one of a warning":  {[]Result{a, w}, []diagnose.Finding{of("A", a), of("W", w)}, "1 cause explains the check that failed"},
		"two and a warning": {[]Result{a, b, w}, []diagnose.Finding{of("A", a), of("B", b), of("W", w)}, "2 causes explain all 2 checks that failed"},
		"warnings only":     {[]Result{a, w}, []diagnose.Finding{of("W", w)}, "1 check failed: a"},
	} {
		r := &Report{Results: tt.results, Rows: newRows(tt.results), Verdict: diagnose.Verdict{Causes: tt.causes}}
		if got := newSummary(r, Input{}).Headline; got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestHeadlineWithoutPackets: where no probe could be placed, what the API says is wrong is
// not called nothing.
func TestHeadlineWithoutPackets(t *testing.T) {
	passed := []Result{{TaskID: "a", Status: check.Pass}}
	for name, tt := range map[string]struct {
		causes []diagnose.Finding
		want   string
	}{
		"nothing": {nil, "incomplete: nothing wrong by the API alone, but no packet was sent"},
		"causes":  {[]diagnose.Finding{{Code: "NL-A"}, {Code: "NL-A"}, {Code: "NL-B"}}, "incomplete: no packet was sent, and by the API alone: NL-A, NL-B"},
	} {
		r := &Report{Results: passed, Rows: newRows(passed), Verdict: diagnose.Verdict{Causes: tt.causes}, Vantage: Vantage{Rung: RungAPI}}
		if s := newSummary(r, Input{}); s.Headline != tt.want || s.ExitCode != ExitIncomplete {
			t.Errorf("%s: %d %q, want %q", name, s.ExitCode, s.Headline, tt.want)
		}
	}
}
