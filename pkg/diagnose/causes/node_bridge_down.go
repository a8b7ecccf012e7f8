package causes

import (
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	state := nodeState{
		check: "node.links",
		matches: func(r check.Result) bool {
			return r.Status == check.Fail && strings.Contains(r.Summary, "down") || strings.Contains(r.Summary, "no vxlan device")
		},
		own:      true,
		headline: "an interface that carries pods is down on node %s",
		likely:   "somebody or something on the node has taken it down, or the CNI daemon could not make it",
		try: func(node string) []string {
			return []string{netlookNode(node), "ip link show   (on node " + node + ")"}
		},
	}
	Registry.Add(diagnose.Cause{
		Code:    "NL-NODE-BRIDGE-DOWN",
		Summary: "the bridge or tunnel device that carries a node's pods is down",
		Signal:  "An interface with an address out of the node's pod CIDR, or the CNI's tunnel device, is not up.",
		Meaning: "Pods of the node lose their gateway, each other, or the other nodes.",
		Confirm: []string{"ip link show (on the node)"},
		Remedy:  []string{"ip link set DEVICE up (on the node), then restart the CNI daemon: routes went with the link"},
		Source:  "ip-link(8)",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtBridge, Says: "down"},
		Find:    state.find,
	})
}
