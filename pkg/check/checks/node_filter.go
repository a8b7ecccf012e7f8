package checks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// maxDropsShown is how many rules are told one by one.
const maxDropsShown = 20

func init() {
	Registry.Add(check.Define(check.Spec[filterParams]{
		ID:      "node.filter",
		Area:    "node",
		Summary: "reads the packet filter rules that drop or reject, and which backends hold rules (iptables-legacy beside nftables is a warning)",
		Plan:    planFilter,
		Run: func(_ context.Context, _ check.Task, p filterParams) check.Result {
			var f filters
			f.drops, f.err = netsys.FilterDrops(p.About)
			f.legacy, f.legacyErr = netsys.LegacyDrops()
			return judgeFilter(f)
		},
	}))
}

// filterParams are the addresses that are looked for in sets: what else a set holds is
// nobody's business, and may be very much.
type filterParams struct {
	About []netip.Addr `json:"about,omitempty"`
}

func planFilter(f *facts.Facts) []check.Planned[filterParams] {
	p, ok := nodeFacts(f)
	if !ok {
		return nil
	}
	return []check.Planned[filterParams]{{Label: nodeTask("packet filter", p).Label, Params: filterParams{About: f.Ends()}}}
}

// filters are what both packet filters of a kernel hold, and what could not be read.
type filters struct {
	drops     []facts.Drop // of nftables
	err       error
	legacy    netsys.LegacyFilter
	legacyErr error
}

// countedDrops are the rules of both, for their counters.
func countedDrops() []facts.Drop {
	var f filters
	f.drops, f.err = netsys.CountedDrops()
	f.legacy, f.legacyErr = netsys.LegacyDrops()
	return f.all()
}

// all are the rules of both.
func (f filters) all() []facts.Drop { return slices.Concat(f.legacy.Drops, f.drops) }

// judgeFilter is pure. That rules drop is what they are there for: only packets of ours
// that they drop are a trouble, which their counters tell.
func judgeFilter(f filters) check.Result {
	var r check.Result
	drops, tables := f.all(), dial.Clean(strings.Join(f.legacy.Tables, ", "), 100)
	both := len(f.legacy.Tables)+len(f.legacy.Drops) > 0 && len(f.drops) > 0
	switch {
	case errors.Is(f.err, netsys.ErrUnsupported), errors.Is(f.err, fs.ErrPermission):
		r = check.Skipf("--profile netadmin", "the packet filter's rules cannot be read: it takes NET_ADMIN")
	case f.err != nil:
		return check.Errorf("%v", f.err)
	case both:
		r = check.Result{Status: check.Warn, Summary: fmt.Sprintf("rules in nftables and in iptables-legacy (%s) at once", cmp.Or(tables, "policies"))}
		r.Meaning = "a packet passes both: rules that one tool does not show may drop it"
	default:
		r = check.Result{Status: check.Pass, Summary: fmt.Sprintf("%d rules and policies drop or reject", len(drops))}
	}
	if tables != "" {
		r.With("iptables-legacy", "tables %s", tables)
	}
	if f.legacyErr != nil && r.Status != check.Skipped {
		r.With("iptables-legacy", "cannot be read: %s", dial.Clean(f.legacyErr.Error(), 200))
	}
	for i, d := range drops {
		if i == maxDropsShown {
			r.With("and more", "%d", len(drops)-i)
			break
		}
		r.With(dial.Clean(d.Name(), 120), "%s", dropText(d))
	}
	r.Kernel = &facts.Kernel{Drops: drops}
	return r
}

func dropText(d facts.Drop) string {
	text := d.Verdict
	if d.Hook != "" {
		text += " in " + d.Hook
	}
	if asks := d.Match.String(); asks != "" && !d.Legacy { // whose name says it
		text += ", " + dial.Clean(asks, 160)
	}
	if d.Packets != nil {
		text += fmt.Sprintf(", %d packets", *d.Packets)
	}
	return text
}
