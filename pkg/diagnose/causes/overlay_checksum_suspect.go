package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// checksumSuspects are what the shallow rung can say of damaged checksums: they are one
// of few reasons where pings arrive and nothing else does (a rule that lets only pings
// pass is another), and one of many where nothing at all arrives.
func checksumSuspects(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, vantage := range vantages(c) {
		p, found := onlyPings(c, vantage)
		if !found || c.Deep(p.home) {
			continue
		}
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("from node %s pods on other nodes answer pings and nothing else: packets may arrive with wrong checksums", p.home),
			Confidence: diagnose.Possible, // pings are the only ones of which the kernel itself always fills them in
			Where:      p.where(),
			Evidence:   p.evidence(),
			Explains:   append(slices.Clone(p.keys), namesLost(c, p.keys)...),
			Likely:     "a bug in the kernel, or in the driver of the interface that fills in the checksums of encapsulated packets",
			Try:        []string{netlookNode(p.home) + " --deep", "ethtool -k TUNNEL-DEVICE | grep tx-checksum   (on node " + p.home + ")"},
			Rank:       rankNode,
		})
	}
	for _, h := range c.Hops() {
		if c.Deep(h.From) && c.Deep(h.To) {
			continue // what arrives there was counted
		}
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("packets between nodes %s and %s may arrive with wrong checksums", h.From, h.To),
			Confidence: diagnose.Possible,
			Where:      []string{"node/" + h.From, "node/" + h.To},
			Evidence:   dark(h),
			Explains:   c.Through(h.Keys),
			Try:        []string{netlookNode(h.From), netlookNode(h.To)},
			Rank:       rankNode,
		})
	}
	return findings
}
