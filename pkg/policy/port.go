package policy

import (
	"fmt"
	"strconv"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// portMatcher is an item of a rule's ports, read once.
type portMatcher struct {
	protocol facts.Protocol
	// name is a named port's; else from and to are the range, both 0 for every port.
	name     string
	from, to uint16
	broken   string
}

// compilePort reads an item with the API's defaults: no protocol is TCP, no port is
// every port of the protocol. What the API server would refuse (ValidateNetworkPolicyPort
// of pkg/apis/networking/validation) cannot be evaluated.
func compilePort(p networkingv1.NetworkPolicyPort) portMatcher {
	m := portMatcher{protocol: facts.TCP}
	if p.Protocol != nil {
		m.protocol = facts.Protocol(*p.Protocol)
	}
	if !known(m.protocol) {
		m.broken = fmt.Sprintf("protocol %.60q is none of TCP, UDP and SCTP", string(m.protocol))
		return m
	}
	switch {
	case p.Port == nil && p.EndPort != nil:
		m.broken = "endPort stands without port"
	case p.Port == nil:
	case p.Port.Type == intstr.String:
		m.name = p.Port.StrVal
		if problems := validation.IsValidPortName(m.name); len(problems) > 0 {
			m.broken = fmt.Sprintf("port %.60q is no name of a port: %s", m.name, problems[0])
		} else if p.EndPort != nil {
			m.broken = fmt.Sprintf("endPort stands with a named port, %.60q", m.name)
		}
	default:
		first, last := p.Port.IntVal, p.Port.IntVal
		if p.EndPort != nil {
			last = *p.EndPort
		}
		if first < 1 || last > 65535 || last < first {
			m.broken = fmt.Sprintf("ports %d to %d are no range within 1 to 65535", first, last)
			return m
		}
		m.from, m.to = uint16(first), uint16(last)
	}
	return m
}

func known(p facts.Protocol) bool { return p == facts.TCP || p == facts.UDP || p == facts.SCTP }

// match asks whether the item takes a flow's destination port. A name is looked up at
// the destination pod in both directions: it is that pod's containers that declare it.
func (m portMatcher) match(r resolved) answer {
	switch {
	case m.broken != "":
		return answer{maybe, m.broken}
	case m.protocol != r.protocol:
		return answer{}
	case m.name == "" && m.from == 0:
		return answer{is: yes}
	case r.port == 0:
		return answer{maybe, "the flow's port is not known"}
	case m.name == "":
		return answer{is: truthOf(m.from <= r.port && r.port <= m.to)}
	}
	for _, number := range m.numbers(r.destination.pod) {
		if number == r.port {
			return answer{is: yes}
		}
	}
	return answer{}
}

// numbers are the ports that a pod's containers declare under the item's name and
// protocol: several where containers use one name, none where the end is no pod.
func (m portMatcher) numbers(pod *facts.Pod) []uint16 {
	if pod == nil {
		return nil
	}
	var list []uint16
	for _, c := range pod.Containers {
		for _, p := range c.Ports {
			protocol := p.Protocol
			if protocol == "" {
				protocol = facts.TCP
			}
			if p.Name == m.name && protocol == m.protocol {
				list = append(list, p.Port)
			}
		}
	}
	return list
}

// String is the item for people: "port 8080", "ports 8000-9000/UDP", "port http".
func (m portMatcher) String() string {
	suffix := ""
	if m.protocol != facts.TCP {
		suffix = "/" + string(m.protocol)
	}
	switch {
	case m.name != "":
		return "port " + m.name + suffix
	case m.from == 0:
		return "any " + string(m.protocol) + " port"
	case m.from == m.to:
		return "port " + strconv.Itoa(int(m.from)) + suffix
	}
	return fmt.Sprintf("ports %d-%d%s", m.from, m.to, suffix)
}

// at is the item as it stands at a pod: "port http (8081)".
func (m portMatcher) at(pod *facts.Pod) string {
	if m.name == "" {
		return m.String()
	}
	numbers := m.numbers(pod)
	switch {
	case pod == nil:
		return m.String() + " (a name, and the destination is no pod)"
	case len(numbers) == 0:
		return m.String() + " (no container of the pod declares it)"
	}
	text := ""
	for i, n := range numbers {
		if i > 0 {
			text += ", "
		}
		text += strconv.Itoa(int(n))
	}
	return m.String() + " (" + text + ")"
}
