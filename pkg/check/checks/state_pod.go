package checks

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "state.pod",
		Area:    "target",
		Summary: "the API shows the pod itself, and the pods it is to reach, as ready",
		Read:    readStatePod,
	}))
}

func readStatePod(f *facts.Facts) []check.Result {
	var results []check.Result
	seen := map[facts.Ref]bool{}
	add := func(area, title, subject string, p facts.Pod) {
		if seen[p.Ref()] {
			return
		}
		seen[p.Ref()] = true
		r := podState(p)
		r.Label = check.Label{Area: area, Title: title, Target: p.Ref().String(), Object: podObject(p.Ref()), Subject: subject}
		results = append(results, r)
	}
	if v := f.Vantage; v.Kind == facts.VantagePod && v.Pod != nil {
		add("vantage", "pod state", podObject(v.Pod.Ref()), *v.Pod)
	}
	for _, t := range f.Targets {
		if t.Kind == target.Workload && len(t.Pods) == 0 && !t.Unknown {
			r := failed(check.NoEndpoint, "has no pods")
			r.Label = check.Label{Title: t.Name + " state", Target: t.Object(), Object: t.Object(), Subject: t.Object(), Asked: t.Raw}
			results = append(results, r)
		}
		for _, p := range t.Pods {
			add("target", targetTitle(f, t)+" state", targetSubject(t), p)
		}
	}
	return results
}

// podState is what the API says of one pod.
func podState(p facts.Pod) check.Result {
	restarts := int32(0)
	for _, c := range p.Containers {
		restarts += c.Restarts
	}
	var r check.Result
	switch {
	case p.Terminating:
		r = check.Result{Status: check.Warn, Failure: check.NotReady, Summary: "is being deleted"}
	case p.Phase != "Running":
		r = failed(check.NotReady, "is %s, not running", p.Phase)
	case !p.Ready:
		r = failed(check.NotReady, "is running, but not ready")
	default:
		r = check.Result{Status: check.Pass, Summary: "running and ready"}
	}
	if r.Status != check.Pass {
		r.With("reason", "%s", whyNotReady(p))
	}
	if p.Node != "" {
		r.With("node", "%s", p.Node)
	}
	if restarts > 0 {
		r.With("restarts", "%d", restarts)
		r.Summary += ", " + check.Count(restarts, "restart")
	}
	return r
}
