package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-CRASH",
		Summary: "a container of a pod ends again and again",
		Signal:  "The API shows a container that waits to be started again (CrashLoopBackOff, Error) or has restarted, in a pod that is not ready; its ports refuse.",
		Meaning: "Not the network: the process ends, and nothing listens meanwhile.",
		Confirm: []string{"kubectl -n NAMESPACE describe pod POD (Last State, Exit Code)"},
		Remedy:  []string{"kubectl -n NAMESPACE logs POD -c CONTAINER --previous"},
		Source:  "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restarts",
		Find:    findPodCrash,
	})
}

func findPodCrash(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "state.pod", Status: []check.Status{check.Fail}}) {
		container := crashing(c, r.Object)
		namespace, pod := namespaced(r.Object)
		if container == nil || namespace == "" {
			continue
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("container %s of %s ends again and again: %d restarts", container.Name, r.Object, container.Restarts),
			Confidence: diagnose.Certain,
			Where:      []string{r.Object},
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Explains:   []string{diagnose.Key(r)},
			Likely:     "the process fails: its log says why; it is not the network",
			Try:        []string{fmt.Sprintf("kubectl -n %s logs %s -c %s --previous", namespace, pod, container.Name), fmt.Sprintf("kubectl -n %s describe pod %s", namespace, pod)},
			Rank:       rankMeasured,
		}
		for _, other := range c.Find(diagnose.Match{Object: r.Object, Status: failing, Failure: []check.Failure{check.Refused, check.Timeout, check.Reset, check.Silent}}) {
			f.Explains = append(f.Explains, diagnose.Key(other))
		}
		f.Explains = c.Through(f.Explains)
		findings = append(findings, f)
	}
	return findings
}

// crashing is the container of a pod that ends again and again, nil when none does.
func crashing(c *diagnose.Case, object string) *facts.Container {
	var pods []facts.Pod
	if c.Facts.Vantage.Pod != nil {
		pods = append(pods, *c.Facts.Vantage.Pod)
	}
	for _, t := range c.Facts.Targets {
		pods = append(pods, t.Pods...)
	}
	for _, p := range pods {
		if "pod/"+p.Ref().String() != object {
			continue
		}
		i := slices.IndexFunc(p.Containers, func(k facts.Container) bool {
			return !k.Ready && k.Restarts > 0 && (strings.Contains(k.Waiting, "CrashLoop") || strings.Contains(k.Waiting, "Error") || k.Waiting == "Completed")
		})
		if i >= 0 {
			return &p.Containers[i]
		}
	}
	return nil
}
