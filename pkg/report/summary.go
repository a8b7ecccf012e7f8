package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// newSummary judges the run. Problems outweigh what is missing; what is missing
// outweighs what passed; and nothing at all is never healthy.
func newSummary(r *Report, in Input) Summary {
	s := Summary{Counts: count(r.Results)}
	gap := whyIncomplete(r, s.Counts, in)
	switch {
	case s.Counts.Fail > 0:
		s.Status, s.ExitCode = Problems, ExitProblems
		s.Headline = fmt.Sprintf("%s failed: %s", CountChecks(s.Counts.Fail), failedTitles(r.Rows))
		if causes := ofFailures(r); len(causes) > 0 {
			s.Headline = verdictHeadline(r, causes, s.Counts.Fail)
		}
		if gap != "" {
			s.Headline += " (and not everything could be checked)"
		}
	case gap != "":
		s.Status, s.ExitCode = Incomplete, ExitIncomplete
		s.Headline = "incomplete: " + gap
	default:
		s.Status, s.ExitCode = Healthy, ExitHealthy
		s.Headline = healthyHeadline(s.Counts, r.Vantage.Rung)
		if in.AskedPolicy && r.Policy != nil {
			s = r.Policy.answer(s, r.Vantage.Rung)
		}
	}
	return s
}

// whyIncomplete says what keeps the run from being a whole one, "" when it is.
func whyIncomplete(r *Report, c Counts, in Input) string {
	cut := slices.ContainsFunc(r.Notices, func(n Notice) bool { return n.Kind == Cut })
	switch {
	case r.Vantage.Rung == RungAPI && !in.APIOnly && c.Fail == 0 && len(r.Verdict.Causes) > 0:
		return "no packet was sent, and by the API alone: " + codes(r.Verdict.Causes)
	case r.Vantage.Rung == RungAPI && !in.APIOnly && c.Fail == 0:
		return "nothing wrong by the API alone, but no packet was sent"
	case c.Unknown > 0:
		return fmt.Sprintf("%s of %d gave no result", CountChecks(c.Unknown), c.Total)
	case cut:
		return "the run was cut short"
	case c.Error > 0:
		return fmt.Sprintf("%s of %d could not be done", CountChecks(c.Error), c.Total)
	case c.Pass+c.Warn+c.Fail == 0:
		return "no check gave a result"
	}
	if in.Probe == nil {
		return "" // packets were not asked for
	}
	for _, arg := range in.Asked {
		if why, missing := withoutEvidence(r.Results, arg); missing {
			return "nothing is known of " + arg + why
		}
	}
	return ""
}

// codes are those of findings, each once.
func codes(findings []diagnose.Finding) string {
	var list []string
	for _, f := range findings {
		if !slices.Contains(list, f.Code) {
			list = append(list, f.Code)
		}
	}
	return strings.Join(list, ", ")
}

// withoutEvidence reports whether no check of an argument of the user's said
// anything, and why: the reason of one that did not run, and what would let it.
// Silence that is only worth a warning (a UDP port, a ping that a firewall may drop)
// says nothing: neither that the target works nor that it does not.
func withoutEvidence(results []check.Result, arg string) (why string, missing bool) {
	for _, res := range results {
		switch {
		case res.Asked != arg:
		case res.Status == check.Pass || res.Status == check.Fail || res.Status == check.Warn && res.Failure != check.Timeout:
			return "", false
		case res.Status == check.Warn && why == "":
			why = ": " + res.Summary
		case res.Skip != nil && why == "":
			why = ": " + res.Skip.Reason
			if res.Skip.Unlock != "" {
				why += " (" + res.Skip.Unlock + ")"
			}
		}
	}
	return why, true
}

func healthyHeadline(c Counts, rung Rung) string {
	lead := "healthy: "
	if rung == RungAPI {
		lead = "nothing wrong by the API alone, no packet was sent: "
	}
	parts := []string{CountChecks(c.Pass) + " passed"}
	if c.Warn == 1 {
		parts = append(parts, "1 warning")
	} else if c.Warn > 1 {
		parts = append(parts, fmt.Sprintf("%d warnings", c.Warn))
	}
	if c.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d not run", c.Skipped))
	}
	return lead + strings.Join(parts, ", ")
}

// failedTitles names the rows that failed, three at most.
func failedTitles(rows []Row) string {
	var titles []string
	for _, row := range rows {
		if name := strings.TrimSpace(row.Area + " " + row.Title); row.Status == check.Fail && !slices.Contains(titles, name) {
			titles = append(titles, name)
		}
	}
	const most = 3
	if more := len(titles) - most; more > 0 {
		titles = append(titles[:most], fmt.Sprintf("%d more", more))
	}
	return strings.Join(titles, ", ")
}

// CountChecks is "1 check" or "38 checks".
func CountChecks(n int) string { return Count(n, "check") }

// Count is "1 line" or "38 lines".
func Count(n int, what string) string { return check.Count(n, what) }

// ofFailures are the causes that explain a failure: the others explain warnings only.
func ofFailures(r *Report) []diagnose.Finding {
	failed := map[string]bool{}
	for _, res := range r.Results {
		failed[diagnose.Key(res)] = failed[diagnose.Key(res)] || res.Status == check.Fail
	}
	return slices.DeleteFunc(slices.Clone(r.Verdict.Causes), func(f diagnose.Finding) bool {
		return !slices.ContainsFunc(f.Explains, func(key string) bool { return failed[key] })
	})
}

// verdictHeadline says how many causes explain how many of the failures.
func verdictHeadline(r *Report, causes []diagnose.Finding, failed int) string {
	text := "1 cause explains "
	if len(causes) > 1 {
		text = fmt.Sprintf("%d causes explain ", len(causes))
	}
	candidates := 0
	for _, res := range r.Results {
		if res.Status == check.Fail && !explained(causes, diagnose.Key(res)) {
			candidates++
		}
	}
	switch {
	case candidates == 0 && failed == 1:
		text += "the "
	case candidates == 0:
		text += "all "
	default:
		text += fmt.Sprintf("%d of ", failed-candidates)
	}
	text += strings.TrimPrefix(CountChecks(failed), map[bool]string{true: "1 "}[candidates == 0 && failed == 1]) + " that failed"
	if n := len(r.Verdict.Unexplained); n > 0 {
		text += fmt.Sprintf("; %d not explained", n)
	}
	return text
}

func explained(causes []diagnose.Finding, key string) bool {
	return slices.ContainsFunc(causes, func(f diagnose.Finding) bool { return slices.Contains(f.Explains, key) })
}
