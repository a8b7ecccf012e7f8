package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-PENDING",
		Summary: "a pod was never started: no node takes it",
		Signal:  "The API shows the pod as Pending, and on no node; the scheduler says in its conditions why none fits.",
		Meaning: "Not the network: there is no process, and no address, to reach.",
		Confirm: []string{"kubectl -n NAMESPACE describe pod POD"},
		Remedy:  []string{"make room on a node, or change what the pod asks of one: its requests, node selector, affinity, tolerations or volumes"},
		Source:  "https://kubernetes.io/docs/tasks/debug/debug-application/debug-pods/#my-pod-stays-pending",
		Find:    findPodPending,
	})
}

func findPodPending(c *diagnose.Case) []diagnose.Finding {
	pods := []facts.Pod{}
	if p := c.Facts.Vantage.Pod; p != nil {
		pods = append(pods, *p)
	}
	for _, t := range c.Facts.Targets {
		pods = append(pods, t.Pods...)
	}
	var findings []diagnose.Finding
	told := map[string]bool{}
	for _, p := range pods {
		object := "pod/" + p.Ref().String()
		if p.Node != "" || p.Phase != "Pending" || told[object] {
			continue
		}
		told[object] = true
		for _, r := range c.Find(diagnose.Match{Check: "state.pod", Object: object, Status: []check.Status{check.Fail}}) {
			f := diagnose.Finding{
				Headline:   object + " does not run yet: it is on no node",
				Confidence: diagnose.Certain,
				Where:      []string{object},
				Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
				Explains:   diagnose.Keys([]check.Result{r}),
				Try:        []string{fmt.Sprintf("kubectl -n %s describe pod %s", p.Namespace, p.Name)},
				Rank:       rankMeasured,
			}
			if p.NotReady != "" {
				f.Headline = object + " does not run yet: " + p.NotReady
			}
			findings = append(findings, f)
		}
	}
	return findings
}
