package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-NODE-AGENT",
		Summary: "the network plugin's agent on a node is down, hangs, or is not healthy",
		Signal:  "The agent's health port (Cilium 9879, Calico 9099) on the node takes connections and does not answer, or answers that something is wrong. That nothing listens there counts where another node's agent answers, or services fail from this node alone; it may be set to another port.",
		Meaning: "What the agent has set up goes on working, and grows old: services are reached as they were when it stopped, policies stay, and new pods on the node get no network.",
		Confirm: []string{"curl -i http://127.0.0.1:9879/healthz (on the node; Calico: port 9099, /liveness)"},
		Remedy:  []string{"restart the agent's pod on that node, and read the log of the one before: kubectl -n kube-system logs POD --previous"},
		Source:  "Cilium: --agent-health-port; Calico: FELIX_HEALTHPORT",
		Deep:    true,
		Find:    findAgentDown,
	})
}

func findAgentDown(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "node.agent", Vantage: "node/", Status: failing}) {
		node := strings.TrimPrefix(r.Vantage, "node/")
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("the agent of the network plugin on node %s does not do its work", node),
			Confidence: diagnose.Certain,
			Where:      []string{"node/" + node},
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Explains:   []string{diagnose.Key(r)},
			Likely:     "it has crashed, hangs, or cannot reach the API server",
			Try:        []string{"kubectl get pods -A -o wide --field-selector spec.nodeName=" + node, netlookNode(node)},
			Rank:       rankMeasured,
		}
		if plugin := c.Facts.Network.Plugin; plugin != "" {
			f.Headline = fmt.Sprintf("%s's agent on node %s does not do its work", plugin, node)
		}
		// Services are its business where it leads packets past kube-proxy's rules.
		if node == c.Home() && tracksPast(c, node) {
			for _, t := range append(vipTroubles(c), coreTroubles(c)...) {
				f.Evidence = append(f.Evidence, t.evidence()...)
				f.Explains = append(f.Explains, t.keys()...)
			}
			f.Explains = append(f.Explains, staleFlows(c, node)...)
		}
		if r.Failure == check.Refused {
			f.Confidence = diagnose.Likely
			others := c.Find(diagnose.Match{Check: "node.agent", Vantage: "node/", Status: []check.Status{check.Pass}})
			if len(others) == 0 && len(f.Explains) == 1 {
				continue // this cluster's agents may be set to another port, all of them
			}
		}
		findings = append(findings, f)
	}
	return findings
}

// agentDown reports whether the agent that hands services over on a node is down.
func agentDown(c *diagnose.Case, node string) bool {
	for _, r := range c.Find(diagnose.Match{Check: "node.agent", Vantage: "node/", Status: failing}) {
		if r.Vantage == "node/"+node && tracksPast(c, node) {
			return true
		}
	}
	return false
}
