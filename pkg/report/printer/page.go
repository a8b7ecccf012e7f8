package printer

import (
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// proseWidth is where sentences are wrapped when the output has no width.
const proseWidth = 100

// style is an ANSI "select graphic rendition" sequence (ECMA-48 8.3.117).
type style string

const (
	plainText style = ""
	bold      style = "\x1b[1m"
	dim       style = "\x1b[2m"
	red       style = "\x1b[31m"
	green     style = "\x1b[32m"
	yellow    style = "\x1b[33m"
	reset           = "\x1b[0m"
)

// page collects lines of text. Errors of the writer come out of flush.
type page struct {
	Options
	// full leaves nothing of a walk to -o wide: it is -o wide.
	full  bool
	lines strings.Builder
}

func (p *page) flush(w io.Writer) error {
	_, err := io.WriteString(w, p.lines.String())
	return err
}

// printf writes a line, or a part of one.
func (p *page) printf(format string, args ...any) { fmt.Fprintf(&p.lines, format, args...) }

// paint colours text when the output may be coloured.
func (p *page) paint(s style, text string) string {
	if !p.Color || s == plainText || text == "" {
		return text
	}
	return string(s) + text + reset
}

// sign picks a Unicode mark or its ASCII stand-in.
func (p *page) sign(unicode, ascii string) string {
	if p.ASCII {
		return ascii
	}
	return unicode
}

// mark is the sign and colour of a status.
func (p *page) mark(s check.Status) (string, style) {
	switch s {
	case check.Pass:
		return p.sign("✓", "+"), green
	case check.Fail:
		return p.sign("✗", "x"), red
	case check.Skipped:
		return p.sign("·", "-"), dim
	}
	return "!", yellow
}

// word is the RESULT column's word for a row or a result.
func word(s check.Status) string {
	switch s {
	case check.Pass:
		return "ok"
	case check.Unknown:
		return "none"
	}
	return s.String()
}

// prose writes text behind a lead, wrapped to the page and indented below it.
func (p *page) prose(lead, text string) {
	indent := twwidth.Width(lead)
	width := p.Width
	if width == 0 {
		width = proseWidth
	}
	for i, line := range wrap(text, max(width-indent, 20)) {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		p.printf("%s\n", strings.TrimRight(lead+line, " "))
	}
}

// item writes "  key       text", as the blocks below a failure do.
func (p *page) item(key, text string) {
	if text != "" {
		p.prose(fmt.Sprintf("  %-10s", key), text)
	}
}

// wrap breaks text at spaces into lines of at most width columns. A word that is
// longer stands alone, whole: half an address is worth nothing.
func wrap(text string, width int) []string { return wrapWords(strings.Fields(text), width) }

func wrapWords(words []string, width int) []string {
	var lines []string
	line := ""
	for _, w := range words {
		switch {
		case line == "":
			line = w
		case twwidth.Width(line)+1+twwidth.Width(w) <= width:
			line += " " + w
		default:
			lines = append(lines, line)
			line = w
		}
	}
	return append(lines, line)
}

// cut shortens text to at most width columns, with an ellipsis in its place.
func (p *page) cut(text string, width int) string {
	if twwidth.Width(text) <= width {
		return text
	}
	dots := p.sign("…", "...")
	if width <= twwidth.Width(dots) {
		return ""
	}
	return twwidth.Truncate(text, width-twwidth.Width(dots)) + dots
}

// cutMiddle shortens a name or a title: what tells it from its neighbours is mostly
// at its end ("shop/payments vip :80"), so that more of the end is kept.
func (p *page) cutMiddle(text string, width int) string {
	if twwidth.Width(text) <= width {
		return text
	}
	dots := p.sign("…", "...")
	room := width - twwidth.Width(dots)
	if room < 2 {
		return ""
	}
	head := twwidth.Truncate(text, room*2/5)
	tail := []rune(text)
	for len(tail) > 0 && twwidth.Width(string(tail)) > room-twwidth.Width(head) {
		tail = tail[1:]
	}
	return head + dots + string(tail)
}
