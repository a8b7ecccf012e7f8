package causes

import (
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	state := nodeState{
		check: "node.sysctl",
		matches: func(r check.Result) bool {
			return r.Status == check.Fail && (strings.Contains(r.Summary, "forward"))
		},
		headline: "node %s does not forward packets",
		likely:   "another program or a reboot without the sysctl file has turned forwarding off",
		try: func(node string) []string {
			return []string{netlookNode(node)}
		},
		mend: func(r check.Result) []string {
			var commands []string
			for _, e := range r.Evidence {
				if e.Value == "0" && strings.HasPrefix(e.Key, "net.") && word(e.Key) {
					commands = append(commands, "sysctl -w "+e.Key+"=1")
				}
			}
			return commands
		},
	}
	Registry.Add(diagnose.Cause{
		Code:    "NL-NODE-IP-FORWARD",
		Summary: "a node does not forward packets between its pods and the network",
		Signal:  "net.ipv4.ip_forward, an interface's forwarding, or net.ipv6.conf.all.forwarding is 0 on the node. From the pod: every pod on that node is silent, the node itself answers.",
		Meaning: "Pods of the node are cut off from all other nodes; what stays within the node works.",
		Confirm: []string{"sysctl net.ipv4.ip_forward net.ipv4.conf.all.forwarding (on the node)"},
		Remedy:  []string{"sysctl -w net.ipv4.ip_forward=1 (on the node), and a file in /etc/sysctl.d for the next boot"},
		Source:  "kernel: Documentation/networking/ip-sysctl.rst",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtNode, Says: "does not forward"},
		Find:    state.find,
	})
}
