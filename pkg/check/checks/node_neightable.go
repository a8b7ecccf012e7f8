package checks

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// neighboursWarn is the fill of a neighbour table, in percent of gc_thresh3, at which a
// result turns.
const neighboursWarn = 90

func init() {
	Registry.Add(check.Define(check.Spec[nodeParams]{
		ID:      "node.neightable",
		Area:    "node",
		Summary: "reads the node's neighbours (ARP, NDP), and whether their tables have room",
		Plan:    planNode("neighbour table"),
		Run: func(context.Context, check.Task, nodeParams) check.Result {
			neighbours, err := netsys.Neighbours()
			if err != nil {
				return check.Errorf("%v", err)
			}
			routes, err := netsys.Routes()
			if err != nil {
				return check.Errorf("%v", err)
			}
			k := facts.Kernel{
				Neighbours: neighbours,
				// To tell which of the neighbours are gateways.
				Routes:  slices.DeleteFunc(routes, func(r facts.Route) bool { return r.Dst != "default" || r.Type != "unicast" }),
				Sysctls: netsys.SystemSysctls("net/ipv4/neigh/default/gc_thresh3", "net/ipv6/neigh/default/gc_thresh3"),
			}
			return judgeNeighbourTable(k, machineEntries("arp_cache"), machineEntries("ndisc_cache"))
		},
	}))
}

// judgeNeighbourTable is pure: neighbours against the limit of their family. The tables
// are the machine's, with the entries of all its network namespaces, so arp and ndisc,
// those tables' sizes, count where they can be read (0 where not). Permanent entries
// are not part of what the limit is for (net/core/neighbour.c, neigh_alloc, since 5.0).
func judgeNeighbourTable(k facts.Kernel, arp, ndisc int) check.Result {
	r := check.Result{Status: check.Pass, Kernel: &k}
	own, permanent, unresolved := map[string]int{}, map[string]int{}, 0
	for _, n := range k.Neighbours {
		family := netsys.IPv4
		if strings.Contains(n.IP, ":") {
			family = netsys.IPv6
		}
		own[family]++
		switch n.State {
		case "permanent":
			permanent[family]++
		case "failed", "incomplete":
			unresolved++
			if unresolved <= maxDifferences {
				r.With(n.IP, "%s on %s", n.State, n.Dev)
			}
		}
	}
	var full []string
	for family, machine := range map[string]int{netsys.IPv4: arp, netsys.IPv6: ndisc} {
		limit := sysctlNumber(k.Sysctls, "net."+family+".neigh.default.gc_thresh3")
		used := max(own[family], machine) - permanent[family]
		if limit > 0 && used*100 >= limit*neighboursWarn {
			full = append(full, fmt.Sprintf("%d of %d %s neighbours", used, limit, family))
		}
	}
	r.Summary = fmt.Sprintf("%d neighbours, %d of them do not resolve", len(k.Neighbours), unresolved)
	if len(full) > 0 {
		r.Status, r.Failure, r.Summary = check.Warn, check.Config, "the neighbour table is nearly full: "+fewOf(full)
		r.Meaning = "when it is full, packets to hosts that are not in it are dropped; net.*.neigh.default.gc_thresh3 is the limit"
	}
	return r
}

func sysctlNumber(list []facts.Sysctl, name string) int {
	for _, s := range list {
		if s.Name == name {
			n, _ := strconv.Atoi(s.Value)
			return n
		}
	}
	return 0
}

// machineEntries is the first column, hexadecimal, of a neighbour table's statistics
// (/proc/net/stat, which the machine's first network namespace alone has); 0 when that
// cannot be read.
func machineEntries(table string) int {
	text, err := readBounded(netsys.ProcNet + "/stat/" + table)
	if err != nil {
		return 0
	}
	lines := strings.SplitN(string(text), "\n", 3)
	if len(lines) < 2 {
		return 0
	}
	first, _, _ := strings.Cut(strings.TrimSpace(lines[1]), " ")
	entries, _ := strconv.ParseInt(first, 16, 32)
	return int(entries)
}
