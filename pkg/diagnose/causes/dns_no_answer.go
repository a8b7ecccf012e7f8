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
		Code:    "NL-DNS-NO-ANSWER",
		Summary: "a DNS server of the cluster is there, and answers no question",
		Signal:  "Every question put to one DNS server by itself is lost, over UDP and over TCP, while its pod gives other signs of life, or (only possible) others on its node do; with --deep, while a probe inside the pod finds its network in order. A TCP connection that comes about and stays without an answer is a process that hangs; one that does not is a rule that drops the port.",
		Meaning: "Names resolve late or not at all: each question that the ClusterIP hands to such a server waits for the resolver's timeout, 5 s as a rule.",
		Confirm: []string{"kubectl -n kube-system logs DNS-POD --tail=20", "kubectl get networkpolicies -A"},
		Remedy:  []string{"kubectl -n kube-system delete pod DNS-POD", "allow port 53 over UDP and TCP in the NetworkPolicy that drops it"},
		Source:  "resolv.conf(5), option timeout; https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "no answer"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, vantage := range vantages(c) {
				if f, ok := dnsNoAnswer(c, vantage); ok {
					findings = append(findings, f)
				}
			}
			return findings
		},
	})
}

func dnsNoAnswer(c *diagnose.Case, vantage string) (diagnose.Finding, bool) {
	s := c.Facts.DNS.Service
	if s == nil {
		return diagnose.Finding{}, false
	}
	var dead []check.Result
	var keys []string
	_, pinged := onlyPings(c, vantage)
	servers, gone, hung, unseen := 0, 0, 0, 0 // unseen gave no sign of life, nor were asked for one
	for _, e := range s.Ready() {
		servers++
		over := map[string]bool{} // the transports over which nothing was answered
		var results []check.Result
		accepted := false
		for _, r := range c.Find(diagnose.Match{Check: "dns.cluster", Vantage: vantage}) {
			if addr, known := diagnose.TargetAddr(r); r.Vantage != vantage || !known || addr != e.Addr.Unmap() || !allFailures(r, check.Timeout, check.Silent, check.Undelivered) {
				continue
			}
			_, transport := serverOf(r)
			over[transport] = true
			accepted = accepted || r.Failure == check.Silent
			results = append(results, r)
		}
		dark := c.PeerAt(vantage, e.Addr.Unmap()).Dark()
		if !over["udp"] || !over["tcp"] || c.CutOffFrom(vantage, e.Addr) || dark && (pinged || aside(c, vantage, e)) {
			continue
		}
		gone++
		if dark && !aliveInside(c, results) {
			unseen++
		}
		if accepted {
			hung++
		}
		dead = append(dead, results...)
		for _, r := range c.Find(diagnose.Match{Check: "dns.", Vantage: vantage, Status: failing}) {
			if addr, known := diagnose.TargetAddr(r); known && addr == e.Addr.Unmap() {
				keys = append(keys, diagnose.Key(r))
			}
		}
	}
	if len(dead) == 0 {
		return diagnose.Finding{}, false
	}
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("%d of %d DNS servers of the cluster answer no question from %s", gone, servers, vantage),
		Confidence: diagnose.Likely,
		Where:      dnsPlaces(c, dead),
		Evidence:   append(seenAll(dead), "their pods give other signs of life"),
		Explains:   c.Through(keys),
		Likely:     "a NetworkPolicy or firewall drops port 53 over UDP and TCP, at this end or theirs",
		Try:        []string{"kubectl get networkpolicies -A", fmt.Sprintf("kubectl -n %s get pods -o wide -l k8s-app=kube-dns", s.Namespace)},
		Rank:       rankService,
	}
	if unseen > 0 {
		f.Confidence = diagnose.Possible
		f.Evidence[len(f.Evidence)-1] = "other pods on their nodes answer"
	}
	if gone == servers {
		f.Explains = append(f.Explains, namesFailing(c)...)
	}
	if hung > 0 {
		f.Likely = "the server's process hangs: it takes connections over TCP, and says nothing"
		if namespace, pod := namespaced(dead[0].Object); namespace != "" {
			f.Try = []string{fmt.Sprintf("kubectl -n %s logs %s --tail=20", namespace, pod), fmt.Sprintf("kubectl -n %s delete pod %s", namespace, pod)}
		}
	}
	return f, true
}

// aside reports whether a server that gives no sign of life is not the only one on its node
// that gives none, or the only one that was asked.
func aside(c *diagnose.Case, vantage string, e facts.Endpoint) bool {
	answer := false
	for _, p := range c.Peers() {
		if p.Vantage != vantage || p.Node != e.Node || p.Addr == e.Addr.Unmap() {
			continue
		}
		if p.Dark() {
			return true
		}
		answer = answer || p.Answered > 0
	}
	return e.Node == "" || !answer
}

// aliveInside reports whether a probe inside the pod of these results found its network in
// order.
func aliveInside(c *diagnose.Case, results []check.Result) bool {
	return slices.ContainsFunc(results, func(r check.Result) bool {
		return r.Object != "" && len(c.Find(diagnose.Match{Check: "pod.network", Object: r.Object, Status: []check.Status{check.Pass}})) > 0
	})
}

// dnsPlaces are the servers' pods, each once: a server has a result for each transport.
func dnsPlaces(c *diagnose.Case, results []check.Result) []string {
	var list []string
	for _, r := range results {
		text := r.Object
		if text == "" {
			text, _ = serverOf(r)
		}
		if node := c.NodeOf(r); node != "" {
			text += " on node " + node
		}
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list[:min(len(list), mostPlaces)]
}
