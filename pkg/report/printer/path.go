package printer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// The widths of a drawing's parts, in columns.
const (
	pathIndent  = 2
	mostName    = 26 // of a hop; pods' names tell themselves apart at their ends
	minLink     = 3
	brokenTwice = 2 // blanks beside a mark on a link
)

// path draws the way on which a finding sits: names above, MTUs and what was seen below.
// Without Unicode it is a list, which a screen reader can read out.
func (p *page) path(path *diagnose.Path) {
	if path == nil || len(path.Hops) == 0 || len(path.Links) != len(path.Hops)-1 {
		return
	}
	p.printf("\n")
	if p.ASCII {
		p.pathList(path)
		return
	}
	parts := p.pathParts(path)
	if p.Width > 0 && slices.ContainsFunc(parts, func(pt part) bool { return pathIndent+pt.width() > p.Width }) {
		p.pathList(path) // a note that no line can hold
		return
	}
	whole := p.Width == 0 || pathIndent+widthOf(parts) <= p.Width
	var row []part
	for i, c := range parts {
		// One that does not fit is broken between the nodes first.
		between := i > 0 && path.Links[i-1].Kind != diagnose.LinkWire && path.Hops[i].Node != path.Hops[i-1].Node
		if len(row) > 0 && !whole && (between || pathIndent+widthOf(row)+c.width() > p.Width) {
			p.pathRow(row)
			row = nil
		}
		row = append(row, c)
	}
	p.pathRow(row)
}

// part is a hop, or a link with the hop behind it, as two lines of one width.
type part []pathCell

// pathCell is one column of the drawing.
type pathCell struct {
	top, bottom string
	style       style
	fill        string // what widens the top, "" for blanks
}

func (c pathCell) width() int { return max(twwidth.Width(c.top), twwidth.Width(c.bottom)) }

func (pt part) width() int {
	w := 0
	for _, c := range pt {
		w += c.width()
	}
	return w
}

func widthOf(parts []part) int {
	w := 0
	for _, pt := range parts {
		w += pt.width()
	}
	return w
}

// pathParts are what must stay together when a drawing is wrapped: a link stands with the
// hop behind it, so that a line that begins with a link goes on.
func (p *page) pathParts(path *diagnose.Path) []part {
	parts := []part{{p.hopCell(path.Hops, 0)}}
	for i, l := range path.Links {
		parts = append(parts, part{p.linkCell(l), p.hopCell(path.Hops, i+1)})
	}
	return parts
}

// pathSigns mark what is not well; what nothing is known of is only dim.
func (p *page) pathSign(s diagnose.PathStatus) (string, style) {
	switch s {
	case diagnose.HopBroken:
		return "✗", red
	case diagnose.HopSuspect:
		return "?", yellow
	case diagnose.HopOK:
		return "", plainText
	}
	return "", dim
}

func (p *page) hopCell(hops []diagnose.PathHop, i int) pathCell {
	h := hops[i]
	sign, color := p.pathSign(h.Status)
	c := pathCell{top: p.cutMiddle(hopName(hops, i), mostName), style: color}
	if sign != "" {
		c.top = sign + " " + c.top
	}
	if h.MTU > 0 {
		c.bottom = fmt.Sprint(h.MTU)
	}
	if h.Note != "" {
		c.bottom = strings.TrimPrefix(c.bottom+", "+h.Note, ", ")
	}
	return c
}

// hopName is a hop's name; devices between nodes say whose they are.
func hopName(hops []diagnose.PathHop, i int) string {
	h := hops[i]
	switch h.Kind {
	case diagnose.HopUnderlay:
		return h.Node + ":" + h.Name
	case diagnose.HopNode:
		if h.Node == h.Name {
			return "node " + h.Name
		}
	}
	return h.Name
}

func (p *page) linkCell(l diagnose.PathLink) pathCell {
	line := "─"
	if l.Kind == diagnose.LinkTunnel {
		line = "═"
	}
	sign, color := p.pathSign(l.Status)
	c := pathCell{bottom: l.Note, style: color, fill: line}
	if l.Note != "" {
		c.bottom = " " + l.Note + " "
	}
	width := max(minLink-2, twwidth.Width(c.bottom)-2)
	if l.Kind == diagnose.LinkNetwork || sign != "" {
		width = max(width, minLink)
	}
	if sign == "" {
		c.top = " " + strings.Repeat(line, width) + " "
		return c
	}
	left := (width - 1) / brokenTwice
	c.top = " " + strings.Repeat(line, left) + sign + strings.Repeat(line, width-1-left) + " "
	return c
}

func (p *page) pathRow(row []part) {
	var top, bottom strings.Builder
	indent := strings.Repeat(" ", pathIndent)
	top.WriteString(indent)
	bottom.WriteString(indent)
	for _, pt := range row {
		for _, c := range pt {
			top.WriteString(p.centred(c.top, c.width(), c.style))
			below := c.style
			if below == plainText {
				below = dim
			}
			bottom.WriteString(p.centred(c.bottom, c.width(), below))
		}
	}
	p.printf("%s\n", strings.TrimRight(top.String(), " "))
	if b := strings.TrimRight(bottom.String(), " "); b != "" {
		p.printf("%s\n", b)
	}
}

// centred puts text into the middle of a column. The blanks beside it are not coloured, so
// that they can be cut off at the end of a line.
func (p *page) centred(text string, width int, s style) string {
	trimmed := strings.TrimSpace(text)
	room := width - twwidth.Width(trimmed)
	return strings.Repeat(" ", room/2) + p.paint(s, trimmed) + strings.Repeat(" ", room-room/2)
}

// pathList says the same a line a hop, without drawing.
func (p *page) pathList(path *diagnose.Path) {
	key, n := "path", 0
	say := func(text string, status diagnose.PathStatus, note string) {
		n++
		word := map[diagnose.PathStatus]string{
			diagnose.HopOK: "ok", diagnose.HopBroken: "BROKEN", diagnose.HopSuspect: "MAY BE HERE", diagnose.HopUnknown: "not known",
		}[status]
		if note != "" {
			word += ", " + note
		}
		p.item(key, fmt.Sprintf("%d. %s: %s", n, text, word))
		key = ""
	}
	for i, h := range path.Hops {
		text := string(h.Kind) + " " + h.Name
		if h.Node != "" && h.Node != h.Name {
			text += " on node " + h.Node
		}
		if h.MTU > 0 {
			text += fmt.Sprintf(", MTU %d", h.MTU)
		}
		say(text, h.Status, h.Note)
		if i < len(path.Links) && (path.Links[i].Status == diagnose.HopBroken || path.Links[i].Status == diagnose.HopSuspect) {
			say("between "+hopName(path.Hops, i)+" and "+hopName(path.Hops, i+1), path.Links[i].Status, path.Links[i].Note)
		}
	}
}
