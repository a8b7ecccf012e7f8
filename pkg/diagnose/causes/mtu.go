package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-PATH-MTU-BLACKHOLE",
		Summary: "packets as large as the interface allows vanish without a word",
		Signal:  "Datagrams that may not be fragmented arrive up to a size below the interface's MTU; larger ones vanish, and no ICMP 'fragmentation needed' or 'packet too big' comes back.",
		Meaning: "Small requests work and large ones hang: TLS handshakes with long certificates, uploads, big answers.",
		Confirm: []string{"ping -M do -s SIZE ADDRESS", "ip link show"},
		Remedy:  []string{"set the CNI's MTU to what the underlay carries minus its overhead (VXLAN 50, IPIP 20, WireGuard 60/80, Geneve 50 and more)", "let ICMP type 3 code 4 and ICMPv6 type 2 pass"},
		Source:  "RFC 4821, RFC 8899; RFC 7348 for the VXLAN overhead",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			findings := mtuFinding(c, check.Fail, "packets over %s bytes to %s vanish, though the interface promises more",
				"a link on the way has a smaller MTU, and the ICMP that would say so is filtered or never sent")
			for i := range findings {
				if onlyWhereLost(c) {
					findings[i].Confidence = diagnose.Possible
					findings[i].Evidence = append(findings[i].Evidence, "but small packets get lost there as well, so that a few large ones in a row may be chance")
				}
			}
			return findings
		},
	})
	Registry.Add(diagnose.Cause{
		Code:    "NL-PATH-MTU-SMALL",
		Summary: "a link on the way is smaller than the pod's interface, and says so",
		Signal:  "A router on the way answers large datagrams with ICMP 'fragmentation needed' or 'packet too big', with an MTU below the interface's.",
		Meaning: "It works for who hears the ICMP, after a retransmission for each new destination. Where anything filters it, it becomes a black hole.",
		Confirm: []string{"ping -M do -s SIZE ADDRESS", "tracepath ADDRESS"},
		Remedy:  []string{"set the CNI's MTU to what the underlay carries minus its overhead"},
		Source:  "RFC 1191, RFC 8201",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			findings := mtuFinding(c, check.Warn, "the path to %[2]s carries %[1]s bytes, less than the interface promises",
				"the CNI's MTU was set, or guessed, for a larger underlay")
			return append(findings, tightUnderlays(c)...)
		},
	})
}

// onlyWhereLost reports whether large packets vanish only on ways that lose a share of the
// small ones too. In a black hole those all arrive.
func onlyWhereLost(c *diagnose.Case) bool {
	return !slices.ContainsFunc(c.Find(diagnose.Match{Check: "path.mtu", Status: []check.Status{check.Fail}, Failure: []check.Failure{check.MTU}}), func(r check.Result) bool {
		t := tallyLoss(c, r.Vantage)[c.NodeOf(r)]
		return t == nil || !t.whole()
	})
}

// tightNodes are the nodes whose tunnel promises more than the interface below it carries.
func tightNodes(c *diagnose.Case) []check.Result {
	return c.Find(diagnose.Match{Check: "node.links", Vantage: "node/", Status: []check.Status{check.Warn}, Failure: []check.Failure{check.MTU}})
}

// tightUnderlays are those nodes where no path shows it: what is sent there may pass in
// fragments, and what comes from there was not measured.
func tightUnderlays(c *diagnose.Case) []diagnose.Finding {
	if len(c.Find(diagnose.Match{Check: "path.mtu", Status: failing, Failure: []check.Failure{check.MTU}})) > 0 {
		return nil
	}
	var findings []diagnose.Finding
	for _, r := range tightNodes(c) {
		node := strings.TrimPrefix(r.Vantage, "node/")
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("node %s promises its pods larger packets than it carries: %s", node, r.Summary),
			Confidence: diagnose.Certain,
			Where:      []string{"node/" + node},
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Explains:   []string{diagnose.Key(r)},
			Likely:     "the node's interface has a smaller MTU than those of the others, or was given it after the CNI had started",
			Try:        []string{"ip link show   (on node " + node + ", and on another)"},
			Rank:       rankMeasured,
		})
	}
	return findings
}

// mtuFinding makes one finding of all measured paths of a status.
func mtuFinding(c *diagnose.Case, status check.Status, headline, likely string) []diagnose.Finding {
	results := c.Find(diagnose.Match{Check: "path.mtu", Status: []check.Status{status}, Failure: []check.Failure{check.MTU}})
	if len(results) == 0 {
		return nil
	}
	target := results[0].Target
	if node := c.NodeOf(results[0]); node != "" {
		target = "pods on node " + node
	}
	keys := diagnose.Keys(results)
	for _, r := range c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.Silent, check.Undelivered, check.Timeout, check.TLS}}) {
		// A large answer that vanished is a symptom; a connect that failed is not.
		if len(r.Attempts) > 0 && r.Lost() == len(r.Attempts) && r.Failure == check.Timeout {
			continue
		}
		for _, m := range results {
			if r.Check != "path.mtu" && r.Vantage == m.Vantage && c.NodeOf(r) == c.NodeOf(m) && c.NodeOf(r) != "" {
				keys = append(keys, diagnose.Key(r))
			}
		}
	}
	evidence := append(seenAll(results), "interface: "+value(results[0], "interface"))
	for _, r := range tightNodes(c) {
		keys = append(keys, diagnose.Key(r))
		evidence = append(evidence, seen(r))
	}
	says := "over %s bytes lost"
	if status == check.Warn {
		says = "MTU %s"
	}
	return []diagnose.Finding{{
		Spot:       diagnose.Spot{Place: diagnose.AtBetween, Says: fmt.Sprintf(says, value(results[0], "path MTU"))},
		Headline:   fmt.Sprintf(headline, value(results[0], "path MTU"), target),
		Confidence: diagnose.Certain,
		Where:      places(c, results),
		Evidence:   evidence,
		Explains:   c.Through(keys),
		Likely:     likely,
		Try:        []string{"kubectl get nodes -o custom-columns=NAME:.metadata.name,PODCIDR:.spec.podCIDR", "kubectl -n kube-system get configmaps | grep -i cni"},
		Rank:       rankPath,
	}}
}
