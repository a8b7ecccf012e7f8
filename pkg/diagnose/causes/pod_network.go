package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// lackedBy reports whether what a pod lacks is what a result about it would need: the
// address that was tried, or a way back to who tried it.
func lackedBy(c *diagnose.Case, lost, inside check.Result) bool {
	addr, ok := diagnose.TargetAddr(lost)
	if !ok || inside.Kernel == nil {
		return false
	}
	if inside.Failure == check.Config {
		return !slices.ContainsFunc(inside.Kernel.Links, func(l facts.Link) bool { return holds(l, addr) })
	}
	for _, asker := range c.Facts.Vantage.IPs() {
		if asker.Is4() != addr.Is4() {
			continue
		}
		if route, found := narrowest(inside.Kernel.Routes, asker); found && route.Type == "unicast" {
			return false
		}
	}
	return true
}

// insideDark are the pods that answer nothing, of whose own network a probe inside them
// tells that it fails in that way.
func insideDark(c *diagnose.Case, kinds ...check.Failure) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "pod.network", Status: failing, Failure: kinds}) {
		lost := slices.DeleteFunc(c.Find(diagnose.Match{Object: r.Object, Status: failing, Failure: []check.Failure{check.Timeout, check.Unreachable}}), func(l check.Result) bool {
			return !c.PeerOf(l).Dark() || !lackedBy(c, l, r)
		})
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
