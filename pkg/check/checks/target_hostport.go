package checks

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func init() {
	Registry.Add(check.Define(check.Spec[reachParams]{
		ID:      "target.hostport",
		Area:    "target",
		Summary: "a hostPort that a target pod declares answers at its node's address",
		Plan:    planHostPorts,
		Run:     reach,
	}))
}

// planHostPorts takes the TCP hostPorts of the pods that are targets, on the first
// address of each family of the node that they run on.
func planHostPorts(f *facts.Facts) []check.Planned[reachParams] {
	var tasks []check.Planned[reachParams]
	for _, t := range f.Targets {
		if t.Kind != target.Pod && t.Kind != target.Workload {
			continue
		}
		for _, pod := range t.Pods {
			if pod.HostNetwork || !pod.Ready {
				continue // the node's own ports; a pod that is not ready has other troubles
			}
			for _, c := range pod.Containers {
				for _, p := range c.Ports {
					if p.HostPort == 0 || p.Protocol != facts.TCP || t.Port != 0 && t.Port != p.Port && t.Port != p.HostPort {
						continue
					}
					for _, ip := range hostAddrs(f, pod.Node) {
						task := addrTask(f, t, facts.TCP, ip, portOf{port: p.HostPort, name: p.Name})
						task.Title = fmt.Sprintf("%s hostPort :%d", targetTitle(f, t), p.HostPort)
						task.Object = podObject(pod.Ref())
						task.Key = task.Object + " " + task.Target
						tasks = append(tasks, task)
					}
				}
			}
		}
	}
	return tasks
}

// hostAddrs are the first address of each family of a node that the vantage point can
// send to.
func hostAddrs(f *facts.Facts, node string) []netip.Addr {
	i := slices.IndexFunc(f.Nodes, func(n facts.Node) bool { return n.Name == node })
	if i < 0 {
		return nil
	}
	var list []netip.Addr
	for _, ip := range reachable(f, f.Nodes[i].IPs) {
		if !slices.ContainsFunc(list, func(a netip.Addr) bool { return a.Is4() == ip.Is4() }) {
			list = append(list, ip)
		}
	}
	return list
}
