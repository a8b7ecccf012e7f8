package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// onTheWay reports whether a rule stands where packets from and to pods pass. What a
// bridge takes in from a pod, and sends to one, passes its input and output.
func onTheWay(d facts.Drop) bool {
	switch d.Hook {
	case "prerouting", "forward", "postrouting", "ingress", "egress", severalHooks:
		return true
	case "input", "output":
		return d.Family == "bridge"
	}
	return false
}

// backends are where what is sent to a service's ClusterIP and port may be handed to.
func backends(c *diagnose.Case, vip netip.AddrPort) []netip.AddrPort {
	var list []netip.AddrPort
	services := c.Facts.Services
	if dns := c.Facts.DNS.Service; dns != nil {
		services = append(slices.Clone(services), *dns)
	}
	for _, s := range services {
		if !slices.Contains(s.ClusterIPs, vip.Addr()) {
			continue
		}
		for _, e := range s.Endpoints {
			for _, port := range e.Ports {
				if slices.ContainsFunc(s.Ports, func(p facts.ServicePort) bool { return p.Port == vip.Port() && p.Name == port.Name }) {
					list = append(list, netip.AddrPortFrom(e.Addr.Unmap(), port.Port))
				}
			}
		}
	}
	return list
}

// listing and removal are commands for somebody on a node.
func listing(node string, d facts.Drop) string {
	switch named := plain(d.Family + d.Table + d.Chain); {
	case d.Legacy && !named:
		return fmt.Sprintf("%s-save -c   (on node %s)", d.Tool(), node)
	case !named:
		return fmt.Sprintf("nft -a list ruleset   (on node %s)", node)
	case d.Legacy:
		return fmt.Sprintf("%s -t %s -nvL %s   (on node %s)", d.Tool(), d.Table, d.Chain, node)
	}
	return fmt.Sprintf("nft -a list chain %s %s %s   (on node %s)", d.Family, d.Table, d.Chain, node)
}

func removal(node string, d facts.Drop) []string {
	switch {
	case !d.Legacy && !plain(d.Family+d.Table+d.Chain):
		return nil
	case !d.Legacy:
		return []string{fmt.Sprintf("nft delete rule %s %s %s handle %d   (on node %s, once you know whose it is)", d.Family, d.Table, d.Chain, d.Handle, node)}
	}
	if d.Match == nil || len(d.Match.Others) > 0 || strings.Contains(d.Rule, "...") || !plain(d.Table+d.Chain+d.Rule) {
		return nil // its text is not the whole of it, or would not be to a shell
	}
	return []string{fmt.Sprintf("%s -t %s -D %s %s   (on node %s, once you know whose it is)", d.Tool(), d.Table, d.Chain, d.Rule, node)}
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

// plain reports whether a shell takes every character of a text for itself, between
// double quotes and beside them.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(` -_./:,+="`, r)
	})
}

// word reports whether a text is one word to a shell, and no option of a command.
func word(text string) bool {
	return text != "" && text[0] != '-' && plain(text) && !strings.ContainsAny(text, ` "`)
}

// mostDevice is how long the name of an interface may be: IFNAMSIZ, less its end.
const mostDevice = 15

// device is the name of an interface as a command may have it: names are what a probe
// says, and what is to be typed is typed by root.
func device(name string) string {
	if len(name) > mostDevice || !word(name) {
		return "DEVICE"
	}
	return name
}
