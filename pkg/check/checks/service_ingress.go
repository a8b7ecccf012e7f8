package checks

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "service.ingress",
		Area:    "service",
		Summary: "the rules of Ingresses that lead to a service name a port that it has, and a class that exists",
		Read: func(f *facts.Facts) []check.Result {
			var results []check.Result
			for _, s := range f.Services {
				for _, rule := range s.Ingresses {
					r := judgeIngress(s, rule)
					r.Label = check.Label{
						Title: nameFrom(f, s.Ref()) + " ingress", Target: rule.Host + rule.Path,
						Object: "ingress/" + s.Namespace + "/" + rule.Ingress, Subject: serviceObject(s.Ref()),
					}
					results = append(results, r)
				}
			}
			return results
		},
	}))
}

// judgeIngress is pure: a rule against the service that it names.
func judgeIngress(s facts.Service, rule facts.IngressRule) check.Result {
	asked := rule.PortName
	found := false
	for _, p := range s.Ports {
		found = found || rule.PortName != "" && p.Name == rule.PortName || rule.Port != 0 && p.Port == rule.Port
	}
	if asked == "" {
		asked = strconv.Itoa(int(rule.Port))
	}
	switch {
	case !found:
		r := failed(check.Config, "leads to port %s, which the service does not have", asked)
		var have []string
		for _, p := range s.Ports {
			have = append(have, strings.TrimSpace(fmt.Sprintf("%d %s", p.Port, p.Name)))
		}
		r.With("ports of the service", "%s", strings.Join(have, ", "))
		r.Meaning = "ingress controllers answer 503 for such a rule, or leave it out"
		return r
	case rule.ClassKnown && !rule.ClassExists && rule.Class == "":
		r := check.Result{Status: check.Warn, Failure: check.Config, Summary: "names no class, and the cluster has no default one: nobody serves it"}
		return r
	case rule.ClassKnown && !rule.ClassExists:
		return check.Result{Status: check.Warn, Failure: check.Config, Summary: fmt.Sprintf("names class %s, which does not exist: nobody serves it", rule.Class)}
	}
	return check.Result{Status: check.Pass, Summary: "leads to port " + asked}
}
