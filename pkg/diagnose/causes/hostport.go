package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-HOSTPORT",
		Summary: "a pod's hostPort does not lead to the pod",
		Signal:  "The pod answers on its own port, and not on its hostPort at its node's address. The node's connection tracking shows the connections sent on as they were, or to another pod.",
		Meaning: "What is to come in through the node's port (ingress controllers, agents) does not reach the pod, or reaches a stranger.",
		Confirm: []string{"iptables -t nat -S | grep -e CNI-HOSTPORT -e CNI-DN (on the node)", "nft list table ip cni_hostport (on the node)"},
		Remedy:  []string{"kubectl -n NAMESPACE delete pod POD: the CNI's portmap plugin then writes its rules anew", "add the portmap plugin to the CNI's configuration, where it is missing"},
		Source:  "https://www.cni.dev/plugins/current/meta/portmap/",
		Spot:    diagnose.Spot{Place: diagnose.AtPeer, Says: "host port lost"},
		Find:    findHostPort,
	})
}

func findHostPort(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "target.hostport", Status: failing, Failure: []check.Failure{check.Timeout, check.Refused, check.Unreachable}}) {
		own := 0
		for _, o := range c.Find(diagnose.Match{Check: "target.tcp", Vantage: r.Vantage, Status: []check.Status{check.Pass}}) {
			if o.Vantage == r.Vantage && o.Object == r.Object {
				own++
			}
		}
		if own == 0 || r.Lost() < len(r.Attempts) {
			continue
		}
		addr, _ := diagnose.TargetAddr(r)
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("hostPort %s does not lead to %s", r.Target, r.Object),
			Confidence: diagnose.Likely,
			Where:      []string{r.Target, r.Object},
			Evidence:   []string{seen(r), fmt.Sprintf("%s answers on its own ports: %d of them tried", r.Object, own)},
			Explains:   []string{diagnose.Key(r)},
			Likely:     "the rules that hand the hostPort over are gone, were never made (no portmap plugin), or a firewall drops the node's port",
			Rank:       rankService,
		}
		if namespace, pod := namespaced(r.Object); namespace != "" {
			f.Try = []string{fmt.Sprintf("kubectl -n %s delete pod %s   (if a controller owns it, which makes it anew, and its rules)", namespace, pod)}
		}
		for _, flow := range flowsTo(c, addr.String()) {
			if flow.backend == flow.vip {
				f.Confidence, f.Rank = diagnose.Certain, rankMeasured
				f.Evidence = append(f.Evidence, fmt.Sprintf("the kernel of the node took connections to %s for its own: no rule hands them over", flow.vip))
				break
			}
		}
		findings = append(findings, f)
	}
	return findings
}
