package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-NEIGHBOUR",
		Summary: "a pod's address is looked for at a hardware address that is not the pod's",
		Signal:  "A probe inside a pod that does not answer reads the hardware address of its interface; the neighbour entry that its node, or the pod that asks, has for its address holds another one.",
		Meaning: "What is sent to the pod reaches the link, and nobody takes it, or a stranger does. Whoever has another entry for it, or a bridge that knows better, reaches the pod.",
		Confirm: []string{"ip link show eth0 (in the pod)", "ip neigh show ADDRESS (on its node, and in the pod that asks)"},
		Remedy:  []string{"ip neigh del ADDRESS dev DEVICE (where the wrong entry is): it is asked for anew", "if it comes back wrong, another host answers for the address: see who has that hardware address"},
		Source:  "ip-neighbour(8); arp(7)",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtBridge, Says: "wrong neighbour"},
		Find:    findPodNeighbour,
	})
}

func findPodNeighbour(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, inside := range c.Find(diagnose.Match{Check: "pod.network"}) {
		own := hardwareOf(inside)
		for _, table := range append(c.Find(diagnose.Match{Check: "vantage.interface", Vantage: "pod/"}), c.Find(diagnose.Match{Check: "node.neightable", Vantage: "node/"})...) {
			if table.Kernel == nil || table.Vantage == inside.Object {
				continue
			}
			for _, n := range table.Kernel.Neighbours {
				if f, ok := wrongNeighbour(c, inside, table, n, own); ok {
					findings = append(findings, f)
				}
			}
		}
	}
	return findings
}

// hardwareOf are the hardware addresses under which a pod's addresses are to be found, as
// a probe inside it read them: several links may have one address.
func hardwareOf(inside check.Result) map[netip.Addr][]string {
	own := map[netip.Addr][]string{}
	if inside.Kernel == nil {
		return own
	}
	for _, l := range inside.Kernel.Links {
		for _, text := range l.Addrs {
			if p, err := netip.ParsePrefix(text); err == nil && l.MAC != "" && !p.Addr().IsLinkLocalUnicast() {
				own[p.Addr()] = append(own[p.Addr()], strings.ToLower(l.MAC))
			}
		}
	}
	return own
}

// wrongNeighbour is what an entry of the neighbours at a place (a node, or the vantage pod)
// is to blame for, if it leads to another hardware address than the pod's own. Only the
// pod's own node, and pods beside it, send to it by hardware address; others send to that
// node, or to whoever answers for it.
func wrongNeighbour(c *diagnose.Case, inside, table check.Result, n facts.Neighbour, own map[netip.Addr][]string) (diagnose.Finding, bool) {
	at := table.Vantage
	addr, err := netip.ParseAddr(n.IP)
	macs := own[addr.Unmap()]
	if err != nil || len(macs) == 0 || strings.Count(n.MAC, ":") != 5 || slices.Contains(macs, strings.ToLower(n.MAC)) {
		return diagnose.Finding{}, false
	}
	node, isNode := strings.CutPrefix(at, "node/")
	if home := c.NodeOfAddr(addr.Unmap()); home == "" || home != homeOf(c, at) {
		return diagnose.Finding{}, false
	}
	lost := slices.DeleteFunc(c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.Timeout, check.Unreachable, check.Loss}}), func(r check.Result) bool {
		to, ok := diagnose.TargetAddr(r)
		if !ok || to != addr.Unmap() {
			return true
		}
		if isNode {
			return homeOf(c, r.Vantage) == node && r.Vantage != at // on one bridge, pods ask for themselves
		}
		return r.Vantage != at
	})
	if len(lost) == 0 {
		return diagnose.Finding{}, false
	}
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("%s looks for %s (%s) at %s, which is not its hardware address", at, inside.Object, addr, n.MAC),
		Confidence: diagnose.Certain,
		Where:      append([]string{at}, places(c, lost[:1])...),
		Evidence: append(seenAll(lost),
			fmt.Sprintf("the neighbour entry of %s on %s of %s is %s %s", addr, n.Dev, at, n.MAC, n.State),
			fmt.Sprintf("from inside %s: the interface with that address has %s", inside.Object, macs[0])),
		Explains: c.Through(diagnose.Keys(lost)),
		Likely:   "the entry was written by hand or by an agent, is of an older pod with that address, or another host answers for it",
		Try:      []string{fmt.Sprintf("ip neigh show %s   (on node %s)", addr, node), fmt.Sprintf("ip neigh del %s dev %s   (there: it is asked for anew)", addr, device(n.Dev))},
		Rank:     rankMeasured,
	}
	if n.State != "permanent" && n.State != "reachable" {
		f.Confidence = diagnose.Likely // the kernel asks again before long
	}
	if shared, answers := standIn(c, table, n, own); answers {
		f.Confidence = diagnose.Possible
		f.Evidence = append(f.Evidence, "others answer at that hardware address: somebody may rightly answer for them all")
	} else if shared {
		f.Confidence = min(f.Confidence, diagnose.Likely)
	}
	if !isNode {
		f.Try = newPod(c)
		if namespace, pod := namespaced(at); namespace != "" {
			f.Try = append([]string{fmt.Sprintf("kubectl netlook shell %s -n %s -- ip neigh show", pod, namespace)}, f.Try...)
		}
	}
	return f, true
}

// standIn reports whether the hardware address of an entry is that of other addresses too,
// which are not the pod's own, and whether one of those answers: proxy ARP, a cloud or a
// fabric that stands in for its hosts.
func standIn(c *diagnose.Case, table check.Result, n facts.Neighbour, own map[netip.Addr][]string) (shared, answers bool) {
	for _, other := range table.Kernel.Neighbours {
		addr, err := netip.ParseAddr(other.IP)
		if addr = addr.Unmap(); err != nil || !strings.EqualFold(other.MAC, n.MAC) || len(own[addr]) > 0 || addr.IsLinkLocalUnicast() {
			continue
		}
		shared = true
		answers = answers || slices.ContainsFunc(c.Results, func(r check.Result) bool {
			to, ok := diagnose.TargetAddr(r)
			return ok && to == addr && r.Status == check.Pass
		}) || slices.ContainsFunc(c.Peers(), func(p diagnose.Peer) bool { return p.Addr == addr && p.Answered > 0 })
	}
	return shared, answers
}
