package cluster

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// podFacts converts a pod.
func podFacts(p *corev1.Pod) facts.Pod {
	f := facts.Pod{
		Namespace:   p.Namespace,
		Name:        p.Name,
		UID:         plain(string(p.UID), maxWord),
		Node:        plain(p.Spec.NodeName, maxWord),
		IPs:         podIPs(p),
		HostNetwork: p.Spec.HostNetwork,
		Phase:       plain(phase(p), maxWord),
		Terminating: p.DeletionTimestamp != nil,
		Labels:      maps.Clone(p.Labels),
		Owner:       owner(p),
		DNSPolicy:   plain(string(p.Spec.DNSPolicy), maxWord),
		Containers:  containers(p),
	}
	for _, cond := range p.Status.Conditions {
		if cond.Type == corev1.PodReady {
			f.Ready = cond.Status == corev1.ConditionTrue
			if !f.Ready {
				f.NotReady = because(cond.Reason, cond.Message)
			}
		}
	}
	if f.Node == "" && f.NotReady == "" && f.Phase == string(corev1.PodPending) {
		f.NotReady = whyPending(p) // nobody has looked at its containers yet
	}
	return f
}

// owner is the workload that made a pod. A ReplicaSet that a Deployment made carries that
// one's name before the hash of its template.
func owner(p *corev1.Pod) string {
	for _, o := range p.OwnerReferences {
		if o.Controller == nil || !*o.Controller {
			continue
		}
		hash := p.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
		if name, of := strings.CutSuffix(o.Name, "-"+hash); o.Kind == "ReplicaSet" && hash != "" && of {
			return "deployment/" + plain(name, maxWord)
		}
		return plain(strings.ToLower(o.Kind)+"/"+o.Name, maxWord)
	}
	return ""
}

func podIPs(p *corev1.Pod) []netip.Addr {
	ips := []string{p.Status.PodIP}
	for _, ip := range p.Status.PodIPs {
		ips = append(ips, ip.IP)
	}
	return addrs(ips)
}

// containers are those that run for the pod's whole life and may listen: the
// ordinary ones, and sidecars (init containers that are always restarted).
func containers(p *corev1.Pod) []facts.Container {
	status := map[string]corev1.ContainerStatus{}
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		status[s.Name] = s
	}
	var list []facts.Container
	add := func(c corev1.Container) {
		s := status[c.Name]
		f := facts.Container{Name: plain(c.Name, maxWord), Ports: containerPorts(c.Ports), Ready: s.Ready, Restarts: s.RestartCount, Proxy: proxyEnv(c)}
		switch {
		case s.State.Waiting != nil:
			f.Waiting = plain(s.State.Waiting.Reason, maxWord)
		case s.State.Terminated != nil:
			f.Waiting = plain(cmp.Or(s.State.Terminated.Reason, "Terminated"), maxWord)
		}
		if last := s.LastTerminationState.Terminated; last != nil {
			f.Ended = &facts.Ended{
				Reason: plain(last.Reason, maxWord), ExitCode: last.ExitCode,
				Ran:      max(last.FinishedAt.Sub(last.StartedAt.Time), 0),
				Finished: last.FinishedAt.Time,
			}
		}
		list = append(list, f)
	}
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			add(c)
		}
	}
	for _, c := range p.Spec.Containers {
		add(c)
	}
	return list
}

func containerPorts(list []corev1.ContainerPort) []facts.ContainerPort {
	var ports []facts.ContainerPort
	for _, p := range list {
		number, valid := portNumber(p.ContainerPort)
		if !valid {
			continue
		}
		hostPort, _ := portNumber(p.HostPort)
		ports = append(ports, facts.ContainerPort{
			Name: plain(p.Name, maxWord), Port: number, HostPort: hostPort, Protocol: protocol(p.Protocol),
		})
	}
	return ports
}

// addrs parses addresses, leaving out what is none ("None", "") and duplicates, and
// keeping their order.
func addrs(texts []string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			continue
		}
		if addr = addr.Unmap(); !slices.Contains(list, addr) {
			list = append(list, addr)
		}
	}
	return list
}

// portNumber converts a port, which the API has as a signed 32-bit number.
func portNumber(p int32) (uint16, bool) {
	if p < 1 || p > 65535 {
		return 0, false
	}
	return uint16(p), true
}
