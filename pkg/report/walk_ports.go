package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// portStep is where each port of a service leads, by the endpoints: pods of one service
// may have another number each for a port that goes by name. ok is false where there is
// nothing to tell: one port that is a number.
func portStep(s facts.Service, results []check.Result) (st Step, ok bool) {
	named := slices.ContainsFunc(s.Ports, func(p facts.ServicePort) bool { return isName(p.TargetPort) })
	if len(s.Ports) < 2 && !named || s.EndpointsUnknown || len(s.Ready()) == 0 {
		return Step{}, false
	}
	st = Step{Name: "ports", Status: check.Pass}
	for i, port := range s.Ports {
		if i == mostLines {
			st.Lines = append(st.Lines, Line{Key: "more", Text: fmt.Sprintf("%d ports", len(s.Ports)-mostLines)})
			break
		}
		l := portLine(s, port)
		for _, r := range results {
			if r.Target == port.TargetPort && Worse(r.Status, l.Status) {
				l.Status, l.Text = r.Status, l.Text+"; "+r.Summary
			}
		}
		if Worse(l.Status, st.Status) {
			st.Status = l.Status
		}
		st.Lines = append(st.Lines, l)
	}
	lead := 0
	for _, port := range s.Ports {
		if portLine(s, port).Status == check.Pass {
			lead++
		}
	}
	st.Detail = fmt.Sprintf("%d of %d lead to every ready endpoint", lead, len(s.Ports))
	if len(s.Ports) == 1 {
		st.Detail = st.Lines[0].Key + " " + st.Lines[0].Text
		st.Lines = nil
	}
	return st, true
}

func isName(targetPort string) bool {
	_, err := strconv.ParseUint(targetPort, 10, 16)
	return err != nil && targetPort != ""
}

// portLine is one port: what it is called on the way, and which number it has where.
func portLine(s facts.Service, port facts.ServicePort) Line {
	l := Line{Status: check.Pass, Key: fmt.Sprintf("%d/%s", port.Port, port.Protocol)}
	if port.Name != "" {
		l.Key = port.Name + " " + l.Key
	}
	counts := map[uint16]int{}
	without := 0
	for _, e := range s.Ready() {
		i := slices.IndexFunc(e.Ports, func(p facts.EndpointPort) bool { return p.Name == port.Name && p.Protocol == port.Protocol })
		if i < 0 {
			without++
			continue
		}
		counts[e.Ports[i].Port]++
	}
	numbers := make([]uint16, 0, len(counts))
	for n := range counts {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	var words []string
	for _, n := range numbers[:min(len(numbers), mostHandedTo)] {
		words = append(words, fmt.Sprintf("%d at %d", n, counts[n]))
	}
	all := Count(len(s.Ready()), "ready endpoint")
	l.Text = "leads to " + strings.Join(words, ", ") + " of " + all
	if without > 0 {
		l.Status = check.Warn
		l.Text += fmt.Sprintf(", nowhere at %d", without)
	}
	if len(counts) == 0 {
		l.Text = "leads nowhere: none of " + all + " has it"
	}
	if isName(port.TargetPort) {
		l.Text = "targetPort " + port.TargetPort + " " + l.Text
	}
	if port.NodePort != 0 {
		l.Text += fmt.Sprintf(", node port %d", port.NodePort)
	}
	if port.AppProtocol != "" {
		l.Text += ", appProtocol " + port.AppProtocol
	}
	return l
}
