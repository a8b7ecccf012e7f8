package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-DUPLICATE-IP",
		Summary: "two pods have the same address: one of them gets what is meant for the other",
		Signal:  "An address fails, and by the API several running pods have it that are not on their node's network; they still do two seconds later, and their nodes are ready.",
		Meaning: "The address leads to whichever pod the neighbours heard of last, and may change sides at any time: connections are refused, are reset in their middle, or reach the wrong application.",
		Confirm: []string{"kubectl get pods -A -o wide --field-selector status.podIP=ADDRESS", "ip neigh show ADDRESS (on the node, twice): the hardware address changes"},
		Remedy:  []string{"kubectl -n NAMESPACE delete pod POD: one of them gets a new address", "on one node: mend the state of its IPAM plugin (host-local: /var/lib/cni/networks), and restart the pods that it does not list", "on two nodes: see that no two have the same spec.podCIDR, nor a static range"},
		Source:  "https://www.cni.dev/plugins/current/ipam/host-local/",
		Spot:    diagnose.Spot{Place: diagnose.AtPeer, Says: "two pods"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, s := range c.Facts.Second.Shared {
				var failed []check.Result
				for _, r := range c.Results {
					if addr, ok := diagnose.TargetAddr(r); ok && addr == s.Addr.Unmap() && diagnose.Bad(r) {
						failed = append(failed, r)
					}
				}
				if len(failed) > 0 && len(s.Pods) > 1 {
					findings = append(findings, duplicateIP(c, s, failed))
				}
			}
			return findings
		},
	})
}

func duplicateIP(c *diagnose.Case, s facts.Shared, failed []check.Result) diagnose.Finding {
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("pods %s and %s have the same address %s: what is meant for one gets to the other", s.Pods[0].Ref(), s.Pods[1].Ref(), s.Addr),
		Confidence: diagnose.Certain, // by the API itself
		Evidence:   seenAll(failed),
		Explains:   c.Through(diagnose.Keys(failed)),
		Likely:     "the IPAM plugin on node " + s.Pods[0].Node + " has lost or changed its state, and gave the address away again",
		Try:        []string{fmt.Sprintf("kubectl get pods -A -o wide --field-selector status.podIP=%s", s.Addr)},
		Rank:       rankMeasured,
	}
	if plugin := facts.PluginNamed(c.Facts.Network.Plugin); plugin != nil && plugin.Overlaps {
		f.Confidence = diagnose.Likely
		f.Evidence = append(f.Evidence, "in "+plugin.Name+" networks may have the same addresses where they are not connected: the pods are in one another's way only if they share one")
	}
	if len(s.Pods) > 2 {
		f.Headline = fmt.Sprintf("%d pods have the same address %s: what is meant for one gets to another", len(s.Pods), s.Addr)
	}
	for i, p := range s.Pods {
		if i == mostPlaces {
			f.Where = append(f.Where, fmt.Sprintf("and %d more", len(s.Pods)-mostPlaces))
			break
		}
		f.Where = append(f.Where, fmt.Sprintf("%s = pod/%s on node %s", s.Addr, p.Ref(), p.Node))
		if p.Node != s.Pods[0].Node {
			f.Likely = "two nodes give addresses out of one range: the same spec.podCIDR twice, or a range that was written by hand"
		}
	}
	f.Evidence = append(f.Evidence, fmt.Sprintf("by the API both are Running, with podIP %s, and still were a moment later", s.Addr))
	last := s.Pods[len(s.Pods)-1]
	f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s delete pod %s   (or the other: it gets an address of its own)", last.Namespace, last.Name))
	return f
}
