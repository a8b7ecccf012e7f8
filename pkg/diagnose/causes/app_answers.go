package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
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
	// warned says which warnings count too; nil for none.
	warned func(check.Result) bool
}

// find is the Find of such a cause. Most warnings are left to their rows: the port's
// protocol was guessed then, or the answer is no proof of anything.
func (w appWay) find(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, id := range []string{"service.endpoint", "target.tcp", "target.http"} {
		found := slices.DeleteFunc(c.Find(diagnose.Match{Check: id, Status: failing, Failure: w.kinds}), func(r check.Result) bool {
			return r.Status != check.Fail && (w.warned == nil || !w.warned(r))
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
			if s := c.Service(group[0].Subject); s != nil && id == "service.endpoint" {
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
