package causes

import (
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestTCDropUnknownPlugin: what is attached to a pod's interface may be the plugin's own way
// of enforcing policies, where the plugin is not known: AWS's agent attaches handle_egress.
func TestTCDropUnknownPlugin(t *testing.T) {
	at := func(dev, hook string) facts.Attached {
		return pods(countedBy(program(dev, hook, "ingress", "handle_egress"), "qdisc clsact of "+dev), "10.2.0.3")
	}
	silent := at("vetha", facts.TCX)
	silent.Packets = nil
	for name, tt := range map[string]struct {
		plugin string
		a      facts.Attached
		want   diagnose.Confidence
	}{
		"flannel attaches none": {"flannel", at("vetha", facts.TC), diagnose.Certain},
		"not known":             {"", at("vetha", facts.TC), diagnose.Possible},
		"not known, no counter": {"", silent, diagnose.Possible},
		"none of a pod's":       {"", at("flannel.1", facts.TC), diagnose.Certain},
	} {
		w := tcWorld(tt.plugin, tt.a).came("b", 6)
		if tt.a.Dev == "vetha" {
			w.sent("b")
		}
		found := findTCDrop(w.tcCase(map[string]uint64{tt.a.Counter(): 9, "dev.vetha.rxPackets": 20}))
		if len(found) != 1 || found[0].Confidence != tt.want {
			t.Errorf("%s: want %s, got %+v", name, tt.want, found)
			continue
		}
		if removes := slices.ContainsFunc(found[0].Try, func(command string) bool { return strings.Contains(command, " del ") }); removes != (tt.want == diagnose.Certain) {
			t.Errorf("%s: try %q", name, found[0].Try)
		}
	}
}

// TestTCDropNamedByQdisc: a filter that names what fails is not certain by a count that is
// another's as well.
func TestTCDropNamedByQdisc(t *testing.T) {
	drop := countedBy(redirect("flannel.1", facts.Match{Family: "ip", Dst: "10.2.0.3/32"}), "qdisc clsact of flannel.1")
	beside := countedBy(program("flannel.1", facts.TC, "egress", "guard"), drop.CountedBy)
	for want, attached := range map[diagnose.Confidence][]facts.Attached{diagnose.Certain: {drop}, diagnose.Likely: {drop, beside}} {
		found := slices.DeleteFunc(findTCDrop(tcWorld("flannel", attached...).came("b", 6).tcCase(map[string]uint64{drop.Counter(): 9})), func(f diagnose.Finding) bool {
			return !strings.Contains(f.Headline, "redirects")
		})
		if len(found) != 1 || found[0].Confidence != want {
			t.Errorf("want %s, got %+v", want, found)
		}
	}
}

// TestTCDropSilentUnknownPlugin: the same of a program at the vantage pod's interface, which
// counts nothing.
func TestTCDropSilentUnknownPlugin(t *testing.T) {
	for plugin, want := range map[string]diagnose.Confidence{"flannel": diagnose.Likely, "": diagnose.Possible} {
		w := newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.2").deep().bridge(false).tracks("a").
			flows("a", [2]string{"10.2.0.2:8080"}).attach("a", program("vethx", facts.TCX, "ingress", "handle_ingress"))
		w.facts.Network.Plugin = plugin
		c := diagnose.NewCase(&w.facts, w.results)
		c.Moved = moved{"a": {"dev.vethx.rxPackets": 20}}
		if found := findTCDrop(c); len(found) != 1 || found[0].Confidence != want {
			t.Errorf("%q: want %s, got %+v", plugin, want, found)
		}
	}
}
