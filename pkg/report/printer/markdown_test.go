package printer_test

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

// TestMarkdownIsInert: what a cluster says makes no element, link, image or mention, and
// cannot leave a code span or a cell.
func TestMarkdownIsInert(t *testing.T) {
	in := failing()
	in.Verdict.Causes = []diagnose.Finding{{
		Code: "NL-X", Headline: "<img src=x> @everyone [a](http://x) ![b](y)",
		Where: []string{"``` | <b>"}, Evidence: []string{"`tick"}, Try: []string{"echo ```"},
		Path: &diagnose.Path{
			Hops:  []diagnose.PathHop{{Kind: diagnose.HopPod, Name: "````"}, {Kind: diagnose.HopPeer, Name: "<b>"}},
			Links: []diagnose.PathLink{{Kind: diagnose.LinkWire, Status: diagnose.HopBroken}},
		},
	}}
	out := render(t, "markdown", in, printer.Options{})
	for _, bad := range []string{"<img", "@everyone", "[a](", "![b]("} {
		for line := range strings.Lines(out) {
			if i := strings.Index(line, bad); i >= 0 && (i == 0 || line[i-1] != '\\') && strings.Count(line[:i], "`")%2 == 0 {
				t.Errorf("%q stands free in %q", bad, line)
			}
		}
	}
	for _, want := range []string{"```` ``` | <b> ````", "`` `tick ``", "\n````sh\necho ```\n````\n", "\n`````text\n  ```` ─✗─ <b>\n`````\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for line := range strings.Lines(out) {
		if n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); strings.HasPrefix(line, "| ") && n != 7 && n != 4 {
			t.Errorf("a row of another number of cells: %q", line)
		}
	}
}
