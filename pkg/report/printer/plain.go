package printer

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

func init() {
	register(Printer{Name: "plain", Summary: "the table as text that can be read aloud: a fact a line, words for marks, ASCII, no colours", ForPeople: true, Print: printPlain})
}

// printPlain is the table for those who hear it, and for those who search it: each line
// is one fact, the word for how good it is comes first, labels come before values, and
// nothing is told by columns, marks or colours. Lines are broken only to fit a terminal.
func printPlain(w io.Writer, r *report.Report, o Options) error {
	return printPage(&page{Options: Options{Width: o.Width, ASCII: true}, spoken: true}, w, r)
}

// speak makes a lead of the table one of text: what stood apart there is told apart by a
// colon, "x  name   " is "FAIL: name: ".
func speak(lead string) string {
	text := strings.TrimLeft(lead, " ")
	indent := lead[:len(lead)-len(text)]
	var b strings.Builder
	for text != "" {
		word, rest, gap := strings.Cut(text, "  ")
		b.WriteString(strings.TrimSuffix(word, " "))
		text = strings.TrimLeft(rest, " ")
		switch {
		case !gap:
			if strings.HasSuffix(word, " ") {
				b.WriteByte(' ')
			}
		case strings.HasSuffix(word, ":"):
			b.WriteByte(' ')
		default:
			b.WriteString(": ")
		}
	}
	return indent[:min(len(indent), 4)] + b.String()
}

// spokenTitle says where this ran, a line for each thing.
func (p *page) spokenTitle(r *report.Report) {
	v := r.Vantage
	fact := func(label, value string) {
		if value != "" {
			p.prose(label+": ", value)
		}
	}
	fact("target", r.Metadata.Target)
	if v.String() != r.Metadata.Target {
		fact("looked from", v.String())
	}
	if v.Kind == "pod" {
		fact("node", v.Node)
	}
	var ips []string
	for _, ip := range v.IPs {
		ips = append(ips, ip.String())
	}
	fact("addresses", strings.Join(ips, ", "))
	if v.Rung == report.RungProbe {
		fact("profile", v.Profile)
	} else {
		fact("profile", "none: API only")
	}
	if r.Network != nil {
		fact("network", r.Network.Plugin)
	}
	fact("checks", strconv.Itoa(r.Summary.Counts.Total))
	fact("took", report.FormatTime(r.Metadata.Duration.D()))
}

// records writes the rows of a table below one another: how good it is, what it is about,
// and then each other cell behind the name of its column. In speech a row is one line; on
// a terminal that is too narrow for the table it is one line a cell.
func (p *page) records(header []string, rows [][]cell) {
	for _, row := range rows {
		lead, result := "", ""
		var facts []string
		for i, c := range row {
			text := p.paint(c.style, c.text)
			if p.spoken && c.text == word(check.Fail) {
				text = "FAIL"
			}
			switch {
			case c.text == "" || c.text == "-" || i >= len(header):
			case header[i] == "RESULT":
				result = text + ": "
			case header[i] == "AREA" || header[i] == "CHECK":
				lead = strings.TrimSpace(lead + " " + c.text)
			default:
				facts = append(facts, strings.ToLower(header[i])+": "+text)
			}
		}
		if lead != "" {
			facts = slices.Insert(facts, 0, lead)
		}
		if p.spoken {
			p.prose("  "+result, strings.Join(facts, "; "))
			continue
		}
		for i, fact := range facts {
			if i == 0 {
				p.prose("  "+result, fact)
			} else {
				p.prose("    ", fact)
			}
		}
	}
}

// tooWide reports whether a table of these cells does not fit the page.
func (p *page) tooWide(header []string, rows [][]cell) bool {
	if p.Width == 0 || p.full && len(header) > 6 {
		return false // the long lines of -o wide are what it is for
	}
	total := 2
	for i, h := range header {
		widest := twwidth.Width(h)
		for _, row := range rows {
			widest = max(widest, twwidth.Width(row[i].text))
		}
		if widest > 0 {
			total += widest + 2
		}
	}
	return total-2 > p.Width
}
