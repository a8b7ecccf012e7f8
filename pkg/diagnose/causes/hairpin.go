package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-HAIRPIN",
		Summary: "a pod cannot reach itself through its own service",
		Signal:  "The pod backs the service, every endpoint answers by itself (the pod's own address too), and about one in n connections to the ClusterIP, and to its node port at the pod's own node, gets no answer. On the node the pod's bridge port has hairpin mode off.",
		Meaning: "A pod that calls its own service hangs whenever the node picks the pod itself.",
		Confirm: []string{"bridge -d link show (on the node): hairpin off", "cat /sys/class/net/VETH/brport/hairpin_mode (on the node)"},
		Remedy:  []string{"set hairpinMode (bridge CNI) or promiscBridge in the CNI's configuration, then recreate the pod"},
		Source:  "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/#a-pod-fails-to-reach-itself-via-the-service-ip",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtBridge, Says: "no hairpin"},
		Find:    findHairpin,
	})
}

func findHairpin(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, t := range vipTroubles(c) {
		if !t.self || c.Facts.Vantage.Pod == nil {
			continue
		}
		if n := len(t.service.Ready()); t.whole && n > 1 {
			continue // the other endpoints would have answered
		}
		pod := c.Facts.Vantage.Pod
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("pod %s does not reach itself through service %s", pod.Ref(), t.service.Ref()),
			Confidence: diagnose.Possible, // stale rules, or bridge-nf-call-iptables=0, look the same
			Where:      []string{c.Facts.Vantage.String() + " on node " + c.Home()},
			Evidence:   append(t.evidence(), "the pod is one of the endpoints itself"),
			Explains:   []string{diagnose.Key(t.result)},
			Likely:     "its bridge port has hairpin mode off, so that the bridge does not send a packet back where it came from",
			Try:        []string{"bridge -d link show   (on node " + c.Home() + ")"},
			Rank:       rankPod,
		}
		if ports := ownNodePorts(c, t.service); len(ports) > 0 {
			f.Evidence = append(f.Evidence, seenAll(ports)...)
			f.Explains = append(f.Explains, diagnose.Keys(ports)...)
		}
		if n := hungAtSelf(c, t); n > 0 {
			f.Confidence = diagnose.Likely
			f.Evidence = append(f.Evidence, fmt.Sprintf("%d connections that the kernel handed to the pod itself were not answered", n))
		}
		if port, found := ownPort(c); found && port.Hairpin != nil {
			if *port.Hairpin {
				continue
			}
			f.Confidence, f.Rank = diagnose.Certain, rankMeasured
			f.Evidence = append(f.Evidence, fmt.Sprintf("hairpin mode is off on %s, the pod's port of bridge %s", port.Name, port.Master))
		}
		findings = append(findings, f)
	}
	return findings
}

// ownNodePorts are the node ports of a service that fail at the vantage pod's own node:
// there they lead the pod to itself by the same way as the ClusterIP. At other nodes the
// connection comes back with another source, over the wire.
func ownNodePorts(c *diagnose.Case, s *facts.Service) []check.Result {
	var list []check.Result
	for _, r := range c.Find(diagnose.Match{Check: "service.nodeport", Subject: "service/" + s.Ref().String(), Status: failing, Vantage: "pod/"}) {
		if c.HostOf(r) == c.Home() && c.Home() != "" && allFailures(r, check.Timeout) {
			list = append(list, r)
		}
	}
	return list
}

// hungAtSelf counts the connections to a ClusterIP that the kernel sent to the vantage
// pod itself and that got no answer.
func hungAtSelf(c *diagnose.Case, t vipTrouble) int {
	n := 0
	for _, flow := range flowsAt(c, c.Home()) {
		if flow.Found && !flow.SeenReply && isTo(flow, vipAddr(t.result)) && slices.Contains(c.Facts.Vantage.IPs(), flow.SentTo().Addr().Unmap()) {
			n++
		}
	}
	return n
}

// ownPort is the host end of the vantage pod's veth, as its node's probe saw it.
func ownPort(c *diagnose.Case) (facts.Link, bool) {
	peer := 0
	for _, r := range c.Find(diagnose.Match{Check: "vantage.interface", Vantage: "pod/"}) {
		if r.Kernel == nil {
			continue
		}
		for _, l := range r.Kernel.Links {
			if l.PeerIndex > 0 && l.Kind == "veth" {
				peer = l.PeerIndex
			}
		}
	}
	if peer == 0 {
		return facts.Link{}, false
	}
	for _, r := range c.Find(diagnose.Match{Check: "node.bridge", Vantage: "node/"}) {
		if r.Vantage != "node/"+c.Home() || r.Kernel == nil {
			continue
		}
		for _, l := range r.Kernel.Links {
			if l.Index == peer {
				return l, true
			}
		}
	}
	return facts.Link{}, false
}
