package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// nodeState describes a cause that sits in a node's kernel: one check of the node
// rung reads it, and without that rung it can only be suspected where the way between
// two nodes is dark.
type nodeState struct {
	// check reads the state; a result of it that is bad and matches is the cause.
	check   string
	matches func(check.Result) bool
	// headline takes the node's name.
	headline string
	// pairwise: the result's evidence names the nodes it concerns, the own one for
	// its own pods; else all that crosses the node is explained.
	pairwise bool
	// own: also what looks from the node at pods of its own is explained.
	own    bool
	likely string
	try    func(node string) []string
	// mend, where set, are commands that put right what the result shows.
	mend func(r check.Result) []string
}

// find is the Find of such a cause.
func (s nodeState) find(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: s.check, Vantage: "node/", Status: failing}) {
		if s.matches != nil && !s.matches(r) {
			continue
		}
		node := strings.TrimPrefix(r.Vantage, "node/")
		keys := []string{diagnose.Key(r)}
		if s.pairwise {
			for _, e := range r.Evidence {
				if e.Key == node { // its own pods: they reach each other at most
					keys = append(keys, c.Crossing(node, "")...)
					keys = append(keys, within(c, node)...)
					if node == c.Home() {
						keys = append(keys, beyond(c, node)...)
					}
					continue
				}
				keys = append(keys, c.Crossing(node, e.Key)...)
			}
		} else {
			keys = append(keys, c.Crossing(node, "")...)
		}
		if s.own {
			keys = append(keys, within(c, node)...)
		}
		try := s.try(node)
		if s.mend != nil {
			for _, command := range s.mend(r) {
				try = append(try, command+"   (on node "+node+")")
			}
		}
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf(s.headline, node) + ": " + r.Summary,
			Confidence: diagnose.Certain,
			Where:      []string{"node/" + node},
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Explains:   keys,
			Likely:     s.likely,
			Try:        try,
			Rank:       rankMeasured,
		})
	}
	if vantage := c.Facts.Vantage.String(); s.own && c.CutOff(vantage) && c.Home() != "" && !c.Deep(c.Home()) {
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf(s.headline, c.Home()),
			Confidence: diagnose.Possible,
			Where:      []string{"node/" + c.Home()},
			Evidence:   []string{"nobody answers " + vantage + ": no pod on any node, no API server"},
			Explains:   everything(c, vantage),
			Try:        s.try(c.Home()),
			Rank:       rankNode,
		})
	}
	for _, h := range c.Hops() {
		for _, node := range []string{h.From, h.To} {
			if c.Deep(node) {
				continue // it was read there, and is in order
			}
			findings = append(findings, diagnose.Finding{
				Headline:   fmt.Sprintf(s.headline, node),
				Confidence: diagnose.Possible,
				Where:      []string{"node/" + node},
				Evidence:   dark(h),
				Explains:   c.Through(h.Keys),
				Try:        s.try(node),
				Rank:       rankNode,
			})
		}
	}
	return findings
}

// dark is a way between nodes that gives no answer, as lines of evidence.
func dark(h diagnose.Hop) []string {
	var addrs []string
	for _, p := range h.Dark {
		addrs = append(addrs, p.Addr.String())
	}
	slices.Sort(addrs)
	addrs = slices.Compact(addrs)
	lines := []string{fmt.Sprintf("from node %s no pod on node %s answers: %s", h.From, h.To, strings.Join(addrs[:min(len(addrs), mostPlaces)], ", "))}
	if h.Elsewhere > 0 {
		lines = append(lines, answerElsewhere(h.Elsewhere))
	}
	return lines
}

// within are the bad results of a vantage point on node that look at pods of the same
// node, and at its gateway.
func within(c *diagnose.Case, node string) []string {
	var keys []string
	for _, r := range c.Results {
		if !diagnose.Bad(r) || r.Vantage == check.VantageAPI || strings.HasPrefix(r.Check, "node.") {
			continue
		}
		home := strings.TrimPrefix(r.Vantage, "node/")
		if home == r.Vantage {
			home = c.Home()
		}
		if home == node && (c.NodeOf(r) == node || strings.HasPrefix(r.Check, "gateway.")) {
			keys = append(keys, diagnose.Key(r))
		}
	}
	return c.Through(keys)
}

// everything are all bad results of one vantage point.
func everything(c *diagnose.Case, vantage string) []string {
	var keys []string
	for _, r := range c.Find(diagnose.Match{Vantage: vantage, Status: failing}) {
		if r.Vantage == vantage && !strings.HasPrefix(r.Check, "node.") {
			keys = append(keys, diagnose.Key(r))
		}
	}
	return keys
}

// beyond are the bad results of the vantage pod, on node, but for those about pods of
// the same node.
func beyond(c *diagnose.Case, node string) []string {
	return slices.DeleteFunc(everything(c, c.Facts.Vantage.String()), func(key string) bool {
		r, _ := c.Get(key)
		return c.NodeOf(r) == node
	})
}
