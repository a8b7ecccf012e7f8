package printer

import (
	"fmt"
	"math"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// The measures of a drawn path, in pixels of its own.
const (
	hopWidth  = 214.0
	hopHeight = 40.0
	hopApart  = 18.0
	sideApart = 130.0 // between the columns: room for what is said of the network
	framePad  = 12.0
	frameName = 22.0
	mostLabel = 24 // characters of a hop's name
	mostSub   = 33 // and of the line below it,
	mostBold  = 28 // which is bold where it says what is broken
	mostNote  = 18 // and of a line at a link
)

// svgPath is a path with every coordinate worked out: the near end in one column from the
// top down, the far end in another from the bottom up, as the layers of two nodes are
// usually drawn.
type svgPath struct {
	ID, Title, Desc, Caption string
	Width, Height, Shown     float64 // Shown is the width on a page that has room
	Frames                   []svgFrame
	Hops                     []svgHop
	Links                    []svgLink
	Marks                    []svgMark
}

type svgFrame struct {
	X, Y, W, H, TextX, TextY float64
	Name                     string
}

type svgHop struct {
	X, Y, W, H, TextX, NameY, SubY float64
	Name, Sub, Full                string
	Status                         diagnose.PathStatus
}

type svgLink struct {
	Lines []svgLine
	Notes []svgNote
}

type svgLine struct {
	D      string
	Status diagnose.PathStatus
}

type svgNote struct {
	X, Y         float64
	Text, Anchor string
	Status       diagnose.PathStatus
}

// svgMark is the sign at what is broken, or may be.
type svgMark struct {
	X, Y, AskY float64
	Cross      string // a path; "" for a question mark
	Status     diagnose.PathStatus
}

func newSVGPath(p *diagnose.Path, id string) *svgPath {
	if p == nil || len(p.Hops) == 0 || len(p.Links) != len(p.Hops)-1 {
		return nil
	}
	s := &svgPath{ID: id, Title: "the way from " + p.From + " to " + p.To, Desc: pathSentence(p), Caption: pathCaption(p)}
	split := turn(p)
	rows := max(split, len(p.Hops)-split)
	for i, h := range p.Hops {
		x, row := framePad, rows-split+i
		if i >= split {
			x, row = framePad+hopWidth+sideApart, rows-1-(i-split)
		}
		s.addHop(p, i, h, x, frameName+framePad/2+float64(row)*(hopHeight+hopApart))
	}
	s.Width, s.Height = 2*framePad+hopWidth, frameName+framePad/2+float64(rows)*(hopHeight+hopApart)-hopApart+framePad
	if split < len(p.Hops) {
		s.Width += hopWidth + sideApart
	}
	s.Shown = math.Round(s.Width * 1.2)
	for i, l := range p.Links {
		s.addLink(l, s.Hops[i], s.Hops[i+1], i == split-1)
	}
	s.addFrames(p, split)
	return s
}

// turn is the first hop of the second column: where the node changes, or behind the
// bridge of a way within one node.
func turn(p *diagnose.Path) int {
	for i, h := range p.Hops {
		if i > 0 && h.Node != p.Hops[0].Node {
			return i
		}
	}
	for i, h := range p.Hops {
		if h.Kind == diagnose.HopBridge && i+1 < len(p.Hops) {
			return i + 1
		}
	}
	return len(p.Hops)
}

// kindWords are the kinds of hop in the words of the field.
var kindWords = map[diagnose.HopKind]string{
	diagnose.HopPod: "pod", diagnose.HopInterface: "its interface", diagnose.HopVeth: "veth", diagnose.HopBridge: "bridge",
	diagnose.HopNode: "node", diagnose.HopOverlay: "tunnel", diagnose.HopUnderlay: "underlay",
	diagnose.HopService: "service address", diagnose.HopPeer: "peer", diagnose.HopApp: "process",
}

// statusWords say a status where colour cannot.
var statusWords = map[diagnose.PathStatus]string{diagnose.HopBroken: "BROKEN", diagnose.HopSuspect: "may be here"}

func (s *svgPath) addHop(p *diagnose.Path, i int, h diagnose.PathHop, x, y float64) {
	parts := []string{kindWords[h.Kind]}
	if w := statusWords[h.Status]; w != "" {
		parts = []string{w}
		if h.Note != "" {
			parts[0] += ": " + h.Note
		}
	}
	if h.MTU > 0 {
		parts = append(parts, fmt.Sprintf("MTU %d", h.MTU))
	}
	if statusWords[h.Status] == "" && h.Note != "" {
		parts = append(parts, h.Note)
	}
	name, room := hopName(p.Hops, i), mostSub
	if statusWords[h.Status] != "" {
		room = mostBold
	}
	hop := svgHop{
		X: x, Y: y, W: hopWidth, H: hopHeight, TextX: x + 10, NameY: y + 17, SubY: y + 32,
		Name: (&page{}).cutMiddle(name, mostLabel), Sub: (&page{}).cut(strings.Join(parts, " · "), room),
		Full: kindWords[h.Kind] + " " + name, Status: h.Status,
	}
	s.Hops = append(s.Hops, hop)
	if statusWords[h.Status] != "" {
		s.mark(x+hopWidth-4, y+2, h.Status)
	}
}

func (s *svgPath) mark(x, y float64, status diagnose.PathStatus) {
	m := svgMark{X: x, Y: y, AskY: y + 5, Status: status}
	if status == diagnose.HopBroken {
		m.Cross = fmt.Sprintf("M%g %gL%g %gM%g %gL%g %g", x-4, y-4, x+4, y+4, x-4, y+4, x+4, y-4)
	}
	s.Marks = append(s.Marks, m)
}

// addLink joins two hops: a line within a column, or across between the columns, double
// where a tunnel carries the packet.
func (s *svgPath) addLink(l diagnose.PathLink, a, b svgHop, across bool) {
	link := svgLink{}
	offsets := []float64{0}
	if l.Kind == diagnose.LinkTunnel {
		offsets = []float64{-3, 3}
	}
	midX, midY := a.X+hopWidth/2, (min(a.Y, b.Y)+hopHeight+max(a.Y, b.Y))/2
	for _, o := range offsets {
		d := fmt.Sprintf("M%g %gL%g %g", midX+o, min(a.Y, b.Y)+hopHeight, midX+o, max(a.Y, b.Y))
		if across {
			d = fmt.Sprintf("M%g %gL%g %g", a.X+hopWidth, a.Y+hopHeight/2+o, b.X, a.Y+hopHeight/2+o)
		}
		link.Lines = append(link.Lines, svgLine{D: d, Status: l.Status})
	}
	if across {
		midX, midY = (a.X+hopWidth+b.X)/2, a.Y+hopHeight/2
	}
	word := statusWords[l.Status]
	if word != "" {
		s.mark(midX, midY, l.Status)
	}
	switch {
	case across:
		texts := append([]string{word}, firstLines(wrap(l.Note, mostNote))...)
		y := midY - 16
		for i, text := range texts {
			if i == 1 {
				y = midY + 24
			}
			if text != "" {
				link.Notes = append(link.Notes, svgNote{X: midX, Y: y, Text: text, Anchor: "middle", Status: l.Status})
			}
			y += 13
		}
	case word != "":
		text := strings.TrimSuffix(word+": "+l.Note, ": ")
		link.Notes = append(link.Notes, svgNote{X: midX + 16, Y: midY + 4, Text: (&page{}).cut(text, mostNote), Anchor: "start", Status: l.Status})
	}
	s.Links = append(s.Links, link)
}

// firstLines are as many lines as there is room for below a link, none too long.
func firstLines(lines []string) []string {
	lines = lines[:min(len(lines), 3)]
	for i, line := range lines {
		lines[i] = (&page{}).cut(line, mostNote)
	}
	return lines
}

// addFrames draws the nodes around their hops.
func (s *svgPath) addFrames(p *diagnose.Path, split int) {
	frame := func(from, to int, width float64) {
		node := p.Hops[from].Node
		if node == "" {
			return
		}
		top := s.Hops[from].Y
		for i := from; i < to; i++ {
			if p.Hops[i].Node != node {
				return
			}
			top = min(top, s.Hops[i].Y)
		}
		x := s.Hops[from].X - framePad + 1
		s.Frames = append(s.Frames, svgFrame{
			X: x, Y: top - framePad, W: width + 2*framePad - 2, H: s.Height - top + framePad - 1,
			TextX: x + 6, TextY: top - framePad - 5, Name: "node " + (&page{}).cutMiddle(node, mostLabel),
		})
	}
	whole := hopWidth
	if split < len(p.Hops) {
		if p.Hops[split].Node == p.Hops[0].Node {
			frame(0, len(p.Hops), s.Width-2*framePad)
			return
		}
		frame(split, len(p.Hops), whole)
	}
	frame(0, split, whole)
}

// pathSentence tells the drawing to who cannot see it.
func pathSentence(p *diagnose.Path) string {
	var parts []string
	for i, h := range p.Hops {
		text := kindWords[h.Kind] + " " + hopName(p.Hops, i)
		if w := statusWords[h.Status]; w != "" {
			text += " (" + strings.TrimSuffix(w+": "+h.Note, ": ") + ")"
		}
		parts = append(parts, text)
		if i < len(p.Links) && statusWords[p.Links[i].Status] != "" {
			parts = append(parts, statusWords[p.Links[i].Status]+" between these two: "+p.Links[i].Note)
		}
	}
	return strings.Join(parts, ", then ")
}

// pathCaption explains the signs that a drawing has.
func pathCaption(p *diagnose.Path) string {
	has := map[diagnose.PathStatus]bool{}
	for _, h := range p.Hops {
		has[h.Status] = true
	}
	for _, l := range p.Links {
		has[l.Status] = true
	}
	parts := []string{"from " + p.From + " to " + p.To}
	for _, part := range []struct {
		status diagnose.PathStatus
		text   string
	}{
		{diagnose.HopBroken, "cross: broken"}, {diagnose.HopSuspect, "question mark: may be here"},
		{diagnose.HopOK, "green: something of ours passed it"}, {diagnose.HopUnknown, "grey: behind the break, nothing is known"},
	} {
		if has[part.status] {
			parts = append(parts, part.text)
		}
	}
	return strings.Join(parts, " · ")
}
