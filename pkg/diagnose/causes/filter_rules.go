package causes

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// onTheWay reports whether a rule stands where packets from and to pods pass.
func onTheWay(d facts.Drop) bool {
	switch d.Hook {
	case "prerouting", "forward", "postrouting", "ingress", "egress", severalHooks:
		return d.Family != "bridge"
	}
	return false
}

const severalHooks = "several"

// cameOut reports whether what the vantage pod sent came out of it: the node's end of
// its link received at least as many packets as there were connections.
func cameOut(c *diagnose.Case) bool {
	port, found := ownPort(c)
	if !found {
		return false
	}
	flows := len(flowsAt(c, c.Home()))
	return flows > 0 && c.Moved[c.Home()]["dev."+port.Name+".rxPackets"] >= uint64(flows)
}

// proxysOwn reports whether a rule is kube-proxy's or the kubelet's (pkg/proxy/iptables,
// pkg/kubelet/kubelet_network_linux.go of kubernetes). Policy engines use names that begin
// alike: kube-router's KUBE-POD-FW-... and KUBE-NWPLCY-... are not among them.
func proxysOwn(d facts.Drop) bool {
	if d.Table == "kube-proxy" {
		return true
	}
	rest, kube := strings.CutPrefix(d.Chain, "KUBE-")
	return kube && slices.ContainsFunc([]string{
		"SERVICES", "EXTERNAL-SERVICES", "NODEPORTS", "NODE-PORT", "FORWARD", "FIREWALL", "PROXY-", "KUBELET-", "MARK-",
		"POSTROUTING", "SVC-", "SEP-", "SVL-", "EXT-", "FW-", "XLB-", "IPVS-", "SOURCE-RANGES-",
	}, func(known string) bool { return strings.HasPrefix(rest, known) })
}

// policyChain reports whether a chain is one that a policy engine writes NetworkPolicies
// into: kube-router and k3s, Calico, Weave, Antrea.
func policyChain(chain string) bool {
	return slices.ContainsFunc([]string{"KUBE-POD-FW-", "KUBE-NWPLCY-", "KUBE-ROUTER-", "cali-", "WEAVE-NPC", "ANTREA-"}, func(known string) bool {
		return strings.HasPrefix(chain, known)
	})
}

// atHost keeps what was to go to a node's own addresses: what goes to pods does not pass
// its input and output.
func atHost(c *diagnose.Case, node string, stopped []netip.AddrPort) []netip.AddrPort {
	return slices.DeleteFunc(slices.Clone(stopped), func(at netip.AddrPort) bool {
		return c.HostOfAddr(at.Addr()) != node
	})
}

// tunnelRules are the rules of a node's input or output that dropped something while the
// failing checks were repeated, as lines of evidence: what goes through a tunnel passes
// there.
func tunnelRules(c *diagnose.Case, node string) []string {
	var lines []string
	for _, d := range dropsAt(c, node) {
		if n := c.Moved[node][d.Counter()]; n >= minDropped && !onTheWay(d) && !proxysOwn(d) {
			lines = append(lines, "node "+node+": "+d.Name()+" dropped "+strconv.FormatUint(n, 10)+" packets meanwhile")
		}
	}
	return lines
}
