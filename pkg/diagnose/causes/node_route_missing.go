package causes

import (
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	state := nodeState{
		check:    "node.routes",
		pairwise: true,
		headline: "node %s has no right way to pods",
		likely:   "the CNI daemon of that node does not run, or somebody flushed the routes",
		try: func(node string) []string {
			return []string{netlookNode(node), "ip route   (on node " + node + ")", "kubectl -n kube-system get pods -o wide --field-selector spec.nodeName=" + node}
		},
	}
	Registry.Add(diagnose.Cause{
		Code:    "NL-NODE-ROUTE-MISSING",
		Summary: "a node has no, or a wrong, route to a node's pods: another's or its own",
		Signal:  "The node's routing tables hold no route to a pod CIDR that the API gives to another node, or it leads elsewhere than the CNI says; or the kernel, asked what it does with a packet from a pod there (RTM_GETROUTE), refuses it, as a policy rule says. From the pod: every pod on the other node is silent or unreachable.",
		Meaning: "What pods send between the two nodes leaves by the default route, and is lost or refused there.",
		Confirm: []string{"ip route get POD-IP from OWN-POD-IP iif BRIDGE (on the node)", "ip rule (on the node)"},
		Remedy:  []string{"restart the CNI daemon on the node: it writes its routes again"},
		Source:  "flannel: pkg/backend/vxlan/vxlan_network.go",
		Deep:    true,
		Find:    state.find,
	})
}
