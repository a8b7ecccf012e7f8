package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// insideDark are the pods that answer nothing, of whose own network a probe inside them
// tells that it fails in that way.
func insideDark(c *diagnose.Case, kinds ...check.Failure) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "pod.network", Status: failing, Failure: kinds}) {
		lost := c.Find(diagnose.Match{Object: r.Object, Status: failing, Failure: []check.Failure{check.Timeout, check.Unreachable}})
		if len(lost) == 0 {
			continue
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("%s answers nothing: %s", r.Object, r.Summary),
			Confidence: diagnose.Certain,
			Where:      places(c, lost[:1]),
			Evidence:   append(append(seenAll(lost), "from inside: "+r.Summary), evidenceLines(r)...),
			Explains:   c.Through(append(diagnose.Keys(lost), diagnose.Key(r))),
			Likely:     "something in the pod has changed its network, or the CNI plugin was interrupted",
			Rank:       rankMeasured,
		}
		if namespace, pod := namespaced(r.Object); namespace != "" {
			f.Try = []string{
				fmt.Sprintf("kubectl netlook shell %s -n %s -- ip address", pod, namespace),
				fmt.Sprintf("kubectl netlook shell %s -n %s -- ip route", pod, namespace),
				fmt.Sprintf("kubectl -n %s delete pod %s   (if a controller owns it, which makes it anew)", namespace, pod),
			}
		}
		findings = append(findings, f)
	}
	return findings
}
