package checks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

const undeclaredID = "service.targetport"

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      undeclaredID,
		Area:    "service",
		Summary: "the number that a service sends to is a port that its pods declare; a warning, and only where no packet was sent to it",
		Read: func(f *facts.Facts) []check.Result {
			var results []check.Result
			for _, s := range f.Services {
				for _, port := range s.Ports {
					r, ok := judgeTargetPort(s, port)
					if !ok {
						continue
					}
					r.Label = check.Label{
						Title: nameFrom(f, s.Ref()) + " target port", Target: port.TargetPort,
						Object: serviceObject(s.Ref()), Subject: serviceObject(s.Ref()),
					}
					r.TaskID = fmt.Sprintf("%s %s %d/%s", undeclaredID, s.Ref(), port.Port, port.Protocol)
					results = append(results, r)
				}
			}
			return results
		},
	}))
}

// judgeTargetPort is pure: a number that none of the pods declares, although they declare
// others, is perhaps a mistake; to declare is voluntary. ok is false where that is no
// question: a name, pods that were not read, a port that some pod declares, or a container
// that declares none, whose port it may be (what a sidecar beside it declares says nothing).
func judgeTargetPort(s facts.Service, port facts.ServicePort) (r check.Result, ok bool) {
	number, err := strconv.ParseUint(port.TargetPort, 10, 16)
	if err != nil || !s.SelectorRead || s.Headless || s.Type == "ExternalName" {
		return check.Result{}, false
	}
	var declared []facts.ContainerPort
	for _, p := range s.SelectedPods {
		for _, c := range p.Containers {
			if len(c.Ports) == 0 {
				return check.Result{}, false
			}
			for _, d := range c.Ports {
				if d.Port == uint16(number) && d.Protocol == port.Protocol {
					return check.Result{}, false
				}
				declared = append(declared, facts.ContainerPort{Port: d.Port, Protocol: d.Protocol})
			}
		}
	}
	slices.SortFunc(declared, func(a, b facts.ContainerPort) int { return int(a.Port) - int(b.Port) })
	if declared = slices.Compact(declared); len(declared) == 0 {
		return check.Result{}, false
	}
	var have []string
	for _, d := range declared[:min(len(declared), maxNamed)] {
		have = append(have, fmt.Sprintf("%d/%s", d.Port, d.Protocol))
	}
	r = check.Result{Status: check.Warn, Summary: fmt.Sprintf("port %d goes to targetPort %s, and none of its pods declares that; they declare %s", port.Port, port.TargetPort, strings.Join(have, ", "))}
	if len(declared) == 1 && declared[0].Protocol == port.Protocol {
		r.Summary += fmt.Sprintf(": did you mean %d?", declared[0].Port)
	}
	r.Meaning = "a port need not be declared to be listened on: without a probe nobody has tried it"
	return r, true
}

// WithoutTried leaves out what the API lets suspect of a service's target ports where its
// endpoints were tried: what came of that says more.
func WithoutTried(results []check.Result) []check.Result {
	tried := map[string]bool{}
	for _, r := range results {
		if r.Check == "service.endpoint" && r.Status != check.Skipped && r.Status != check.Error {
			tried[r.Subject] = true
		}
	}
	return slices.DeleteFunc(results, func(r check.Result) bool { return r.Check == undeclaredID && tried[r.Subject] })
}
