package checks

import (
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "service.balancer",
		Area:    "service",
		Summary: "a LoadBalancer service was given an address",
		Read:    readServiceBalancer,
	}))
}

// readServiceBalancer warns where a load balancer is asked for and nobody has made one.
func readServiceBalancer(f *facts.Facts) []check.Result {
	var results []check.Result
	for _, s := range f.Services {
		if s.Type != "LoadBalancer" {
			continue
		}
		r := check.Result{Status: check.Pass, Summary: strings.Join(s.Balancers, ", ")}
		if len(s.Balancers) == 0 {
			r = check.Result{Status: check.Warn, Failure: check.Config, Summary: "is pending: nobody has given it an address"}
			r.Meaning = "inside the cluster it works all the same; from outside there is no way in but its node ports"
		}
		r.Label = check.Label{
			Title: nameFrom(f, s.Ref()) + " balancer", Target: s.Ref().String(),
			Object: serviceObject(s.Ref()), Subject: serviceObject(s.Ref()),
		}
		results = append(results, r)
	}
	return results
}
