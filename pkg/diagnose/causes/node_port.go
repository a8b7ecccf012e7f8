package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-NODEPORT",
		Summary: "a service's node port does not answer at some node, and does at others",
		Signal:  "The endpoints of the service answer, its node port answers at other nodes, and at the node named no attempt is answered.",
		Meaning: "Who comes in by that node (a load balancer's share, a client with its address) gets nothing.",
		Confirm: []string{"nc -vz NODE-ADDRESS NODE-PORT (from outside)", "iptables-save | grep NODE-PORT; nft list ruleset | grep NODE-PORT (on the node)"},
		Remedy:  []string{"allow the node port range (30000-32767) in the node's firewall or security group", "restart kube-proxy on the node"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport",
		Spot:    diagnose.Spot{Place: diagnose.AtPeer, Says: "no answer"},
		Find:    findNodePort,
	})
}

func findNodePort(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, group := range bySubject(c.Find(diagnose.Match{Check: "service.nodeport", Status: []check.Status{check.Fail}, Failure: []check.Failure{check.Timeout, check.Refused, check.Unreachable}})) {
		var dead []check.Result
		var nodes []string
		for _, r := range group {
			if r.Lost() == len(r.Attempts) && !toItself(c, r) {
				dead = append(dead, r)
				if node := c.HostOf(r); !slices.Contains(nodes, node) {
					nodes = append(nodes, node)
				}
			}
		}
		alive := passingFrom(c, "service.nodeport", group[0])
		answering := passing(c, "service.endpoint", group[0].Subject)
		s := c.Service(group[0].Subject)
		if len(dead) == 0 || answering == 0 || s == nil {
			continue
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("the node port of service %s does not answer at %d of the nodes tried", s.Ref(), len(nodes)),
			Confidence: diagnose.Likely,
			Evidence:   append(seenAll(dead), fmt.Sprintf("it answers at %d other addresses of nodes; %d endpoints answer by themselves", alive, answering)),
			Explains:   diagnose.Keys(dead),
			Likely:     "a firewall on the node or before it drops the port",
			Rank:       rankService,
		}
		if alive == 0 {
			f.Headline = fmt.Sprintf("the node port of service %s answers at no node", s.Ref())
			f.Confidence = diagnose.Possible // it may be the way from this place
			f.Evidence[len(f.Evidence)-1] = fmt.Sprintf("%d endpoints answer by themselves", answering)
		}
		if dead[0].Vantage == machine {
			f.Headline = fmt.Sprintf("from this machine the node port of service %s does not answer at %d of the nodes tried", s.Ref(), len(nodes))
			f.Likely = "a firewall or security group before the nodes, or no route from this machine to them"
			f.Confidence = diagnose.Likely
		}
		if dead[0].Failure == check.Refused {
			f.Likely = "kube-proxy of the node has no rule for it, or serves other addresses of the node only (--nodeport-addresses)"
		}
		for _, node := range nodes[:min(len(nodes), mostPlaces)] {
			f.Where = append(f.Where, "node/"+node)
			f.Try = append(f.Try, netlookNode(node))
		}
		findings = append(findings, f)
	}
	return findings
}

// toItself reports whether a node port may lead the vantage pod to itself: it is one of
// the endpoints, the node is its own, and the ClusterIP fails as well. What other nodes
// and other clients see is then another matter.
func toItself(c *diagnose.Case, r check.Result) bool {
	return r.Vantage != machine && c.HostOf(r) == c.Home() && slices.ContainsFunc(vipTroubles(c), func(t vipTrouble) bool {
		return t.self && t.result.Subject == r.Subject && t.result.Vantage == r.Vantage
	})
}

// passing counts the results of a check about a service that passed.
func passing(c *diagnose.Case, id, subject string) int {
	return len(c.Find(diagnose.Match{Check: id, Subject: subject, Status: []check.Status{check.Pass}}))
}

// machine is the vantage point of what was sent from the plugin's own machine.
const machine = "machine"

// passingFrom counts what passed of the same check and subject from the same place.
func passingFrom(c *diagnose.Case, id string, like check.Result) int {
	n := 0
	for _, r := range c.Find(diagnose.Match{Check: id, Subject: like.Subject, Status: []check.Status{check.Pass}}) {
		if r.Vantage == like.Vantage {
			n++
		}
	}
	return n
}
