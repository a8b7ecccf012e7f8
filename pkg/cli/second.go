package cli

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// secondLook asks the API once more, about what did not answer: facts are read before the
// checks, and only now is it known which of them deserve a doubt.
func (d *diagnosis) secondLook(ctx context.Context) {
	doubts := d.doubts()
	if len(doubts) == 0 || ctx.Err() != nil {
		return
	}
	d.bar.say("asking the API about what does not answer")
	d.facts.Second = d.backend.Second(ctx, doubts)
	for _, left := range d.facts.Second.Left {
		d.notice(report.Notice{Kind: report.Note, Message: fmt.Sprintf(
			"endpoint %s of service %s was taken away during this run, since pod %s %s: run it again", left.Endpoint.Addr, left.Service, left.Endpoint.Pod, left.Why)})
	}
}

// doubts are the pods that did not answer, endpoints and targets, and the endpoints whose
// pod was not among those that the service selects, each once; none when nothing fails.
func (d *diagnosis) doubts() []facts.Doubt {
	if !slices.ContainsFunc(d.results, diagnose.Bad) {
		return nil
	}
	silent, lost := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for _, r := range d.results {
		if addr, ok := diagnose.TargetAddr(r); ok && diagnose.Bad(r) {
			silent[addr] = true
			lost[addr] = lost[addr] || astray(r)
		}
	}
	services := d.facts.Services
	if dns := d.facts.DNS.Service; dns != nil {
		services = append(slices.Clip(services), *dns)
	}
	var doubts []facts.Doubt
	seen := map[string]bool{}
	add := func(doubt facts.Doubt) {
		addr := doubt.Endpoint.Addr.Unmap()
		doubt.Silent, doubt.Astray = silent[addr], lost[addr]
		if key := fmt.Sprint(doubt.Service, doubt.Endpoint.Addr, doubt.Endpoint.Pod); !seen[key] {
			seen[key] = true
			doubts = append(doubts, doubt)
		}
	}
	for _, s := range services {
		for _, e := range s.Endpoints {
			if e.Pod != nil && (silent[e.Addr.Unmap()] || e.Ready && missing(s, *e.Pod)) {
				add(facts.Doubt{Service: s.Ref(), Endpoint: e})
			}
		}
	}
	for _, t := range d.facts.Targets {
		for _, p := range t.Pods {
			for _, ip := range p.IPs {
				if silent[ip.Unmap()] {
					add(facts.Doubt{Endpoint: facts.Endpoint{Addr: ip, Pod: new(p.Ref()), PodUID: p.UID}})
				}
			}
		}
	}
	return doubts
}

// astray reports whether a result is a failure that another pod with the address would
// cause: nobody hears, or somebody else does. To ask for such a pod is dear.
func astray(r check.Result) bool {
	switch r.Failure {
	case check.Refused, check.Timeout, check.Unreachable, check.Reset, check.Closed, check.Silent, check.Undelivered, check.Protocol:
		return r.Status == check.Fail
	}
	return false
}

// missing reports whether all of a service's pods were read and a pod was not among them.
func missing(s facts.Service, pod facts.Ref) bool {
	return s.SelectorRead && !s.SelectedCut && pod.Namespace == s.Namespace && !slices.ContainsFunc(s.SelectedPods, func(p facts.Pod) bool { return p.Ref() == pod })
}
