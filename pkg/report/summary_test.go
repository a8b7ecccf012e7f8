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
