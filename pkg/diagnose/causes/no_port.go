package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-NO-PORT",
		Summary: "a name or ClusterIP is a service's, and the port that was asked for is none of its ports",
		Signal:  "The target is the name or the ClusterIP of a service that the API knows, no connection to the port succeeds, and the service has no port of that number and protocol.",
		Meaning: "A ClusterIP answers on the service's own ports only, whatever the pods behind it listen on: packets to another are dropped or refused on the client's node.",
		Confirm: []string{"kubectl -n NAMESPACE get service NAME"},
		Remedy:  []string{"ask for a port that the service has", "kubectl -n NAMESPACE edit service NAME (to add the port)"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports",
		Spot:    diagnose.Spot{Place: diagnose.AtService, Says: "no such port"},
		Find:    findNoPort,
	})
}

func findNoPort(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, t := range c.Facts.Targets {
		s := t.Service
		port := portAsked(t.Target)
		if s == nil || port == 0 || len(s.ClusterIPs) == 0 || len(s.Ports) == 0 {
			continue // headless and alias: the port is the pods' own, or another host's
		}
		protocol := facts.Protocol(t.Protocol)
		if protocol == "" {
			protocol = facts.TCP
		}
		asked := facts.ServicePort{Port: port, Protocol: protocol}
		if slices.ContainsFunc(s.Ports, func(p facts.ServicePort) bool { return p.Port == asked.Port && p.Protocol == asked.Protocol }) {
			continue
		}
		dead := deadPorts(c, t.Raw)
		if len(dead) == 0 {
			continue
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("service %s has no port %s; it has %s", s.Ref(), servicePort(asked), servicePorts(s)),
			Confidence: diagnose.Certain,
			Where:      []string{"service/" + s.Ref().String()},
			Evidence:   seenAll(dead),
			Explains:   diagnose.Keys(dead),
			Try:        []string{fmt.Sprintf("kubectl -n %s get service %s", s.Namespace, s.Name)},
			Rank:       rankMeasured,
		}
		for _, p := range s.Ports {
			if p.TargetPort == fmt.Sprint(port) && p.Protocol == protocol {
				f.Likely = fmt.Sprintf("%d is the port behind it: clients ask the service for %s", port, servicePort(p))
			}
		}
		// No ClusterIP need answer to a ping.
		f.Explains = append(f.Explains, diagnose.Keys(slices.DeleteFunc(c.Find(diagnose.Match{Check: "target.icmp", Status: failing}), func(r check.Result) bool { return r.Asked != t.Raw }))...)
		// The same port asked for by several names is one mistake.
		if i := slices.IndexFunc(findings, func(o diagnose.Finding) bool { return o.Headline == f.Headline }); i >= 0 {
			same := &findings[i]
			same.Explains = append(same.Explains, f.Explains...)
			same.Evidence = append(same.Evidence, f.Evidence[:min(len(f.Evidence), max(0, mostEvidence-len(same.Evidence)))]...)
			continue
		}
		findings = append(findings, f)
	}
	return findings
}

// portAsked is the port of a target, 0 for none; a URL without one means its scheme's.
func portAsked(t target.Target) uint16 {
	switch {
	case t.Port != 0:
		return t.Port
	case strings.HasPrefix(t.URL, "https:"):
		return 443
	case strings.HasPrefix(t.URL, "http:"):
		return 80
	}
	return 0
}

// deadPorts are the results about the port of a target as typed that no connection came
// through to. That a name does not resolve is another matter.
func deadPorts(c *diagnose.Case, typed string) []check.Result {
	var dead []check.Result
	for _, id := range []string{"target.tcp", "target.udp", "target.http"} {
		for _, r := range c.Find(diagnose.Match{Check: id, Status: failing, Failure: []check.Failure{check.Timeout, check.Refused, check.Unreachable, check.NoRoute, check.Reset}}) {
			if r.Asked == typed && typed != "" && r.Lost() == len(r.Attempts) {
				dead = append(dead, r)
			}
		}
	}
	return dead
}

// servicePort is a port as kubectl writes it: 80/TCP, and its name before it where it has
// one.
func servicePort(p facts.ServicePort) string {
	text := fmt.Sprintf("%d/%s", p.Port, p.Protocol)
	if p.Name != "" {
		text = fmt.Sprintf("%s (%s)", p.Name, text)
	}
	return text
}

// servicePorts are those that a service has, a few of them.
func servicePorts(s *facts.Service) string {
	var have []string
	for i, p := range s.Ports {
		if i == mostPlaces {
			have = append(have, fmt.Sprintf("%d more", len(s.Ports)-i))
			break
		}
		have = append(have, servicePort(p))
	}
	return strings.Join(have, ", ")
}
