package checks

import (
	"context"
	"net/netip"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "pod.listeners",
		Area:    "target",
		Summary: "reads on which addresses and ports a pod listens, from a probe inside it (--deep, for pods that refuse or whose port never answers)",
		// Which pods refuse is known only after a run; see ListenerTasks.
		Plan: func(*facts.Facts) []check.Planned[struct{}] { return nil },
		Run: func(context.Context, check.Task, struct{}) check.Result {
			list, err := netsys.SystemListeners()
			if err != nil {
				return check.Errorf("%v", err)
			}
			r := check.Result{Status: check.Pass, Summary: "listens on nothing", Kernel: &facts.Kernel{Listeners: []string{}}}
			for _, at := range list {
				r.Kernel.Listeners = append(r.Kernel.Listeners, at.String())
			}
			if len(list) > 0 {
				r.Summary = "listens on " + strings.Join(r.Kernel.Listeners[:min(len(list), maxNamed)], ", ")
			}
			return r
		},
	}))
}

// ListenerTasks is a plan for a probe inside a pod that refuses, or that or whose port never
// answers: on what it listens, whether the queue of that is full, and whether it has a
// network at all, with the addresses that the API says it has. On its node's network the
// sockets are those of all that runs there, and the interfaces and routes are the node's.
func ListenerTasks(pod facts.Ref, ips []netip.Addr, hostNetwork bool) []check.Task {
	tasks := []check.Task{
		witnessTask("pod.listeners", "listeners", struct{}{}),
		witnessTask("pod.backlog", "listen queues", struct{}{}),
	}
	if !hostNetwork {
		tasks = append(tasks, witnessTask("pod.network", "own network", interfaceParams{Pod: true, IPs: ips}))
	}
	for i, task := range tasks {
		tasks[i].Label = check.Label{Area: "target", Title: task.Title, Target: pod.String(), Object: podObject(pod)}
	}
	return tasks
}
