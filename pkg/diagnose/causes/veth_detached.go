package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-VETH-DETACHED",
		Summary: "a pod's veth is not attached to its node's bridge",
		Signal:  "A pod answers nothing at all while others on its node do; on the node a veth has no master although its siblings are ports of the pods' bridge.",
		Meaning: "The pod is cut off from everything, and looks ready to Kubernetes where its probes run inside it.",
		Confirm: []string{"ip -d link show type veth (on the node): no 'master'"},
		Remedy:  []string{"ip link set VETH master BRIDGE (on the node)", "kubectl -n NAMESPACE delete pod POD"},
		Source:  "ip-link(8)",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtVeth, Says: "detached"},
		Find:    findVethDetached,
	})
}

func findVethDetached(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "node.bridge", Vantage: "node/", Status: failing}) {
		node := strings.TrimPrefix(r.Vantage, "node/")
		keys := []string{diagnose.Key(r)}
		for _, p := range c.Peers() {
			if p.Node == node && p.Dark() {
				keys = append(keys, c.Through(p.Keys)...)
			}
		}
		if port, found := ownPort(c); found && node == c.Home() && port.Master == "" {
			keys = append(keys, everything(c, c.Facts.Vantage.String())...)
		}
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("on node %s %s", node, r.Summary),
			Confidence: diagnose.Certain,
			Where:      []string{"node/" + node},
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Explains:   keys,
			Likely:     "something on the node has detached it, or the CNI plugin was interrupted",
			Try:        []string{"ip -d link show type veth   (on node " + node + ")"},
			Rank:       rankMeasured,
		})
	}
	if plugin := facts.PluginNamed(c.Facts.Network.Plugin); plugin != nil && plugin.Bridgeless {
		return findings // there is no bridge to be cut off from
	}
	for _, p := range c.Peers() {
		if !p.Dark() || p.Node == "" || c.Deep(p.Node) || darkNode(c, p) || c.CutOffFrom(p.Vantage, p.Addr) {
			continue
		}
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("%s is cut off from node %s", orAddr(p), p.Node),
			Confidence: diagnose.Possible,
			Where:      []string{orAddr(p), "node/" + p.Node},
			Evidence:   []string{fmt.Sprintf("nothing comes back from %s, whatever is sent", p.Addr)},
			Explains:   c.Through(p.Keys),
			Try:        []string{netlookNode(p.Node)},
			Rank:       rankPod,
		})
	}
	if own := ownCut(c); len(own) > 0 && !c.Deep(c.Home()) {
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("%s is cut off from its node", c.Facts.Vantage),
			Confidence: diagnose.Possible,
			Where:      []string{c.Facts.Vantage.String(), "node/" + c.Home()},
			Evidence:   []string{"nobody answers it: no pod on any node, no API server"},
			Explains:   own,
			Try:        []string{netlookNode(c.Home())},
			Rank:       rankPod,
		})
	}
	return findings
}

// ownCut are the bad results of a vantage pod that gets no answer from anybody; nil
// when somebody answers.
func ownCut(c *diagnose.Case) []string {
	vantage := c.Facts.Vantage.String()
	if !strings.HasPrefix(vantage, "pod/") || !c.CutOff(vantage) {
		return nil
	}
	return everything(c, vantage)
}

// darkNode reports whether a peer is dark with its whole node.
func darkNode(c *diagnose.Case, p diagnose.Peer) bool {
	for _, h := range c.Hops() {
		if h.To == p.Node && len(h.Dark) > 1 {
			return true
		}
	}
	return false
}

func orAddr(p diagnose.Peer) string {
	if p.Object != "" {
		return p.Object
	}
	return p.Addr.String()
}
