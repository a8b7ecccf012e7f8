package causes

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// arpNever is the value of arp_ignore with which the kernel answers no ARP request at all
// (Documentation/networking/ip-sysctl.rst).
const arpNever = "8"

// muteGateway is a gateway that is where it should be, a link of the pod's own node by name
// of holder, behind which nothing is wrong with the pod's link; and nobody tells the pod its
// hardware address.
func muteGateway(c *diagnose.Case, gateway netip.Addr, port, holder facts.Link) []diagnose.Finding {
	vantage := c.Facts.Vantage.String()
	var findings []diagnose.Finding
	for _, r := range c.LostGateways(vantage) {
		addr, ok := diagnose.TargetAddr(r)
		state := value(r, "neighbour")
		if !ok || addr != gateway || state != "incomplete" && state != "failed" || !holder.Up || !port.Up || port.State != "up" || port.Master != holder.Name || port.PortState != "" && port.PortState != "forwarding" || !besideAnswers(c) {
			continue
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("node %s does not answer when %s asks for its gateway %s", c.Home(), vantage, gateway),
			Confidence: diagnose.Likely,
			Where:      []string{vantage, fmt.Sprintf("bridge %s on node %s", holder.Name, c.Home())},
			Evidence:   []string{seen(r), fmt.Sprintf("%s of node %s is up and has that address; pods on it answer", holder.Name, c.Home())},
			Explains:   beyondGateway(c, gateway),
			Likely:     "a rule of the node's (nft families arp and bridge, arptables, ebtables), or a program at tc, drops ARP",
			Try:        []string{fmt.Sprintf("sysctl net.ipv4.conf.all.arp_ignore net.ipv4.conf.%s.arp_ignore; nft list ruleset arp; nft list ruleset bridge   (on node %s)", strings.ReplaceAll(device(holder.Name), ".", "/"), c.Home())},
			Rank:       rankPod,
		}
		for _, link := range []string{"all", strings.ReplaceAll(holder.Name, ".", "/")} {
			setting := "net.ipv4.conf." + link + ".arp_ignore"
			if value, known := sysctlAt(c, c.Home(), setting); known && value == arpNever && gateway.Is4() {
				f.Confidence, f.Rank = diagnose.Certain, rankMeasured
				f.Evidence = append(f.Evidence, setting+" = "+value+" on node "+c.Home()+": it answers no ARP request")
				f.Likely = "a tuning for load balancers, which are not to answer for a shared address, was set on a node of pods"
				f.Try = []string{fmt.Sprintf("sysctl -w net.ipv4.conf.%s.arp_ignore=0   (on node %s)", strings.ReplaceAll(device(link), ".", "/"), c.Home())}
			}
		}
		findings = append(findings, f)
	}
	return findings
}

// besideAnswers reports whether somebody on the vantage point's own node answers it.
func besideAnswers(c *diagnose.Case) bool {
	for _, p := range c.Peers() {
		if p.Vantage == c.Facts.Vantage.String() && p.Node == c.Home() && p.Answered > 0 {
			return true
		}
	}
	for _, r := range c.Find(diagnose.Match{Vantage: c.Facts.Vantage.String(), Status: []check.Status{check.Pass}}) {
		if c.NodeOf(r) == c.Home() && len(r.Attempts) > 0 {
			return true
		}
	}
	return false
}
