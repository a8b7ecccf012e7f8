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
	full bool
	// spoken is for those who hear it: see printPlain. key is the label of the last item.
	spoken bool
	key    string
	index  *index
	lines  strings.Builder
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
	if p.spoken {
		if s == check.Fail {
			return "FAIL:", plainText
		}
		return word(s) + ":", plainText
	}
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

func widestWord(text string) int {
	widest := 0
	for word := range strings.FieldsSeq(text) {
		widest = max(widest, twwidth.Width(word))
	}
	return widest
}

// noted is the mark of what is to be known beside the results.
func (p *page) noted() string {
	if p.spoken {
		return "note:"
	}
	return "!"
}

// prose writes text behind a lead, wrapped to the page and indented below it. Where the
// lead leaves too little room, the text begins below it.
func (p *page) prose(lead, text string) {
	const leastRoom, below = 24, 4
	width := p.Width
	indent := twwidth.Width(lead)
	start := len(lead) - len(strings.TrimLeft(lead, " "))
	if p.spoken {
		lead = speak(lead)
		indent = min(start, below) + below
		if width == 0 {
			p.printf("%s\n", strings.TrimRight(lead+strings.Join(strings.Fields(text), " "), " "))
			return
		}
		words := append(strings.Fields(lead), strings.Fields(text)...)
		for i, line := range wrapWords(words, max(width-indent, 20)) {
			p.printf("%s%s\n", strings.Repeat(" ", map[bool]int{true: min(start, below), false: indent}[i == 0]), line)
		}
		return
	}
	if width == 0 {
		width = proseWidth
	}
	if strings.TrimSpace(lead) == "" && width-indent < leastRoom {
		indent = min(indent, 2+below)
		lead = lead[:indent]
	}
	if indent > start+below && (width-indent < leastRoom || widestWord(text) > width-indent) {
		if width-start-below < leastRoom {
			start = min(start, below)
		}
		for i, line := range wrapWords(strings.Fields(lead), max(width-start-2, 20)) {
			p.printf("%s%s\n", strings.Repeat(" ", start+map[bool]int{false: 2}[i == 0]), line)
		}
		if text == "" {
			return
		}
		indent = start + below
		lead = strings.Repeat(" ", indent)
	}
	for i, line := range wrap(text, max(width-indent, 20)) {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		p.printf("%s\n", strings.TrimRight(lead+line, " "))
	}
}

// item writes "  key       text", as the blocks below a failure do. Without a key it is
// one more of the last.
func (p *page) item(key, text string) {
	if text == "" {
		return
	}
	p.prose("  "+p.label(key), text)
}

// label is a key with the space up to its value, or in speech with a colon, and then
// repeated where the table lets it stand for several lines.
func (p *page) label(key string) string {
	if !p.spoken {
		return fmt.Sprintf("%-10s", key)
	}
	if key != "" {
		p.key = key
	}
	return p.key + ": "
}

// typed writes a command to type. It is not wrapped: it is there to be copied.
func (p *page) typed(key, command string) { p.printf("  %s%s\n", p.label(key), command) }

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
