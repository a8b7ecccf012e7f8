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
		Code:    "NL-SVC-HAND-SLICE",
		Summary: "a service leads, by an EndpointSlice that no selector made, to an address where nobody answers",
		Signal:  "The service has no selector, or the EndpointSlice is one that another than the controller of selectors wrote; it names no pod behind the address, and every attempt at it fails, at each port, while others from the same place are answered.",
		Meaning: "Unless a controller wrote it (of a cluster mesh, say), nothing keeps such a slice up to date: when the host or pod behind it moves, the service goes on sending to the old address, which may even become somebody else's.",
		Confirm: []string{"kubectl -n NAMESPACE get endpointslices -l kubernetes.io/service-name=NAME -o yaml", "kubectl get pods -A -o wide --field-selector status.podIP=ADDRESS"},
		Remedy:  []string{"kubectl -n NAMESPACE edit endpointslice SLICE: the address that is right now", "for pods: give the service a selector, so that the slice is written for it", "for a host with a name: type ExternalName"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, group := range bySubject(c.Find(diagnose.Match{Check: "service.endpoint"})) {
				if f, ok := handSlice(c, group); ok {
					findings = append(findings, f)
				}
			}
			return findings
		},
	})
}

func handSlice(c *diagnose.Case, group []check.Result) (diagnose.Finding, bool) {
	s := c.Service(group[0].Subject)
	if s == nil || s.Type == "ExternalName" || s.OfAPI() || c.CutOff(group[0].Vantage) {
		return diagnose.Finding{}, false
	}
	var nowhere []check.Result
	for _, r := range group {
		if r.Object != "" || !madeByOthers(s, r) || !diagnose.Bad(r) || !allFailures(r, check.Timeout, check.Unreachable, check.NoRoute, check.Refused) {
			continue
		}
		if addr, ok := diagnose.TargetAddr(r); ok && c.CutOffFrom(r.Vantage, addr) {
			continue
		}
		if answersOtherwise(group, r) {
			continue // somebody is there: the port alone is closed, or filtered
		}
		if hop, dark := c.HopOf(r); dark && (len(hop.Dark) > 1 || hop.Elsewhere == 0) {
			continue // everything on that node is dark
		}
		nowhere = append(nowhere, r)
	}
	if len(nowhere) == 0 {
		return diagnose.Finding{}, false
	}
	where, slice, by, kept := nowhere[0].Target, "", "by hand", ""
	if len(nowhere) > 1 {
		where = fmt.Sprintf("%d addresses", len(nowhere))
	}
	addr, _ := diagnose.TargetAddr(nowhere[0])
	for _, e := range s.Endpoints {
		if e.Addr.Unmap() != addr || e.Pod != nil {
			continue
		}
		slice = e.Slice
		if e.Writer != "" {
			by = "by " + e.Writer
		}
		if e.Writer != "" && e.Writer != mirror {
			kept = e.Writer
		}
	}
	how, why := fmt.Sprintf("its EndpointSlices are written %s, for no selector", by), "the service has no selector, and its EndpointSlice names no pod: nothing keeps it up to date"
	if len(s.Selector) > 0 {
		how = fmt.Sprintf("an EndpointSlice written %s stands beside those that its selector makes", by)
		why = fmt.Sprintf("EndpointSlice %s names no pod and is not the selector's: nothing keeps it up to date", slice)
	}
	likely := "the address is nobody's any more; or that host is down, or lets nobody in from here"
	if kept != "" {
		why = fmt.Sprintf("EndpointSlice %s names no pod, and %s keeps it up to date", slice, kept)
		likely = kept + " is behind, or the way to what it leads to, another cluster perhaps, is broken"
	}
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("service %s leads to %s, where nobody answers: %s", s.Ref(), where, how),
		Confidence: diagnose.Likely,
		Where:      places(c, nowhere),
		Evidence:   append(seenAll(nowhere), why),
		Explains:   c.Through(diagnose.Keys(nowhere)),
		Likely:     likely,
		Try:        []string{slicesOf(s) + " -o yaml"},
		Rank:       rankService + 1,
	}
	if addr.IsValid() {
		f.Try = append(f.Try, fmt.Sprintf("kubectl get pods -A -o wide --field-selector status.podIP=%s", addr))
	}
	if slice != "" {
		f.Where = append(f.Where, "endpointslice/"+s.Namespace+"/"+slice)
	}
	return f, true
}

// selectorsController is what the slices of a selector say of their writer
// (k/k staging/src/k8s.io/endpointslice/reconciler.go).
const selectorsController = "endpointslice-controller.k8s.io"

// mirror writes slices after an Endpoints object, which somebody wrote by hand.
const mirror = "endpointslicemirroring-controller.k8s.io"

// madeByOthers reports whether no selector made the endpoint that a result is about.
func madeByOthers(s *facts.Service, r check.Result) bool {
	if len(s.Selector) == 0 {
		return true
	}
	addr, _ := diagnose.TargetAddr(r)
	return slices.ContainsFunc(s.Endpoints, func(e facts.Endpoint) bool {
		return e.Addr.Unmap() == addr && e.Pod == nil && e.Slice != "" && e.Writer != selectorsController
	})
}

// answersOtherwise reports whether the address of a result answered one of the others, at
// another port.
func answersOtherwise(group []check.Result, r check.Result) bool {
	addr, known := diagnose.TargetAddr(r)
	return known && slices.ContainsFunc(group, func(other check.Result) bool {
		at, ok := diagnose.TargetAddr(other)
		return ok && at == addr && other.Vantage == r.Vantage && other.Status == check.Pass
	})
}
