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
		Code:    "NL-SVC-SELECTOR-WIDE",
		Summary: "a service's selector matches the pods of another workload too, which is another application",
		Signal:  "The endpoints are of several workloads. Those of one all fail at the application (refused, cut, silent, another protocol), those of the others all answer; and the pods of the one declare ports among which the service's is not, while those of the others declare it.",
		Meaning: "A share of the connections goes to an application that was never meant to answer them. Two workloads of one application, a canary and a stable one, are no such case: both have the port.",
		Confirm: []string{"kubectl -n NAMESPACE get endpointslices -l kubernetes.io/service-name=NAME -o wide", "kubectl -n NAMESPACE get pods -l SELECTOR -L app,tier,component"},
		Remedy:  []string{"kubectl -n NAMESPACE edit service NAME: add a label to the selector that only its own pods have"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service/#defining-a-service",
		Find:    findSelectorWide,
	})
}

// foreignWays are how an application fails that is not the one that was asked for.
var foreignWays = []check.Failure{check.Refused, check.Reset, check.Closed, check.Silent, check.Protocol}

func findSelectorWide(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, group := range bySubject(c.Find(diagnose.Match{Check: "service.endpoint"})) {
		s := c.Service(group[0].Subject)
		if s == nil || !s.SelectorRead {
			continue
		}
		own, strange, ok := byWorkload(*s, group)
		if !ok {
			continue
		}
		var foreign []check.Result
		for _, w := range strange {
			foreign = append(foreign, w.results...)
		}
		f := diagnose.Finding{
			Headline: fmt.Sprintf("service %s selects the pods of %s too: %d of its %d endpoints are another application",
				s.Ref(), workloadNames(strange), len(foreign), len(group)),
			Confidence: diagnose.Likely,
			Where:      places(c, foreign),
			Evidence: append(seenAll(foreign),
				fmt.Sprintf("all endpoints of %s answer, and their pods declare port %s", workloadNames(own), portText(group[0])),
				fmt.Sprintf("the pods of %s declare other ports: %s", workloadNames(strange), strings.Join(strange[0].ports, ", "))),
			Explains: c.Through(diagnose.Keys(foreign)),
			Likely:   "the selector has labels only that both workloads have",
			Try: []string{
				fmt.Sprintf("kubectl -n %s get service %s -o jsonpath='{.spec.selector}'", s.Namespace, s.Name),
				fmt.Sprintf("kubectl -n %s get pods --show-labels", s.Namespace),
			},
			Rank: rankService,
		}
		if len(s.Siblings) > 0 {
			f.Evidence = append(f.Evidence, "the same selector is that of service "+strings.Join(s.Siblings, ", "))
		}
		findings = append(findings, f)
	}
	return findings
}

// workload is the part of a service's endpoints that one workload made.
type workload struct {
	name    string
	results []check.Result
	ports   []string // that its pods declare
	has     bool     // the port tried is among them
}

// byWorkload splits the endpoints of a port into workloads that are meant and such that
// are not. ok is false where they cannot be told apart for sure.
func byWorkload(s facts.Service, group []check.Result) (own, strange []workload, ok bool) {
	list := map[string]*workload{}
	var order []string
	for _, r := range group {
		i := slices.IndexFunc(s.SelectedPods, func(p facts.Pod) bool { return "pod/"+p.Ref().String() == r.Object })
		if i < 0 || s.SelectedPods[i].Owner == "" {
			return nil, nil, false
		}
		pod := s.SelectedPods[i]
		w := list[pod.Owner]
		if w == nil {
			w = &workload{name: pod.Owner}
			list[pod.Owner] = w
			order = append(order, pod.Owner)
		}
		w.results = append(w.results, r)
		w.declare(pod, r)
	}
	slices.Sort(order)
	for _, name := range order {
		w := *list[name]
		answers := !slices.ContainsFunc(w.results, func(r check.Result) bool { return r.Status != check.Pass })
		fails := !slices.ContainsFunc(w.results, func(r check.Result) bool {
			return r.Status != check.Fail || !allFailures(r, foreignWays...)
		})
		switch {
		case answers && w.has:
			own = append(own, w)
		case fails && !w.has && len(w.ports) > 0:
			strange = append(strange, w)
		default:
			return nil, nil, false
		}
	}
	return own, strange, len(own) > 0 && len(strange) > 0
}

func (w *workload) declare(pod facts.Pod, r check.Result) {
	tried, protocol, _ := diagnose.TargetPort(r)
	for _, container := range pod.Containers {
		for _, p := range container.Ports {
			if text := fmt.Sprintf("%d/%s", p.Port, p.Protocol); !slices.Contains(w.ports, text) {
				w.ports = append(w.ports, text)
			}
			w.has = w.has || p.Port == tried.Port() && p.Protocol == protocol
		}
	}
}

func workloadNames(list []workload) string {
	var names []string
	for _, w := range list {
		names = append(names, w.name)
	}
	return strings.Join(names, ", ")
}
