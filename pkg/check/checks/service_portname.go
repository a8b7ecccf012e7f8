package checks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "service.portname",
		Area:    "service",
		Summary: "every pod behind a service has the ports that the service names; which number each name stands for in which pod",
		Read: func(f *facts.Facts) []check.Result {
			var results []check.Result
			for _, s := range f.Services {
				for _, port := range s.Ports {
					r, ok := judgePortName(s, port)
					if !ok {
						continue
					}
					r.Label = check.Label{
						Title: nameFrom(f, s.Ref()) + " port name", Target: port.TargetPort,
						Object: serviceObject(s.Ref()), Subject: serviceObject(s.Ref()),
					}
					r.TaskID = "service.portname " + s.Ref().String() + " " + port.Name + " " + port.TargetPort
					results = append(results, r)
				}
			}
			return results
		},
	}))
}

// judgePortName is pure: what a targetPort that is a name stands for. ok is false where
// that is no question: it is a number, the pods were not read, or no pod has the name,
// which service.ready tells.
func judgePortName(s facts.Service, port facts.ServicePort) (r check.Result, ok bool) {
	if _, err := strconv.ParseUint(port.TargetPort, 10, 16); err == nil || port.TargetPort == "" || !s.SelectorRead {
		return check.Result{}, false
	}
	var lack []string
	numbers := map[uint16]int{}
	ready := 0
	for _, p := range s.SelectedPods {
		if !p.Ready || p.Terminating || p.Phase != "Running" {
			continue
		}
		ready++
		number, found := namedPort(p, port)
		if !found {
			lack = append(lack, podObject(p.Ref()))
			continue
		}
		numbers[number]++
	}
	if len(numbers) == 0 {
		return check.Result{}, false
	}
	list := make([]uint16, 0, len(numbers))
	for n := range numbers {
		list = append(list, n)
	}
	slices.Sort(list)
	var stands []string
	for _, n := range list {
		noun := "pods"
		if numbers[n] == 1 {
			noun = "pod"
		}
		stands = append(stands, fmt.Sprintf("%d in %d %s", n, numbers[n], noun))
	}
	text := strings.Join(stands, ", ")
	if len(lack) == 0 {
		r = check.Result{Status: check.Pass, Summary: fmt.Sprintf("targetPort %s is %s", port.TargetPort, text)}
		return r, true
	}
	r = check.Result{Status: check.Warn, Failure: check.Config}
	r.Summary = fmt.Sprintf("targetPort %q of port %d is a name that %d of %d ready pods lack: they get no connection", port.TargetPort, port.Port, len(lack), ready)
	r.Meaning = "an EndpointSlice has such a pod without that port, so that nobody sends to it; nothing fails, but the others carry its share"
	r.With("without it", "%s", fewOf(lack))
	r.With(port.TargetPort, "%s", text)
	return r, true
}

// namedPort is the number that a pod's containers give a service's port.
func namedPort(p facts.Pod, port facts.ServicePort) (number uint16, found bool) {
	for _, c := range p.Containers {
		for _, declared := range c.Ports {
			if declared.Name == port.TargetPort && declared.Protocol == port.Protocol {
				return declared.Port, true
			}
		}
	}
	return 0, false
}
