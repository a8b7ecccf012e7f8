package printer_test

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

// TestPathInText: the drawing fits, keeps its order, and says where it breaks in every
// form: drawn, coloured, and as a list without drawing.
func TestPathInText(t *testing.T) {
	for _, width := range []int{40, 60, 80, 120, 0} {
		out := render(t, "table", deep(), printer.Options{Width: width})
		at := -1
		for _, name := range []string{"checkout-7d9f ─", "vethc3a1", "cni0", "flannel.1", "w1:eth0", "✗══", "w2:eth0", "flannel.1", "payments-x2x9f"} {
			i := strings.Index(out[at+1:], name)
			if i < 0 {
				t.Fatalf("width %d: no %q behind what stands before it:\n%s", width, name, out)
			}
			at += 1 + i
		}
		if !strings.Contains(out, "UDP 8472 lost") {
			t.Errorf("width %d: what is lost is not said", width)
		}
	}
	if out := render(t, "table", deep(), printer.Options{Width: 80, Color: true}); !strings.Contains(out, "\x1b[31m══════✗══════\x1b[0m") {
		t.Error("the broken link is not red")
	}
	plain := render(t, "plain", deep(), printer.Options{Width: 80})
	for _, want := range []string{"path: 1. pod checkout-7d9f on node w1: ok\n", "path: 7. between w1:eth0 and w2:eth0: BROKEN, UDP 8472 lost\n", "8. underlay eth0 on node w2, MTU 1500: not known\n"} {
		if !strings.Contains(plain, want) {
			t.Errorf("no %q in\n%s", want, plain)
		}
	}
}

// TestPathOfOtherMakers: a report read from a file may have a path that makes no sense.
func TestPathOfOtherMakers(t *testing.T) {
	in := deep()
	in.Verdict.Causes[0].Path.Links = nil
	for _, format := range []string{"table", "plain", "html"} {
		if out := render(t, format, in, printer.Options{Width: 80}); !strings.Contains(out, "NL-OVERLAY-BLOCKED") {
			t.Errorf("%s says nothing", format)
		}
	}
}
