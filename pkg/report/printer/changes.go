package printer

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// mostChanges is how many checks that changed are told one by one.
const mostChanges = 12

// change is one line: how bad it is, what kind of change, of what, and what is to be said
// of it.
type change struct {
	status     check.Status
	kind, what string
	text       string
}

// changes writes what differs from the baseline, where there is one.
func (p *page) changes(r *report.Report) {
	c := r.Changes
	if c == nil {
		return
	}
	p.printf("\n")
	p.prose("  ", p.paint(bold, comparedWith(c)))
	limits := c.Limits
	if !p.spoken && len(limits) > 0 {
		limits = []string{strings.Join(limits, "; ")}
	}
	for _, limit := range limits {
		p.prose("  "+p.paint(yellow, p.noted())+" ", "the comparison is limited: "+limit)
	}
	list, rest := changesOf(c)
	if p.full {
		list, rest = append(list, rest...), nil
	}
	shown := list
	if !p.full {
		shown = list[:min(len(list), mostChanges)]
	}
	for _, ch := range shown {
		sign, color := p.mark(ch.status)
		text := p.paint(bold, ch.what)
		if ch.text != "" {
			text += ": " + ch.text
		}
		p.prose(fmt.Sprintf("  %s %-11s  ", p.paint(color, sign), ch.kind), text)
	}
	if more := len(list) - len(shown); more > 0 {
		p.prose("    ", fmt.Sprintf("and %d more (-o wide has them all)", more))
	}
	if len(rest) > 0 {
		p.prose("    ", fmt.Sprintf("%s that only one of them has, and that are ok (-o wide has them)", report.CountChecks(len(rest))))
	}
	p.prose("    ", "as before: "+report.CountChecks(c.Same))
}

func comparedWith(c *report.Changes) string {
	text := "what changed"
	if len(c.Causes)+len(c.Checks) == 0 {
		text = "nothing changed"
	}
	return fmt.Sprintf("%s since %s (%s)", text, c.Baseline.StartedAt.UTC().Format("2006-01-02 15:04:05Z"), c.Baseline.Status)
}

// changesOf are the causes and the checks that changed, worst first; rest are the checks
// that only one of the runs has, and that are well there.
func changesOf(c *report.Changes) (list, rest []change) {
	var good []change
	for _, f := range c.Causes {
		switch {
		case f.Kind == report.ChangeGone:
			good = append(good, change{check.Pass, "cause gone", f.Code, f.Headline})
		case f.Candidate:
			list = append(list, change{check.Warn, "suspected", f.Code, f.Headline})
		default:
			list = append(list, change{check.Fail, "new cause", f.Code, f.Headline})
		}
	}
	for _, ch := range c.Checks {
		line := changeOf(ch)
		switch {
		case ch.Kind == report.ChangeMended, ch.Kind == report.ChangeBetter:
			good = append(good, line)
		case (ch.Kind == report.ChangeNew || ch.Kind == report.ChangeGone) && max(ch.Before, ch.After) <= check.Pass:
			rest = append(rest, line)
		default:
			list = append(list, line)
		}
	}
	return append(list, good...), rest
}

// changeOf says of a check what came of it before and what comes of it now.
func changeOf(ch report.CheckChange) change {
	row := report.Row{Area: ch.Area, Title: ch.Title}
	what := lead(row)
	if ch.Target != "" {
		what += " " + ch.Target
	}
	switch ch.Vantage {
	case "", check.VantageAPI:
	case report.VantageMachine:
		what += " from this machine"
	default:
		what += " from " + ch.Vantage
	}
	before, after := word(ch.Before), word(ch.After)
	switch ch.Kind {
	case report.ChangeSlower:
		return change{check.Warn, "slower", what, fmt.Sprintf("%s, %s before", report.FormatTime(ch.TimeAfter.D()), report.FormatTime(ch.TimeBefore.D()))}
	case report.ChangeNew:
		return change{ch.After, "only now", what, after + join(ch.Detail)}
	case report.ChangeGone:
		return change{check.Skipped, "only then", what, before + join(ch.Detail)}
	case report.ChangeUntried:
		return change{ch.After, "not tried", what, before + " before, " + after + " now" + join(ch.Detail)}
	}
	return change{ch.After, string(ch.Kind), what, before + " before, " + after + " now" + join(ch.Detail)}
}

// join puts a detail behind what it is of.
func join(detail string) string {
	if detail == "" {
		return ""
	}
	return ": " + detail
}

// changeTexts are the changes as lines of text, for documents that have no place of their
// own for them: nothing without a baseline.
func changeTexts(c *report.Changes) []string {
	if c == nil {
		return nil
	}
	lines := []string{comparedWith(c)}
	for _, limit := range c.Limits {
		lines = append(lines, "limited: "+limit)
	}
	list, rest := changesOf(c)
	for _, ch := range append(list, rest...) {
		lines = append(lines, strings.TrimSuffix(ch.kind+": "+ch.what+": "+ch.text, ": "))
	}
	return append(lines, "as before: "+report.CountChecks(c.Same))
}

// markdownChanges writes them as a list.
func markdownChanges(b *strings.Builder, c *report.Changes) {
	if c == nil {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n", markdownText(comparedWith(c)))
	for _, limit := range c.Limits {
		fmt.Fprintf(b, "> the comparison is limited: %s\n>\n", markdownText(limit))
	}
	list, rest := changesOf(c)
	for _, ch := range list[:min(len(list), mostListed)] {
		fmt.Fprintf(b, "- **%s** %s: %s\n", ch.kind, code(ch.what), markdownText(ch.text))
	}
	if more := len(list) - mostListed; more > 0 {
		fmt.Fprintf(b, "- and %d more\n", more)
	}
	if len(rest) > 0 {
		fmt.Fprintf(b, "- %s that only one of them has, and that are ok\n", report.CountChecks(len(rest)))
	}
	fmt.Fprintf(b, "- as before: %s\n", report.CountChecks(c.Same))
}

// mostListed is how many changes stand in an issue.
const mostListed = 40
