package printer

import (
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// folded are the lines of a step that are shown, and how many more there are.
type folded struct {
	Shown []report.Line
	More  int
}

// foldLines keeps the lines that are in trouble first, and of the others as many as a
// reader takes in.
func foldLines(lines []report.Line) *folded {
	if len(lines) == 0 {
		return nil
	}
	if len(lines) <= mostRows {
		return &folded{Shown: lines}
	}
	sorted := slices.Clone(lines)
	slices.SortStableFunc(sorted, func(a, b report.Line) int { return worseFirst(a.Status, b.Status) })
	return &folded{Shown: sorted[:mostRows], More: len(lines) - mostRows}
}

// Bounds of what a cell keeps on one line: an address of either family with its port, and
// any other text; and of one piece of what is longer.
const (
	mostAddress  = 52 // the longest: [0000:...:0000]:65535/udp
	mostUnbroken = 26
	mostPiece    = 20
)

// wholeAddress reports whether a text is made of what addresses and ports are made of.
func wholeAddress(text string) bool {
	return len(text) <= mostAddress && strings.Trim(strings.TrimSuffix(text, "/udp"), "[]0123456789abcdef.:") == ""
}

// breakable are the pieces between which a name or an address may go on in the next line:
// none of a short one, else behind dots, dashes, slashes and the like.
func breakable(text string) []string {
	runes := []rune(text)
	if len(runes) <= mostUnbroken || wholeAddress(text) {
		return []string{text}
	}
	var parts []string
	start := 0
	for i, r := range runes {
		if slices.Contains([]rune("./-_ ,@?&="), r) || i+1-start == mostPiece {
			parts = append(parts, string(runes[start:i+1]))
			start = i + 1
		}
	}
	if start < len(runes) {
		parts = append(parts, string(runes[start:]))
	}
	return parts
}
