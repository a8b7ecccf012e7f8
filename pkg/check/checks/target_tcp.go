package checks

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func init() {
	Registry.Add(check.Define(check.Spec[reachParams]{
		ID:      "target.tcp",
		Area:    "target",
		Summary: "a TCP port of a target accepts connections and, where its protocol allows, answers with first bytes",
		Plan:    func(f *facts.Facts) []check.Planned[reachParams] { return targetTasks(f, facts.TCP) },
		Run:     reach,
		Read:    readTargetPorts,
	}))
}

// readTargetPorts says which targets have no port to try, and which ask for a port
// name that none of their containers has.
func readTargetPorts(f *facts.Facts) []check.Result {
	var results []check.Result
	for _, t := range f.Targets {
		if t.Kind != target.Pod && t.Kind != target.Workload || t.Port != 0 || len(t.Pods) == 0 {
			continue
		}
		found := false
		for _, pod := range t.Pods {
			found = found || len(podPorts(t, pod, facts.TCP)) > 0 || len(podPorts(t, pod, facts.UDP)) > 0
		}
		if found {
			continue
		}
		r := check.Skipf("--to "+t.Object()+":PORT", "no port was given, and its containers declare none")
		if t.PortName != "" {
			r = failed(check.Config, "no container has a port named %q", t.PortName)
		}
		subject := targetSubject(t)
		r.Label = check.Label{Title: targetTitle(f, t) + " ports", Target: subject, Object: subject, Subject: subject, Asked: t.Raw}
		results = append(results, r)
	}
	return results
}
