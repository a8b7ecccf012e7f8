package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// appWay is a way in which an application that was reached does not do what was asked of
// it: the network has done its part.
type appWay struct {
	kinds []check.Failure
	// says goes behind "10.0.0.1:80 " and "an endpoint of service shop/web ", and say behind
	// "3 endpoints of service shop/web ".
	says, say  string
	confidence diagnose.Confidence
	likely     string
	// warned says which warnings count too; nil for none. Where others than the cluster's
	// own pods ask as well, or nobody by the name that was asked for, they are no more
	// than possible.
	warned func(*diagnose.Case, check.Result) bool
}

// find is the Find of such a cause. Most warnings are left to their rows: the port's
// protocol was guessed then, or the answer is no proof of anything.
func (w appWay) find(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, id := range []string{"service.endpoint", "target.tcp", "target.http"} {
		found := slices.DeleteFunc(c.Find(diagnose.Match{Check: id, Status: failing, Failure: w.kinds}), func(r check.Result) bool {
			return r.Status != check.Fail && (w.warned == nil || !w.warned(c, r))
		})
		for _, group := range bySubject(found) {
			f := diagnose.Finding{
				Headline:   group[0].Target + " " + w.says,
				Confidence: w.confidence,
				Where:      places(c, group),
				Evidence:   seenAll(group),
				Explains:   c.Through(diagnose.Keys(group)),
				Likely:     w.likely,
				Rank:       rankSymptom + 1,
			}
			s := c.Service(group[0].Subject)
			if group[0].Status != check.Fail && (s == nil || entered(s)) {
				f.Confidence = diagnose.Possible
				f.Likely += "; or it routes by names, and was asked by one that it was not told of"
			}
			if s != nil && id == "service.endpoint" {
				f.Headline = fmt.Sprintf("an endpoint of service %s %s", s.Ref(), w.says)
				if len(group) > 1 {
					f.Headline = fmt.Sprintf("%d endpoints of service %s %s", len(group), s.Ref(), w.say)
				}
				f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s get service %s -o yaml", s.Namespace, s.Name))
			}
			if namespace, pod := namespaced(group[0].Object); namespace != "" {
				f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s logs %s --tail=20", namespace, pod))
			}
			findings = append(findings, f)
		}
	}
	return findings
}

// entered reports whether a service is meant to be entered from outside the cluster, where
// it has other names than the one that it is asked by inside.
func entered(s *facts.Service) bool {
	return s.Type == "LoadBalancer" || s.Type == "NodePort" || len(s.ExternalIPs) > 0
}
