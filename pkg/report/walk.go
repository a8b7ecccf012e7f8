package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Walk follows a service the way a packet does, and says at which step it ends.
type Walk struct {
	// Service is namespace/name, Type the service's own word for what it is.
	Service string `json:"service"`
	Type    string `json:"type,omitempty"`
	Steps   []Step `json:"steps"`
	// Ends names the step at which the way ends, "" when it does not; Partly says that
	// some get through.
	Ends   string `json:"ends,omitempty"`
	Partly bool   `json:"partly,omitempty"`
}

// Step is one stage of a walk, summed up from the results that belong to it.
type Step struct {
	Name   string       `json:"name"`
	Status check.Status `json:"status"`
	// Target is what was tried, Detail what came of it, worst first.
	Target string `json:"target,omitempty"`
	Detail string `json:"detail"`
	// Why says why nothing was tried, "" where something was.
	Why string `json:"why,omitempty"`
	// Partly says that some of what was tried came through.
	Partly bool `json:"partly,omitempty"`
	// Lines are the parts of a step: each query, each link of a chain, each endpoint.
	Lines []Line `json:"lines,omitempty"`
}

// Line is a part of a step. Status is unknown where the line only tells.
type Line struct {
	Status check.Status `json:"status,omitzero"`
	Key    string       `json:"key"`
	Text   string       `json:"text"`
}

// Why a step says nothing, where no result of it does.
const (
	notRun   = "no check of it ran"
	notAsked = "no kernel was asked (--deep asks)"
)

// newWalk is pure: it sums results up by the steps of service s.
func newWalk(s facts.Service, in Input) *Walk {
	w := &Walk{Service: s.Ref().String(), Type: s.Type}
	if s.Headless {
		w.Type = "headless"
	}
	of := resultsOf(s, in.Results)
	steps := []Step{nameStep(in.Vantage, of)}
	switch {
	case s.Type == "ExternalName":
		steps = append(steps, aliasStep(of["service.alias"]))
		return w.finish(in, steps, true)
	case s.Headless:
		steps = append(steps, Step{Name: "ClusterIP", Status: check.Skipped, Why: "headless: the name leads to the endpoints themselves"})
	default:
		steps = append(steps, vipStep(s, in, of["service.vip"]), handOver(s, in.Results, of["service.vip"]))
	}
	if ports, ok := portStep(s, of["service.portname"]); ok {
		steps = append(steps, ports)
	}
	steps = append(steps, step("ready", of["service.ready"], "the API was not read"), endpointStep(s, of["service.endpoint"]))
	if answers := answering(of["service.endpoint"]); answers.Status != check.Unknown {
		steps = append(steps, answers)
	}
	for _, more := range []struct{ name, check string }{{"node ports", "service.nodeport"}, {"balancer", "service.balancer"}, {"ingress", "service.ingress"}, {"ingress class", "service.ingressclass"}, {"ingress TLS", "service.ingresstls"}, {"routes", "service.route"}, {"gateways", "service.gateway"}, {"by rule", "service.entry"}} {
		if len(of[more.check]) > 0 {
			steps = append(steps, step(more.name, of[more.check], ""))
		}
	}
	lost := slices.ContainsFunc(of["service.endpoint"], func(r check.Result) bool {
		return r.Status == check.Fail && r.Failure != check.Silent && r.Failure != check.NotServing
	})
	return w.finish(in, steps, lost)
}

// finish says where the way ends. A ClusterIP has nothing of its own: where nobody ready
// is behind it, or they do not answer, that is where it ends. And endpoints that are
// reached, and whose applications hang or decline, end it at the application: lost says
// that some were not reached.
func (w *Walk) finish(in Input, steps []Step, lost bool) *Walk {
	w.Steps = steps
	for i, s := range steps {
		if in.Probe == nil && (s.Why == notRun || s.Why == notAsked) {
			steps[i].Why = "no packet was sent"
		}
	}
	bad := func(name string) bool {
		return slices.ContainsFunc(steps, func(s Step) bool { return s.Name == name && s.Status == check.Fail })
	}
	for _, s := range steps {
		behind := bad("ready") || bad("endpoints")
		reached := s.Name == "endpoints" && !lost && bad("application")
		if s.Status != check.Fail || reached || (s.Name == "ClusterIP" || s.Name == "handed to") && behind {
			continue
		}
		w.Ends, w.Partly = s.Name, s.Partly
		break
	}
	return w
}

// resultsOf are the results about a service, by check. Those about its name carry the
// DNS server as their object, so that the name is at the end of their target.
func resultsOf(s facts.Service, results []check.Result) map[string][]check.Result {
	of := map[string][]check.Result{}
	for _, r := range results {
		named := r.Check == "dns.service" && (strings.HasSuffix(r.Target, " "+s.Name) || strings.HasSuffix(r.Target, " "+s.Ref().String()))
		// The resolver's own servers are asked in no service's name, and serve them all.
		named = named || r.Check == "dns.resolver"
		if named || r.Subject == "service/"+s.Ref().String() {
			of[r.Check] = append(of[r.Check], r)
		}
	}
	return of
}

