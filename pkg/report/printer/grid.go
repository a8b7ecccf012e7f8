package printer

import (
	"net/netip"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// cell is a text and its colour.
type cell struct {
	text  string
	style style
}

// grid writes rows under a header, two blanks between the columns and no lines. Where
// that does not fit, or is to be heard, the cells come below one another.
func (p *page) grid(header []string, rows [][]cell) error {
	if p.spoken || p.tooWide(header, rows) {
		p.records(header, rows)
		return nil
	}
	section := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Padding:    tw.CellPadding{Global: tw.Padding{Right: "  ", Overwrite: true}},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft},
	}
	var out strings.Builder
	table := tablewriter.NewTable(&out,
		tablewriter.WithConfig(tablewriter.Config{
			Header: section, Row: section,
			Behavior: tw.Behavior{TrimSpace: tw.Off, AutoHide: tw.Off},
		}),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{
				Lines: tw.LinesNone, Separators: tw.SeparatorsNone,
			},
		})))
	table.Header(header)
	for _, row := range rows {
		texts := make([]string, len(row))
		for i, c := range row {
			texts[i] = p.paint(c.style, c.text)
		}
		if err := table.Append(texts); err != nil {
			return err
		}
	}
	if err := table.Render(); err != nil {
		return err
	}
	for line := range strings.Lines(out.String()) {
		p.printf("%s\n", strings.TrimRight("  "+line, " \n"))
	}
	return nil
}

// The columns of the table that fit gives way with.
const (
	colCheck  = 1
	colTarget = 2
	colDetail = 5
)

// fit shortens the cells of rows until the table fits the page: first DETAIL, which
// -o wide has in full, then the titles, then targets that are no addresses. An
// address is never cut, even if the line gets too long for it.
func (p *page) fit(header []string, rows [][]cell) {
	if p.Width == 0 {
		return
	}
	const (
		enoughDetail = 20
		enoughTitle  = 20
		enoughTarget = 20
		leastDetail  = 12 // less says nothing
		leastTitle   = 14 // less is not told apart
		leastTarget  = 14
		gaps         = 2 + 5*2 // the indent, and two blanks between six columns
	)
	widths := make([]int, len(header))
	for i, h := range header {
		widths[i] = twwidth.Width(h)
		for _, row := range rows {
			widths[i] = max(widths[i], twwidth.Width(row[i].text))
		}
	}
	over := func() int {
		total := gaps
		for _, w := range widths {
			total += w
		}
		return total - p.Width
	}
	shrink := func(col, enough int) {
		if n := over(); n > 0 && widths[col] > enough {
			widths[col] = max(enough, widths[col]-n)
		}
	}
	shrink(colDetail, enoughDetail)
	shrink(colCheck, enoughTitle)
	address := longestAddress(rows)
	shrink(colTarget, max(enoughTarget, address))
	shrink(colDetail, leastDetail)
	shrink(colTarget, max(leastTarget, address))
	shrink(colCheck, leastTitle)
	if over() > 0 {
		widths[colDetail] = 0
	}
	for _, row := range rows {
		row[colCheck].text = p.cutMiddle(row[colCheck].text, widths[colCheck])
		if !isAddress(row[colTarget].text) {
			row[colTarget].text = p.cutMiddle(row[colTarget].text, widths[colTarget])
		}
		row[colDetail].text = p.cut(row[colDetail].text, widths[colDetail])
	}
	if widths[colDetail] == 0 {
		header[colDetail] = ""
	}
}

func longestAddress(rows [][]cell) int {
	longest := 0
	for _, row := range rows {
		if isAddress(row[colTarget].text) {
			longest = max(longest, twwidth.Width(row[colTarget].text))
		}
	}
	return longest
}

// isAddress reports whether the first word of text is an IP address, with a port or
// without.
func isAddress(text string) bool {
	first, _, _ := strings.Cut(text, " ")
	_, errAddr := netip.ParseAddr(first)
	_, errPort := netip.ParseAddrPort(first)
	return errAddr == nil || errPort == nil
}
