package checks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// maxNamed is how many pods are named in a result.
const maxNamed = 5

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "service.ready",
		Area:    "service",
		Summary: "the API shows ready endpoints behind each service, and its selector and target ports match",
		Read: func(f *facts.Facts) []check.Result {
			var results []check.Result
			for _, s := range f.Services {
				r := serviceReady(f, s)
				if r.Status == check.Pass && len(s.Selector) == 0 && !s.OfAPI() {
					r.Summary += ": no selector, somebody else writes its EndpointSlices"
				}
				r.Label = check.Label{
					Title:   nameFrom(f, s.Ref()) + " ready",
					Target:  s.Ref().String(),
					Object:  serviceObject(s.Ref()),
					Subject: serviceObject(s.Ref()),
				}
				if r.Status == check.Skipped || r.Status == check.Fail {
					r.Asked = s.Asked // why the service is not tried, or need not be
				}
				results = append(results, r)
			}
			return results
		},
	}))
}

// serviceReady says what the API alone tells of a service.
func serviceReady(f *facts.Facts, s facts.Service) check.Result {
	switch {
	case s.Type == "ExternalName":
		return check.Skipf("", "an ExternalName service has no endpoints: it is a DNS alias of %s", s.ExternalName)
	case s.SelectorRead && len(s.Selector) > 0 && len(s.SelectedPods) == 0:
		r := failed(check.NoEndpoint, "its selector matches no pod in namespace %s", s.Namespace)
		r.With("selector", "%s", selectorText(s.Selector))
		return r
	}
	if r, wrong := wrongTargetPort(s); wrong {
		return r
	}
	if s.EndpointsUnknown {
		return check.Skipf("", "%s", notesOn(f, "its EndpointSlices could not be read", "endpointslices in namespace "+s.Namespace))
	}
	ready, total := countEndpoints(s)
	var r check.Result
	switch {
	case total == 0 && len(s.Selector) == 0:
		r = failed(check.NoEndpoint, "has no selector, and nobody has written an EndpointSlice for it")
	case total == 0:
		r = failed(check.NoEndpoint, "has no endpoints")
		r.With("selector", "%s", selectorText(s.Selector))
	case ready == 0 && total == 1:
		r = failed(check.NotReady, "its one endpoint is not ready")
	case ready == 0:
		r = failed(check.NotReady, "none of %d endpoints is ready", total)
	case ready < total:
		r = check.Result{Status: check.Warn, Failure: check.NotReady, Summary: fmt.Sprintf("%d of %d endpoints ready", ready, total)}
	default:
		return check.Result{Status: check.Pass, Summary: fmt.Sprintf("%d of %d endpoints ready", ready, total)}
	}
	unreadyPods(&r, s.SelectedPods)
	return r
}

func failed(kind check.Failure, format string, args ...any) check.Result {
	return check.Result{Status: check.Fail, Failure: kind, Summary: fmt.Sprintf(format, args...)}
}

// countEndpoints counts what stands behind a service: a pod of two families once.
// Endpoints that are on their way out do not count.
func countEndpoints(s facts.Service) (ready, total int) {
	seen := map[string]bool{}
	for _, e := range s.Endpoints {
		if e.Terminating && !e.Ready {
			continue
		}
		key := e.Addr.String()
		if e.Pod != nil {
			key = e.Pod.String()
		}
		isReady, known := seen[key]
		seen[key] = e.Ready && (isReady || !known)
	}
	for _, isReady := range seen {
		if isReady {
			ready++
		}
	}
	return ready, len(seen)
}

// wrongTargetPort finds a named targetPort that no selected pod has: the endpoints of
// such a port are left out without a word (EndpointSlice controller, FindPort).
func wrongTargetPort(s facts.Service) (check.Result, bool) {
	if !s.SelectorRead {
		return check.Result{}, false
	}
	for _, port := range s.Ports {
		if port.TargetPort == "" || hasEndpointPort(s, port) {
			continue // endpoints that have the port prove that the name leads somewhere
		}
		if _, err := strconv.ParseUint(port.TargetPort, 10, 16); err == nil {
			continue // a number need not be declared to be listened on
		}
		var have []string
		found := false
		for _, pod := range s.SelectedPods {
			for _, c := range pod.Containers {
				for _, p := range c.Ports {
					found = found || (p.Name == port.TargetPort && p.Protocol == port.Protocol)
					if p.Name != "" {
						have = append(have, p.Name)
					}
				}
			}
		}
		if !found {
			r := failed(check.Config, "targetPort %q of port %d is a name that no container of its pods has", port.TargetPort, port.Port)
			slices.Sort(have)
			if have = slices.Compact(have); len(have) == 0 {
				have = []string{"none"}
			}
			r.With("named container ports", "%s", strings.Join(have, ", "))
			return r, true
		}
	}
	return check.Result{}, false
}

// hasEndpointPort reports whether an EndpointSlice carries a port of the service.
func hasEndpointPort(s facts.Service, port facts.ServicePort) bool {
	return slices.ContainsFunc(s.Endpoints, func(e facts.Endpoint) bool {
		return slices.ContainsFunc(e.Ports, func(p facts.EndpointPort) bool {
			return p.Name == port.Name && p.Protocol == port.Protocol && p.Port != 0
		})
	})
}

func selectorText(selector map[string]string) string {
	pairs := make([]string, 0, len(selector))
	for k, v := range selector {
		pairs = append(pairs, k+"="+v)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ",")
}

// unreadyPods names pods that are not ready, with the reasons they give.
func unreadyPods(r *check.Result, pods []facts.Pod) {
	count := 0
	for _, p := range pods {
		if p.Ready {
			continue
		}
		if count++; count <= maxNamed {
			r.With(podObject(p.Ref()), "%s", whyNotReady(p))
		}
	}
	if count > maxNamed {
		r.With("and", "%d more pods that are not ready", count-maxNamed)
	}
}

// whyNotReady is what a pod says about itself.
func whyNotReady(p facts.Pod) string {
	why := p.Phase
	if p.NotReady != "" {
		why = p.NotReady
	}
	for _, c := range p.Containers {
		if c.Waiting != "" {
			why += fmt.Sprintf("; container %s: %s, %s", c.Name, c.Waiting, check.Count(c.Restarts, "restart"))
		}
	}
	if p.NoSandbox != nil {
		why += "; no network: " + p.NoSandbox.Message
	}
	if p.Terminating {
		why += "; terminating"
	}
	return dial.Clean(strings.TrimPrefix(why, "; "), 200)
}
