package checks

import (
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// portOf is a port of a pod, as far as its name is known.
type portOf struct {
	port uint16
	name string
}

// targetTasks plans the ports of one protocol of all targets: the port given, else
// those that a pod's containers declare.
func targetTasks(f *facts.Facts, proto facts.Protocol) []check.Planned[reachParams] {
	var tasks []check.Planned[reachParams]
	for _, t := range f.Targets {
		switch t.Kind {
		case target.Pod, target.Workload:
			for _, pod := range t.Pods {
				tasks = append(tasks, podTasks(f, t, pod, proto)...)
			}
		case target.Node, target.IP:
			if p, ok := portGiven(t, proto); ok {
				tasks = append(tasks, addrTasks(f, t, proto, p)...)
			}
		case target.Host:
			if p, ok := portGiven(t, proto); ok {
				tasks = append(tasks, hostTask(f, t.Target, proto, p.port))
			}
		}
	}
	return tasks
}

// addrTasks are those of an address, or of all addresses of a node. Beyond the first of
// a family those are other networks' (a cloud's external addresses, whose firewall
// lets no pod in): they are tried, but do not decide.
func addrTasks(f *facts.Facts, t facts.Target, proto facts.Protocol, p portOf) []check.Planned[reachParams] {
	var tasks []check.Planned[reachParams]
	first := map[string]bool{}
	for _, addr := range reachable(f, t.Addrs) {
		task := addrTask(f, t, proto, addr, p)
		task.Params.Soft = first[netsys.Family(addr)]
		first[netsys.Family(addr)] = true
		tasks = append(tasks, task)
	}
	return tasks
}

// portGiven is the port typed behind a target, when it is one of proto.
func portGiven(t facts.Target, proto facts.Protocol) (portOf, bool) {
	asked := facts.Protocol(t.Protocol)
	if asked == "" {
		asked = facts.TCP
	}
	return portOf{port: t.Port}, t.Port != 0 && asked == proto
}

func podTasks(f *facts.Facts, t facts.Target, pod facts.Pod, proto facts.Protocol) []check.Planned[reachParams] {
	var tasks []check.Planned[reachParams]
	for _, p := range podPorts(t, pod, proto) {
		for _, ip := range podAddrs(f, pod) {
			task := addrTask(f, t, proto, ip, p)
			task.Object = podObject(pod.Ref())
			task.Key = task.Object + " " + task.Target
			tasks = append(tasks, task)
		}
	}
	return tasks
}

// podPorts are the ports of a pod to try.
func podPorts(t facts.Target, pod facts.Pod, proto facts.Protocol) []portOf {
	if t.Port != 0 {
		p, ok := portGiven(t, proto)
		if !ok {
			return nil
		}
		for _, c := range pod.Containers {
			for _, declared := range c.Ports {
				if declared.Port == p.port && declared.Protocol == proto {
					p.name = declared.Name
				}
			}
		}
		return []portOf{p}
	}
	var ports []portOf
	for _, c := range pod.Containers {
		for _, p := range c.Ports {
			wanted := t.PortName == "" || (p.Name == t.PortName && (t.Protocol == "" || facts.Protocol(t.Protocol) == proto))
			if p.Protocol == proto && wanted {
				ports = append(ports, portOf{p.Port, p.Name})
			}
		}
	}
	return ports
}

// addrTask is the task for one address.
func addrTask(f *facts.Facts, t facts.Target, proto facts.Protocol, ip netip.Addr, p portOf) check.Planned[reachParams] {
	addr := netip.AddrPortFrom(ip, p.port)
	subject := targetSubject(t)
	return check.Planned[reachParams]{
		Label: check.Label{
			Title:   targetTitle(f, t) + " " + portTitle(proto, p.port),
			Target:  portTarget(proto, addr),
			Object:  subject,
			Subject: subject,
			Asked:   t.Raw,
		},
		Params: reachParams{
			Protocol: proto, Peer: addrPeer(addr), Talk: dial.Guess("", p.name, p.port), Sidecar: f.Vantage.Sidecar(),
		},
	}
}

// hostTask is the task for a host name, which the probe resolves.
func hostTask(f *facts.Facts, t target.Target, proto facts.Protocol, port uint16) check.Planned[reachParams] {
	talk := dial.Guess("", "", port)
	talk.Host = t.Host
	title := hostPort(t.Host, port)
	if proto != facts.TCP {
		title += " udp"
	}
	return check.Planned[reachParams]{
		Label: check.Label{Title: "host", Target: title, Asked: t.Raw},
		Params: reachParams{
			Protocol: proto, Peer: dial.Peer{Host: t.Host, Port: port}, Talk: talk, Sidecar: f.Vantage.Sidecar(),
		},
	}
}

// targetSubject is the object a target names, "" for an address.
func targetSubject(t facts.Target) string {
	switch {
	case t.Kind == target.Node && t.Node != nil:
		return nodeObject(t.Node.Name)
	case len(t.Pods) > 0:
		return t.Word() + "/" + t.Pods[0].Namespace + "/" + t.Name
	}
	return ""
}

func targetTitle(f *facts.Facts, t facts.Target) string {
	switch t.Kind {
	case target.Node:
		return "node " + t.Name
	case target.IP:
		return "address"
	case target.Workload:
		if len(t.Pods) > 0 {
			return nameFrom(f, facts.Ref{Namespace: t.Pods[0].Namespace, Name: t.Name}) + " pods"
		}
	case target.Pod:
		if len(t.Pods) > 0 {
			return nameFrom(f, t.Pods[0].Ref())
		}
	}
	return t.Name
}
