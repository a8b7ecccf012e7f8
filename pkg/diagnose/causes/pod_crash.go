package causes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-CRASH",
		Summary: "a container of a pod ends again and again",
		Signal:  "The API shows a container that waits to be started again (CrashLoopBackOff, Error) or has restarted, in a pod that is not ready; or one that runs just now, whose last run was short, failed, and ended minutes ago, and whose ports refuse.",
		Meaning: "Not the network: the process ends, and nothing listens meanwhile.",
		Confirm: []string{"kubectl -n NAMESPACE describe pod POD (Last State, Exit Code)"},
		Remedy:  []string{"kubectl -n NAMESPACE logs POD -c CONTAINER --previous"},
		Source:  "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restarts",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "crashes"},
		Find:    findPodCrash,
	})
}

func findPodCrash(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "state.pod"}) {
		container, between := crashing(c, r.Object)
		namespace, pod := namespaced(r.Object)
		lost := c.Find(diagnose.Match{Object: r.Object, Status: failing, Failure: []check.Failure{check.Refused, check.Timeout, check.Reset, check.Silent}})
		if container == nil || namespace == "" || between && !slices.ContainsFunc(lost, func(l check.Result) bool { return l.Failure == check.Refused }) {
			continue
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("container %s of %s ends again and again: %s", container.Name, r.Object, check.Count(container.Restarts, "restart")),
			Confidence: diagnose.Certain,
			Where:      []string{r.Object},
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Likely:     "the process fails: its log says why; it is not the network",
			Try:        []string{fmt.Sprintf("kubectl -n %s logs %s -c %s --previous", namespace, pod, container.Name), fmt.Sprintf("kubectl -n %s describe pod %s", namespace, pod)},
			Rank:       rankMeasured,
		}
		if diagnose.Bad(r) {
			f.Explains = append(f.Explains, diagnose.Key(r))
		}
		if ended := container.Ended; ended != nil {
			f.Evidence = append(f.Evidence, fmt.Sprintf("its last run lasted %s and ended with exit code %d (%s)", ended.Ran, ended.ExitCode, ended.Reason))
		}
		for _, other := range lost {
			f.Explains = append(f.Explains, diagnose.Key(other))
		}
		f.Explains = c.Through(f.Explains)
		findings = append(findings, f)
	}
	return findings
}

// shortRun is how long a container that crashes runs at most: the backoff between its
// runs begins at 10 s, and one that ran for 10 min is not held back any more.
const shortRun = time.Minute

// recentEnd is how long ago such a container's last run ended at most: the longest backoff
// is 5 min. One that failed once while it waited for something, and runs since, is no such.
const recentEnd = 10 * time.Minute

// crashing is the container of a pod that ends again and again, nil when none does;
// between says that it runs at the moment, so that its ports have to prove it.
func crashing(c *diagnose.Case, object string) (container *facts.Container, between bool) {
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
		for i, k := range p.Containers {
			down := strings.Contains(k.Waiting, "CrashLoop") || strings.Contains(k.Waiting, "Error") || k.Waiting == "Completed"
			if !k.Ready && k.Restarts > 0 && down {
				return &p.Containers[i], false
			}
			if k.Restarts > 0 && k.Waiting == "" && k.Ended != nil && k.Ended.ExitCode != 0 && k.Ended.Ran < shortRun && lately(c.Facts, *k.Ended) {
				return &p.Containers[i], true
			}
		}
	}
	return nil, false
}

// lately reports whether a container's last run ended a short while ago, by the cluster's
// clock; where nobody says when, it may have.
func lately(f *facts.Facts, e facts.Ended) bool {
	return e.Finished.IsZero() || f.Now.Sub(e.Finished) < recentEnd
}
