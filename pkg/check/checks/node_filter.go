package checks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	Registry.Add(check.Define(check.Spec[nodeParams]{
		ID:      "node.filter",
		Area:    "node",
		Summary: "reads the packet filter rules that drop or reject, and which backends hold rules (iptables-legacy beside nftables is a warning)",
		Plan:    planNode("packet filter"),
		Run: func(context.Context, check.Task, nodeParams) check.Result {
			drops, err := netsys.FilterDrops()
			return judgeFilter(drops, err, legacyTables())
		},
	}))
}

// legacyTables are the tables of the old iptables that exist here ("filter", "nat").
func legacyTables() []string {
	var tables []string
	for _, file := range []string{"ip_tables_names", "ip6_tables_names"} {
		text, err := os.ReadFile(netsys.ProcNet + "/" + file)
		if err != nil {
			continue
		}
		for name := range strings.FieldsSeq(string(text)) {
			if !slices.Contains(tables, name) && len(tables) < maxDropsShown {
				tables = append(tables, name)
			}
		}
	}
	slices.Sort(tables)
	return tables
}

// judgeFilter is pure. That rules drop is what they are there for: only packets of ours
// that they drop are a trouble, which their counters tell.
func judgeFilter(drops []facts.Drop, err error, legacy []string) check.Result {
	var r check.Result
	switch {
	case errors.Is(err, netsys.ErrUnsupported), errors.Is(err, fs.ErrPermission):
		r = check.Skipf("--profile netadmin", "the packet filter's rules cannot be read: it takes NET_ADMIN")
	case err != nil:
		return check.Errorf("%v", err)
	case len(legacy) > 0 && len(drops) > 0:
		r = check.Result{Status: check.Warn, Summary: fmt.Sprintf("rules in nftables and in iptables-legacy (%s) at once", strings.Join(legacy, ", "))}
		r.Meaning = "a packet passes both: rules that one tool does not show may drop it"
	default:
		r = check.Result{Status: check.Pass, Summary: fmt.Sprintf("%d rules and policies drop or reject", len(drops))}
	}
	if len(legacy) > 0 {
		r.With("iptables-legacy", "tables %s; their rules are not read", dial.Clean(strings.Join(legacy, ", "), 100))
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
	if d.Packets != nil {
		text += fmt.Sprintf(", %d packets", *d.Packets)
	}
	return text
}