// step folds results as a row of the table does.
func step(name string, results []check.Result, otherwise string) Step {
	results = slices.Clone(results)
	slices.SortStableFunc(results, compareResults)
	if len(results) == 0 {
		return Step{Name: name, Status: check.Skipped, Why: otherwise}
	}
	row := Row{Area: results[0].Area}
	fold(&row, results)
	s := Step{Name: name, Status: row.Status, Target: row.Target, Detail: row.Detail}
	for _, r := range results {
		s.Partly = s.Partly || r.Status == check.Pass || len(r.Attempts) > 0 && r.Lost() < len(r.Attempts)
	}
	if row.Counts.Skipped == row.Counts.Total {
		s.Why, s.Detail = row.Detail, ""
	}
	return s
}

// handOver is where the kernels of the nodes sent connections to the ClusterIPs, as
// their connection tracking tells.
func handOver(s facts.Service, results, vips []check.Result) Step {
	h := Step{Name: "handed to", Status: check.Skipped, Why: notAsked}
	counts, hung := map[string]int{}, map[string]int{}
	var order []string
	strangers, mute, asked := 0, 0, 0
	for _, r := range results {
		if r.Check == "node.flows" && r.Status == check.Skipped {
			h.Why = r.Summary
		}
		if r.Check != "node.flows" || r.Kernel == nil {
			continue
		}
		for _, flow := range r.Kernel.Flows {
			dst, err := netip.ParseAddrPort(flow.Orig.Dst)
			if err != nil || !slices.Contains(s.ClusterIPs, dst.Addr().Unmap()) {
				continue
			}
			if asked++; !flow.Found {
				continue
			}
			to := flow.SentTo()
			if !slices.ContainsFunc(s.Endpoints, func(e facts.Endpoint) bool { return e.Addr.Unmap() == to.Addr().Unmap() }) {
				strangers++
				if !flow.SeenReply {
					mute++
				}
			}
			if counts[to.String()] == 0 {
				order = append(order, to.String())
			}
			counts[to.String()]++
			if !flow.SeenReply {
				hung[to.String()]++
			}
		}
	}
	if len(order) == 0 && asked > 0 && h.Why == notAsked {
		h.Why, h.Detail = "", fmt.Sprintf("looked for and not found: connection tracking has none of %s to it", Count(asked, "connection"))
	}
	if len(order) == 0 {
		return h
	}
	slices.Sort(order)
	parts := make([]string, 0, len(order))
	for _, to := range order[:min(len(order), mostHandedTo)] {
		part := to + " " + Count(counts[to], "time")
		if hung[to] > 0 {
			part += fmt.Sprintf(" (%d without an answer)", hung[to])
		}
		parts = append(parts, part)
	}
	if more := len(order) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	h.Status, h.Why, h.Detail = check.Pass, "", strings.Join(parts, ", ")
	if strangers > 0 && !s.EndpointsUnknown {
		h.Status = check.Fail
		h.Detail = Count(strangers, "connection") + " to no endpoint of it: " + h.Detail
		if mute == 0 && !slices.ContainsFunc(vips, func(r check.Result) bool { return r.Status == check.Fail }) {
			h.Status = check.Warn // they answer as the service: such have come since the API was read
		}
	}
	return h
}

// mostHandedTo is how many backends are named.
const mostHandedTo = 6

// answering is what the applications behind the endpoints said, by answer.
func answering(results []check.Result) Step {
	counts := map[string]int{}
	var order []string
	silent, closed, failing := 0, 0, 0
	for _, r := range results {
		answer := ""
		for _, e := range r.Evidence {
			if e.Key == "answer" {
				answer = e.Value
			}
		}
		if r.Failure == check.NotServing {
			closed++
		}
		if r.Failure == check.HTTP {
			failing++
		}
		switch {
		case answer != "":
			if counts[answer] == 0 {
				order = append(order, answer)
			}
			counts[answer]++
		case r.Failure == check.Silent:
			silent++
		}
	}
	slices.Sort(order)
	var parts []string
	for _, answer := range order {
		parts = append(parts, fmt.Sprintf("%s from %d", answer, counts[answer]))
	}
	s := Step{Name: "application", Status: check.Pass}
	if failing > 0 {
		s.Status, s.Partly = check.Warn, failing < len(results) // an answer, if not a good one
	}
	if closed > 0 {
		s.Status, s.Partly = check.Fail, closed < len(results)
	}
	if silent > 0 {
		s.Status, s.Partly = check.Fail, closed+silent < len(results)
		parts = append([]string{fmt.Sprintf("%d accept and never answer", silent)}, parts...)
	}
	if len(parts) == 0 {
		s.Status = check.Unknown
		return s
	}
	s.Detail = strings.Join(parts[:min(len(parts), mostHandedTo)], ", ")
	return s
}
