package causes

import (
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	state := nodeState{
		check:    "node.fdb",
		pairwise: true,
		headline: "node %s does not know behind which address another node's tunnel end is",
		likely:   "the CNI daemon missed an event of that node, or somebody flushed the table",
		try: func(node string) []string {
			return []string{netlookNode(node), "bridge fdb show   (on node " + node + ")"}
		},
	}
	Registry.Add(diagnose.Cause{
		Code:    "NL-OVERLAY-FDB",
		Summary: "the forwarding entry of another node's VXLAN tunnel end is missing or wrong",
		Signal:  "The VXLAN device's forwarding table has no entry for the MAC that the other node announces, or one that points to another address.",
		Meaning: "Packets to that node's pods are dropped in the tunnel device, or go to the wrong node.",
		Confirm: []string{"bridge fdb show dev VXLAN-DEVICE (on the node)"},
		Remedy:  []string{"bridge fdb append MAC dev VXLAN-DEVICE dst NODE-IP self permanent (on the node)", "restart the CNI daemon on the node"},
		Source:  "flannel: pkg/backend/vxlan; bridge(8)",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtOverlay, Says: "no FDB entry"},
		Find:    state.find,
	})
}
