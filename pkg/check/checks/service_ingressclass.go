package checks

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "service.ingressclass",
		Area:    "service",
		Summary: "the class of each Ingress that leads to a service exists, so that somebody may serve it",
		Read: func(f *facts.Facts) []check.Result {
			var results []check.Result
			for _, s := range f.Services {
				seen := map[string]bool{}
				for _, rule := range s.Ingresses {
					if seen[rule.Ingress] {
						continue
					}
					seen[rule.Ingress] = true
					r := judgeIngressClass(rule)
					r.Label = check.Label{
						Title: nameFrom(f, s.Ref()) + " ingress class", Target: rule.Ingress,
						Object: ingressObject(s, rule), Subject: serviceObject(s.Ref()),
					}
					results = append(results, r)
				}
			}
			return results
		},
	}))
}

// judgeIngressClass is pure. A class that does not exist is a warning: there are
// controllers that serve Ingresses without asking for one.
func judgeIngressClass(rule facts.IngressRule) check.Result {
	class := "class " + rule.Class
	if rule.Class == "" {
		class = "the default class"
	}
	switch {
	case len(rule.Addresses) > 0:
		return check.Result{Status: check.Pass, Summary: class + ", served: it was given an address"}
	case !rule.ClassKnown:
		return check.Skipf("get and list ingressclasses.networking.k8s.io", "cannot tell whether %s exists", class)
	case rule.ClassExists:
		return check.Result{Status: check.Pass, Summary: class + " exists; no controller has given the Ingress an address"}
	}
	r := check.Result{Status: check.Warn, Failure: check.Config, Summary: fmt.Sprintf("names class %s, which does not exist: nobody serves it", rule.Class)}
	if rule.Class == "" {
		r.Summary = "names no class, and the cluster has no default one: nobody serves it"
	}
	r.Meaning = "controllers serve the Ingresses of their own classes only: requests get the controller's 404, or no answer at all"
	return r
}
