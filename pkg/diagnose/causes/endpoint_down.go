package causes

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-ENDPOINT-DOWN",
		Summary: "a port behind a service, or of a target, never answers",
		Signal:  "Every attempt at one endpoint times out, while other pods on its node, or other ports of the same pod, answer. A process that is gone would refuse.",
		Meaning: "Clients see one failure in as many connections as there are endpoints, after their own timeout.",
		Confirm: []string{"kubectl netlook pod CLIENT --to pod/POD:PORT --deep", "kubectl get networkpolicies -n NAMESPACE"},
		Remedy:  []string{"kubectl delete pod POD -n NAMESPACE", "mend the rule or NetworkPolicy that drops the port", "see NL-APP-BACKLOG where the application is stuck: a full listen queue looks the same from outside"},
		Source:  "field notes: dead endpoint (partial outage)",
		Spot:    diagnose.Spot{Place: diagnose.AtPeer, Says: "no answer"},
		Find:    findEndpointDown,
	})
}

// What probably made a port mute, and the same once it was seen from inside that its
// listen queue has room.
const (
	downMute    = "a rule inside the pod, its NetworkPolicy or its node drops the port, or the application accepts no more connections and its listen queue is full (--deep looks); a process that is gone would refuse"
	downDropped = "a rule inside the pod, its NetworkPolicy or its node drops the port; a process that is gone would refuse"
)

func findEndpointDown(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, id := range []string{"service.endpoint", "target.tcp"} {
		for _, group := range bySubject(c.Find(diagnose.Match{Check: id, Status: failing})) {
			if f, ok := endpointDown(c, group); ok {
				findings = append(findings, f)
			}
		}
	}
	return findings
}

func endpointDown(c *diagnose.Case, group []check.Result) (diagnose.Finding, bool) {
	var dead []check.Result
	confidence := diagnose.Likely
	likely := downMute
	refused := diagnose.Keys(refusing(group))
	pings := map[string]pingedOnly{} // by vantage point
	forbidden := deniedPorts(c)
	for _, r := range group {
		if !allFailures(r, check.Timeout, check.Unreachable) || slices.Contains(refused, diagnose.Key(r)) {
			continue
		}
		peer := c.PeerOf(r)
		if c.CutOffFrom(r.Vantage, peer.Addr) {
			continue // nobody answers: not this endpoint's own
		}
		if hop, dark := c.HopOf(r); dark {
			if len(hop.Dark) > 1 || hop.Elsewhere == 0 {
				continue // the whole node is dark, or nothing answers: not this endpoint's own
			}
			confidence = diagnose.Possible
		}
		if peer.Dark() {
			confidence = diagnose.Possible
			likely = "the pod answers nothing at all: its network may be cut off, or a policy drops everything"
		}
		if at, _, ok := diagnose.TargetPort(r); ok && forbidden[netip.AddrPortFrom(at.Addr().Unmap(), at.Port())] {
			confidence = diagnose.Possible // the policy may be the reason
		}
		if _, asked := pings[r.Vantage]; !asked {
			pings[r.Vantage], _ = onlyPings(c, r.Vantage)
		}
		if p := pings[r.Vantage]; len(p.keys) > 0 && peer.Node != p.home {
			confidence = diagnose.Possible // no port answers anywhere
		}
		dead = append(dead, r)
	}
	if len(dead) == 0 {
		return diagnose.Finding{}, false
	}
	all := c.Find(diagnose.Match{Check: dead[0].Check, Subject: dead[0].Subject, Vantage: dead[0].Vantage})
	total := 0
	for _, r := range all {
		if r.Title == dead[0].Title {
			total++
		}
	}
	unheard := 0
	for _, r := range dead {
		unheard += answeredUnheard(c, r)
	}
	if unheard > 0 {
		confidence = diagnose.Possible // it does answer
		likely = "its answers are lost on their way back, on its node or behind it"
	}
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("%s never answers", dead[0].Target),
		Confidence: confidence,
		Where:      places(c, dead),
		Evidence:   seenAll(dead),
		Explains:   c.Through(diagnose.Keys(dead)),
		Likely:     likely,
		Rank:       rankSymptom,
	}
	if unheard > 0 {
		f.Evidence = append(f.Evidence, fmt.Sprintf("node %s saw %d of our connections answered: the answers are lost", c.NodeOf(dead[0]), unheard))
	}
	if s := c.Service(dead[0].Subject); s != nil {
		if s.SessionAffinity {
			f.Evidence = append(f.Evidence, "sessionAffinity is ClientIP: a client that was handed to it stays with it, and gets nothing at all")
		}
		f.Headline = fmt.Sprintf("%d of %d endpoints of service %s never answer", len(dead), total, s.Ref())
		if len(dead) == 1 {
			f.Headline = fmt.Sprintf("1 of %d endpoints of service %s never answers", total, s.Ref())
		}
		f.Evidence = append(f.Evidence, keptTo(c, s, dead)...)
		f.Try = append(f.Try, slicesOf(s))
	}
	for _, r := range c.Find(diagnose.Match{Check: "pod.backlog", Object: dead[0].Object, Vantage: dead[0].Object, Status: []check.Status{check.Pass}}) {
		if f.Likely == downMute && listensInside(c, dead[0]) {
			f.Evidence = append(f.Evidence, "from inside: "+r.Summary+": the pod would accept, if it were asked")
			f.Likely = downDropped
		}
	}
	for _, r := range c.Find(diagnose.Match{Check: "target.icmp", Vantage: dead[0].Vantage}) {
		if r.Object != "" && r.Object == dead[0].Object && r.Status == check.Pass {
			f.Evidence = append(f.Evidence, seen(r)+": the pod is reachable, its port is not")
		}
	}
	if dead[0].Object == "" && dead[0].Check == "service.endpoint" {
		f.Evidence = append(f.Evidence, "no pod is named as its endpoint: the EndpointSlice was written by hand, or by a controller of its own")
		f.Likely = "the address is nobody's any more, or a host outside the cluster that is down"
	}
	if namespace, pod := namespaced(dead[0].Object); namespace != "" {
		f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s describe pod %s", namespace, pod), fmt.Sprintf("kubectl -n %s get networkpolicies", namespace))
	}
	return f, true
}

// listensInside reports whether a probe inside the pod of a result saw somebody listen on
// the port that never answers.
func listensInside(c *diagnose.Case, r check.Result) bool {
	at, _, ok := diagnose.TargetPort(r)
	if !ok || r.Object == "" {
		return false
	}
	for _, l := range c.Find(diagnose.Match{Check: "pod.listeners", Object: r.Object, Status: []check.Status{check.Pass}}) {
		if l.Kernel != nil && slices.ContainsFunc(l.Kernel.Listeners, func(text string) bool {
			listener, err := netip.ParseAddrPort(text)
			return err == nil && listener.Port() == at.Port() && !listener.Addr().IsLoopback()
		}) {
			return true
		}
	}
	return false
}
