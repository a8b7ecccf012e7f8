package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// limits are the differences between two runs themselves: what changed may be due to them.
func limits(old, now *Report) []string {
	var list []string
	differ := func(what, before, after string) {
		if before != after {
			list = append(list, fmt.Sprintf("%s: %s before, %s now", what, cmp.Or(before, "none"), cmp.Or(after, "none")))
		}
	}
	differ("another cluster (context)", old.Metadata.Context, now.Metadata.Context)
	if old.Metadata.Target != old.Vantage.String() || now.Metadata.Target != now.Vantage.String() {
		differ("another target", old.Metadata.Target, now.Metadata.Target)
	}
	differ("looked from another place", old.Vantage.String(), now.Vantage.String())
	differ("on another node", old.Vantage.Node, now.Vantage.Node)
	differ("another rung", string(old.Vantage.Rung), string(now.Vantage.Rung))
	if old.Vantage.Rung == now.Vantage.Rung {
		differ("another profile", old.Vantage.Profile, now.Vantage.Profile)
	}
	differ("other targets (--to)", joined(old.Metadata.To), joined(now.Metadata.To))
	differ("nodes looked into (--deep)", joined(old.nodes()), joined(now.nodes()))
	differ("another version of netlook", old.Metadata.Tool.Version, now.Metadata.Tool.Version)
	if old.Summary.Status == Incomplete {
		list = append(list, "the baseline is incomplete")
	}
	if now.Summary.Status == Incomplete {
		list = append(list, "this run is incomplete")
	}
	if old.Metadata.StartedAt.After(now.Metadata.StartedAt) {
		list = append(list, "the baseline is the later of the two: what is new here was there first")
	}
	return list
}

func joined(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// nodes are those that were looked into beside the vantage point.
func (r *Report) nodes() []string {
	var nodes []string
	self := r.Vantage.String()
	for _, res := range r.Results {
		if node, ok := strings.CutPrefix(res.Vantage, "node/"); ok && res.Vantage != self && !slices.Contains(nodes, node) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}
