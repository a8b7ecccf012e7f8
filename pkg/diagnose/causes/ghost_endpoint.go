package causes

import (
	"fmt"
	"slices"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-GHOST-ENDPOINT",
		Summary: "a service leads to a pod that is not there any more: its EndpointSlice is behind",
		Signal:  "An endpoint fails, and the API server, asked for its pod by name, has none, one that has ended, or one with another UID, or, where its slice is the work of Kubernetes' own controller, another address; the EndpointSlice goes on naming it for seconds after that. Deletions are in EndpointSlices within milliseconds, as a rule.",
		Meaning: "A share of all connections goes to an address that is nobody's, or somebody else's by now, and nothing that changes in the cluster reaches services any more: new pods get no traffic, those that end or fail keep theirs.",
		Confirm: []string{"kubectl -n NAMESPACE get endpointslices -l kubernetes.io/service-name=NAME -o yaml: targetRef", "kubectl -n kube-system get lease kube-controller-manager -o jsonpath='{.spec.renewTime}'"},
		Remedy:  []string{"mend kube-controller-manager: see its log, and restart it where it hangs", "meanwhile: kubectl -n NAMESPACE edit endpointslice SLICE, and take the endpoint out by hand"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#management",
		Spot:    diagnose.Spot{Place: diagnose.AtPeer, Says: "is gone"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			var seen []facts.Ref
			for _, s := range c.Facts.Second.Stale {
				if !slices.Contains(seen, s.Service) {
					seen = append(seen, s.Service)
					findings = append(findings, ghostEndpoint(c, s.Service))
				}
			}
			return findings
		},
	})
}

func ghostEndpoint(c *diagnose.Case, service facts.Ref) diagnose.Finding {
	lease := c.Facts.Second.Controllers
	f := diagnose.Finding{Confidence: diagnose.Likely, Rank: rankMeasured}
	var stale []facts.Stale
	var failed []check.Result
	for _, s := range c.Facts.Second.Stale {
		if s.Service != service {
			continue
		}
		stale = append(stale, s)
		f.Where = append(f.Where, fmt.Sprintf("%s = pod/%s, which %s", s.Endpoint.Addr, s.Endpoint.Pod, s.Why))
		for _, r := range c.Results {
			if addr, ok := diagnose.TargetAddr(r); ok && addr == s.Endpoint.Addr.Unmap() && diagnose.Bad(r) {
				failed = append(failed, r)
			}
		}
	}
	first := stale[0]
	f.Headline = fmt.Sprintf("endpoint %s of service %s is of pod %s, which %s: %s is behind", first.Endpoint.Addr, service, first.Endpoint.Pod.Name, first.Why, writer(first))
	if len(stale) > 1 {
		f.Headline = fmt.Sprintf("%d endpoints of service %s are of pods that are not there any more: %s is behind", len(stale), service, writer(first))
	}
	if len(f.Where) > mostPlaces {
		f.Where = append(f.Where[:mostPlaces:mostPlaces], fmt.Sprintf("and %d more", len(stale)-mostPlaces))
	}
	f.Where = append(f.Where, "endpointslice/"+service.Namespace+"/"+first.Endpoint.Slice)
	f.Evidence = []string{fmt.Sprintf("the API server has no such pod, and EndpointSlice %s still named it %s later", first.Endpoint.Slice, first.Held.Round(100*time.Millisecond))}
	if first.Why != "is gone" {
		f.Evidence[0] = fmt.Sprintf("by the API, pod %s %s, and EndpointSlice %s still named it %s later", first.Endpoint.Pod, first.Why, first.Endpoint.Slice, first.Held.Round(100*time.Millisecond))
	}
	if len(failed) > 0 {
		f.Confidence = diagnose.Certain
		f.Evidence = append(seenAll(failed), f.Evidence...)
		f.Explains = c.Through(diagnose.Keys(failed))
	} else {
		f.Evidence = append(f.Evidence, "whoever answers at the address, if anybody does, is not of this service")
	}
	f.Try = []string{slicesOf(&facts.Service{Namespace: service.Namespace, Name: service.Name}) + " -o yaml"}
	if first.Endpoint.Writer != selectorsController && first.Endpoint.Writer != "" {
		f.Likely = fmt.Sprintf("%s, who keeps that slice by its label, is down or stuck", first.Endpoint.Writer)
		return f
	}
	f.Likely = "kube-controller-manager, whose controller writes EndpointSlices, is stuck, or not allowed to write them"
	if lease != nil {
		age := fmt.Sprintf("lease %s/%s was renewed %s ago", lease.Namespace, lease.Name, lease.Age.Round(time.Second))
		switch {
		case lease.Expired():
			f.Likely = fmt.Sprintf("kube-controller-manager is down: nobody has renewed its lease, which holds for %s", lease.Lasts)
			if lease.Holder != "" {
				age += ", by " + lease.Holder
			}
		case lease.Lasts > 0:
			f.Likely = "kube-controller-manager is behind with EndpointSlices: its lease is fresh, and its log tells what keeps it"
		}
		f.Evidence = append(f.Evidence, age)
	}
	f.Try = append(f.Try,
		"kubectl -n kube-system get lease kube-controller-manager",
		"kubectl -n kube-system get pods -l component=kube-controller-manager -o wide")
	return f
}

// writer is who is to keep an EndpointSlice up to date.
func writer(s facts.Stale) string {
	if s.Endpoint.Writer != selectorsController && s.Endpoint.Writer != "" {
		return s.Endpoint.Writer
	}
	return "the EndpointSlice controller"
}
