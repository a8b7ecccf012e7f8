package causes

import (
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	state := nodeState{
		check:    "node.neigh",
		pairwise: true,
		headline: "node %s does not know the hardware address of another node's tunnel end",
		likely:   "the CNI daemon missed an event of that node, or somebody flushed the table",
		try: func(node string) []string {
			return []string{netlookNode(node), "ip neigh show   (on node " + node + ")"}
		},
	}
	Registry.Add(diagnose.Cause{
		Code:    "NL-OVERLAY-NEIGH",
		Summary: "the neighbour entry of another node's VXLAN tunnel end is missing or wrong",
		Signal:  "The neighbour table of the VXLAN device has no entry, or a wrong one, for the address that routes to the other node's pods go through; nobody answers ARP there.",
		Meaning: "Packets to that node's pods wait for an address that never comes, and are dropped.",
		Confirm: []string{"ip neigh show dev VXLAN-DEVICE (on the node)"},
		Remedy:  []string{"ip neigh replace VTEP-IP lladdr MAC dev VXLAN-DEVICE nud permanent (on the node)", "restart the CNI daemon on the node"},
		Source:  "flannel: pkg/backend/vxlan; ip-neighbour(8)",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtOverlay, Says: "no neighbour"},
		Find:    state.find,
	})
}
