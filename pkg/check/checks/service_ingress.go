package checks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "service.ingress",
		Area:    "service",
		Summary: "the rules of Ingresses that lead to a service name a port that it has",
		Read: func(f *facts.Facts) []check.Result {
			var results []check.Result
			for _, s := range f.Services {
				for _, rule := range s.Ingresses {
					r := judgeIngress(s, rule)
					r.Label = check.Label{
						Title: nameFrom(f, s.Ref()) + " ingress", Target: rule.Host + rule.Path,
						Object: ingressObject(s, rule), Subject: serviceObject(s.Ref()),
					}
					results = append(results, r)
				}
			}
			return results
		},
	}))
}

// useAnnotation is the port of a rule that the AWS Load Balancer Controller follows by an
// annotation, alb.ingress.kubernetes.io/actions.NAME.
const useAnnotation = "use-annotation"

// judgeIngress is pure: a rule against the service that it names.
func judgeIngress(s facts.Service, rule facts.IngressRule) check.Result {
	if rule.PortName == useAnnotation {
		return check.Skipf("", "its port is %s: an annotation says where it leads", useAnnotation)
	}
	asked := rule.PortName
	if asked == "" {
		asked = strconv.Itoa(int(rule.Port))
	}
	if !s.HasPort(rule.Port, rule.PortName) {
		r := failed(check.Config, "leads to port %s, which the service does not have", asked)
		r.With("ports of the service", "%s", portsOf(s))
		r.Meaning = "ingress controllers answer 503 for such a rule, or leave it out"
		return r
	}
	return check.Result{Status: check.Pass, Summary: "leads to port " + asked}
}

// portsOf lists a service's ports for people.
func portsOf(s facts.Service) string {
	var have []string
	for _, p := range slices.Concat(s.Ports, s.OtherPorts) {
		have = append(have, strings.TrimSpace(fmt.Sprintf("%d %s", p.Port, p.Name)))
	}
	if len(have) == 0 {
		return "none"
	}
	return strings.Join(have, ", ")
}

func ingressObject(s facts.Service, rule facts.IngressRule) string {
	return "ingress/" + s.Namespace + "/" + rule.Ingress
}
