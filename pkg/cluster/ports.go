package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// filterPorts keeps the ports of the service that the targets ask for, and those of
// its endpoints that belong to them. A target without a port asks for all. A port
// that the service does not have is an error that lists those it has.
func filterPorts(s *facts.Service, targets []target.Target) error {
	var kept []facts.ServicePort
	for _, t := range targets {
		asked := askedPorts(s.Ports, t)
		if len(asked) == 0 && (t.Port != 0 || t.PortName != "") {
			return noSuchPort(s, t)
		}
		kept = append(kept, asked...)
	}
	var other []facts.ServicePort
	s.Ports = slices.DeleteFunc(s.Ports, func(p facts.ServicePort) bool {
		if !slices.Contains(kept, p) {
			other = append(other, p)
			return true
		}
		return false
	})
	s.OtherPorts = other
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		e.Ports = slices.DeleteFunc(e.Ports, func(p facts.EndpointPort) bool {
			return !slices.ContainsFunc(s.Ports, func(sp facts.ServicePort) bool {
				return sp.Name == p.Name && sp.Protocol == p.Protocol
			})
		})
	}
	return nil
}

// askedPorts are the ports that one target asks for.
func askedPorts(ports []facts.ServicePort, t target.Target) []facts.ServicePort {
	var asked []facts.ServicePort
	for _, p := range ports {
		byName := t.PortName != "" && p.Name == t.PortName
		byNumber := t.PortName == "" && (t.Port == 0 || p.Port == t.Port)
		if (byName || byNumber) && (t.Protocol == "" || p.Protocol == facts.Protocol(t.Protocol)) {
			asked = append(asked, p)
		}
	}
	return asked
}

// noSuchPort says which ports there are, and whether a number typed is one of the
// ports behind the service, the most usual confusion.
func noSuchPort(s *facts.Service, t target.Target) error {
	var have []string
	hint := ""
	for _, p := range s.Ports {
		have = append(have, fmt.Sprintf("%s (%d/%s)", p.Name, p.Port, p.Protocol))
		if p.Name == "" {
			have[len(have)-1] = fmt.Sprintf("%d/%s", p.Port, p.Protocol)
		}
		if p.TargetPort == portText(t) && hint == "" {
			hint = fmt.Sprintf("; %s is the port behind it, ask for svc/%s:%d", p.TargetPort, s.Ref(), p.Port)
		}
	}
	switch {
	case len(have) == 0 && s.Type == "ExternalName":
		return problemf(ErrTarget, "service %s is an alias of %s and has no ports: ask for svc/%s, or --to %s:%s", s.Ref(), s.ExternalName, s.Ref(), s.ExternalName, portText(t))
	case len(have) == 0:
		return problemf(ErrTarget, "service %s has no ports at all: ask for svc/%s, or for a pod behind it", s.Ref(), s.Ref())
	}
	return problemf(ErrTarget, "service %s has no port %s; it has %s%s", s.Ref(), portText(t)+protocolText(t), strings.Join(have, ", "), hint)
}

// checkPort refuses a port name that no pod of the target declares, and takes a
// number that is declared for UDP only for what it is. Names stay names: their
// numbers may differ from pod to pod. Pods that were not read pass.
func checkPort(t *facts.Target) error {
	if len(t.Pods) == 0 || t.Port == 0 && t.PortName == "" {
		return nil
	}
	var declared, matching []facts.ContainerPort
	for _, pod := range t.Pods {
		for _, c := range pod.Containers {
			for _, p := range c.Ports {
				declared = append(declared, p)
				if (t.PortName != "" && p.Name == t.PortName || t.PortName == "" && p.Port == t.Port) &&
					(t.Protocol == "" || facts.Protocol(t.Protocol) == p.Protocol) {
					matching = append(matching, p)
				}
			}
		}
	}
	if len(matching) == 0 {
		if t.PortName == "" {
			return nil // an undeclared port may listen all the same
		}
		return noSuchName(t, declared)
	}
	onlyUDP := !slices.ContainsFunc(matching, func(p facts.ContainerPort) bool { return p.Protocol != facts.UDP })
	if t.Port != 0 && t.Protocol == "" && onlyUDP {
		t.Protocol = string(facts.UDP)
	}
	return nil
}

func noSuchName(t *facts.Target, declared []facts.ContainerPort) error {
	var have []string
	for _, p := range declared {
		text := fmt.Sprintf("%d/%s", p.Port, p.Protocol)
		if p.Name != "" {
			text = fmt.Sprintf("%s (%s)", p.Name, text)
		}
		if !slices.Contains(have, text) {
			have = append(have, text)
		}
	}
	name := strings.TrimSuffix(t.Resource, "s")
	if t.Kind == target.Pod {
		name = "pod"
	}
	if len(have) == 0 {
		return problemf(ErrTarget, "%s %s/%s declares no ports, so that %q has no number; give it", name, t.Namespace, t.Name, t.PortName)
	}
	return problemf(ErrTarget, "%s %s/%s has no port named %q; it has %s", name, t.Namespace, t.Name, t.PortName+protocolText(t.Target), strings.Join(have, ", "))
}

func portText(t target.Target) string {
	if t.PortName != "" {
		return t.PortName
	}
	return fmt.Sprint(t.Port)
}

func protocolText(t target.Target) string {
	if t.Protocol == "" {
		return ""
	}
	return "/" + t.Protocol
}
