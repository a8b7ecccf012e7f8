package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-NODE-NOT-READY",
		Summary: "a node that holds targets is not ready",
		Signal:  "The node's Ready condition is False or Unknown in the API.",
		Meaning: "Its pods leave the endpoints after a while; until then connections to them may hang. Nothing new is scheduled there.",
		Confirm: []string{"kubectl describe node NODE", "journalctl -u kubelet (on the node)"},
		Remedy:  []string{"start the kubelet and its container runtime again; drain the node if it stays so"},
		Source:  "https://kubernetes.io/docs/reference/node/node-status/",
		Spot:    diagnose.Spot{Place: diagnose.AtNode, Says: "not ready"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "state.node", Status: []check.Status{check.Fail}}) {
				node := name(r.Object)
				keys := append(diagnose.Keys([]check.Result{r}), c.Crossing(node, "")...)
				for _, id := range []string{"service.ready", "state.dns", "state.pod"} {
					for _, s := range c.Find(diagnose.Match{Check: id, Status: failing, Failure: []check.Failure{check.NotReady}}) {
						if onNode(c, s, node) {
							keys = append(keys, diagnose.Key(s))
						}
					}
				}
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("node %s is not ready", node),
					Confidence: diagnose.Certain,
					Where:      []string{"node/" + node},
					Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
					Explains:   keys,
					Likely:     "its kubelet has stopped or cannot reach the API server",
					Try:        []string{"kubectl describe node " + node},
					Rank:       rankNode,
				})
			}
			return findings
		},
	})
}

// onNode reports whether what a result says is not ready is on a node: a pod of it,
// or endpoints of a service, all that are not ready.
func onNode(c *diagnose.Case, r check.Result, node string) bool {
	if s := c.Service(r.Subject); s != nil {
		for _, e := range s.Endpoints {
			if !e.Ready && e.Node != node {
				return false
			}
		}
		return true
	}
	return value(r, "node") == node
}
