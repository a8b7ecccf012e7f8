package printer

import (
	"fmt"
	"io"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

func init() {
	register(Printer{Name: "markdown", Summary: "for an issue or a chat: the verdict, and the checks folded below it", ForPeople: true, Print: printMarkdown})
}

// printMarkdown writes GitHub's Markdown. What comes from a cluster stands in code spans
// or is escaped: it makes no link, mention, image or element.
func printMarkdown(w io.Writer, r *report.Report, _ Options) error {
	r = escaped(r, false)
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %s\n\n", markdownMark(r.Summary.Status), markdownText(r.Summary.Headline))
	where := code(r.Metadata.Target)
	if r.Walk != nil {
		where += " from " + code(vantageName(r.Vantage))
	}
	if r.Vantage.Node != "" && r.Vantage.Kind == "pod" {
		where += " on node " + code(r.Vantage.Node)
	}
	rung := "by the API only"
	if r.Vantage.Rung == report.RungProbe {
		rung = "profile " + r.Vantage.Profile
	}
	if r.Network != nil {
		rung += ", network " + markdownText(r.Network.Plugin)
	}
	fmt.Fprintf(&b, "%s, %s, %s, %s, at %s\n", where, rung, report.CountChecks(r.Summary.Counts.Total),
		report.FormatTime(r.Metadata.Duration.D()), r.Metadata.StartedAt.UTC().Format("2006-01-02 15:04:05Z"))
	for _, n := range r.Notices {
		fmt.Fprintf(&b, "\n> %s\n", markdownText(n.Message))
	}
	markdownChanges(&b, r.Changes)
	for _, f := range r.Verdict.Causes {
		markdownFinding(&b, f)
	}
	first, p := true, &page{}
	for _, row := range r.Rows {
		if row.Status != check.Fail || p.toldByVerdict(r, row) {
			continue
		}
		if first {
			b.WriteString("\n### What failed\n\n")
			first = false
		}
		fmt.Fprintf(&b, "- **%s** %s: %s\n", markdownText(row.Title), code(row.Target), code(row.Detail))
	}
	if len(r.Verdict.Candidates) > 0 {
		b.WriteString("\n**These cannot be told apart from here:**\n")
		for _, f := range r.Verdict.Candidates {
			fmt.Fprintf(&b, "- **%s**: %s\n", markdownText(f.Code), markdownText(f.Headline))
		}
		markdownPath(&b, diagnose.MergePaths(r.Verdict.Candidates))
	}
	if r.Walk != nil {
		b.WriteString("\n| step | | |\n|---|---|---|\n")
		for _, s := range r.Walk.Steps {
			text := strings.TrimSpace(s.Target + " " + s.Detail)
			if s.Why != "" {
				text = "not tried: " + s.Why
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", markdownText(s.Name), word(s.Status), cellCode(text))
		}
	}
	markdownRows(&b, r)
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownMark(s report.Status) string {
	return map[report.Status]string{report.Healthy: "✅", report.Problems: "❌", report.Incomplete: "⚠️"}[s]
}

func markdownFinding(b *strings.Builder, f diagnose.Finding) {
	fmt.Fprintf(b, "\n### %s: %s\n", markdownText(f.Code), markdownText(f.Headline))
	markdownPath(b, f.Path)
	b.WriteString("\n")
	for _, where := range f.Where {
		fmt.Fprintf(b, "- where: %s\n", code(where))
	}
	for _, line := range f.Evidence {
		fmt.Fprintf(b, "- evidence: %s\n", code(line))
	}
	if f.Likely != "" {
		fmt.Fprintf(b, "- likely: %s\n", markdownText(f.Likely))
	}
	if len(f.Try) > 0 {
		b.WriteString("\n")
		fenced(b, "sh", strings.Join(f.Try, "\n"))
	}
}

// markdownWidth holds a drawing without scrolling sideways in a comment on GitHub, in columns.
const markdownWidth = 100

// markdownPath draws the way as the terminal has it, below an empty line.
func markdownPath(b *strings.Builder, path *diagnose.Path) {
	p := &page{Options: Options{Width: markdownWidth}}
	p.path(path)
	if text := strings.Trim(p.lines.String(), "\n"); text != "" {
		b.WriteString("\n")
		fenced(b, "text", text)
	}
}

// fenced writes a block of code. No line of it can end it: its fence is longer than any run
// of backticks inside (CommonMark 4.5).
func fenced(b *strings.Builder, language, text string) {
	fence := strings.Repeat("`", max(3, longestTicks(text)+1))
	fmt.Fprintf(b, "%s%s\n%s\n%s\n", fence, language, text, fence)
}

func markdownRows(b *strings.Builder, r *report.Report) {
	if len(r.Rows) == 0 {
		return
	}
	b.WriteString("\n<details><summary>all checks</summary>\n\n| area | check | target | result | time | detail |\n|---|---|---|---|---|---|\n")
	for _, row := range r.Rows {
		result := word(row.Status)
		if row.Status == check.Fail {
			result = "**" + result + "**"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", markdownText(row.Area), markdownText(row.Title), cellCode(row.Target),
			result, report.FormatTime(row.Time.D()), cellCode(row.Detail))
	}
	b.WriteString("\n</details>\n")
}

// markdownText escapes text for a paragraph or a cell. A backslash before punctuation is
// that character (CommonMark 2.4); an at sign gets a word joiner, or it would call
// somebody who has that name.
func markdownText(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '@':
			out.WriteString("@&#8288;")
			continue
		case strings.ContainsRune("\\`*_{}[]<>#|~&!", r):
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// code is text in a code span, whose fence is longer than any run of backticks in it
// (CommonMark 6.1).
func code(text string) string {
	if text == "" {
		return ""
	}
	fence := strings.Repeat("`", longestTicks(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// cellCode is code in a cell of a table, where a pipe ends the cell even in a code span.
func cellCode(text string) string { return strings.ReplaceAll(code(text), "|", `\|`) }

func longestTicks(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
