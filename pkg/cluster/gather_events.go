package cluster

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

const (
	maxEventPods = 8   // pods of either kind whose events are read
	maxEvents    = 200 // events of one pod that are looked through
	// noSandbox is the kubelet's reason when the runtime, or the CNI plugin it calls,
	// fails to set up a pod's network (k/k pkg/kubelet/events/event.go).
	noSandbox = "FailedCreatePodSandBox"
	// unhealthy is its reason when a readiness, liveness or startup probe fails.
	unhealthy = "Unhealthy"
)

// eventSteps read why pods that wait on a node have no network yet, and why those that
// run are not ready. Without the right
// to list events nothing is noted: it is one more explanation, not a check.
func (g *gatherer) eventSteps() []step {
	var waiting, steps []step
	add := func(pods []facts.Pod) {
		for i := range pods {
			switch p := &pods[i]; {
			case p.Node == "" || p.Terminating:
			case p.Phase == string(corev1.PodPending) && len(p.IPs) == 0 && len(waiting) < maxEventPods:
				waiting = append(waiting, func(ctx context.Context) error { return g.podEvents(ctx, p, noSandbox, &p.NoSandbox) })
			case p.Phase == string(corev1.PodRunning) && !p.Ready && len(steps) < maxEventPods:
				steps = append(steps, func(ctx context.Context) error { return g.podEvents(ctx, p, unhealthy, &p.Unhealthy) })
			}
		}
	}
	for i := range g.facts.Services {
		add(g.facts.Services[i].SelectedPods)
	}
	for i := range g.facts.Targets {
		add(g.facts.Targets[i].Pods)
	}
	return append(waiting, steps...)
}

// podEvents keeps the last event of a pod with this reason.
func (g *gatherer) podEvents(ctx context.Context, p *facts.Pod, reason string, into **facts.Event) error {
	opts := metav1.ListOptions{FieldSelector: fields.Set{"involvedObject.name": p.Name, "reason": reason}.String()}
	seen := 0
	err := each(ctx, g.Client, "list events of pod "+p.Ref().String(), opts, g.clientset.CoreV1().Events(p.Namespace).List, func(e *corev1.Event) error {
		if seen++; seen > maxEvents {
			return errEnough
		}
		if e.Reason != reason || e.InvolvedObject.Name != p.Name || p.UID != "" && e.InvolvedObject.UID != "" && string(e.InvolvedObject.UID) != p.UID {
			return nil
		}
		found := facts.Event{Message: plain(e.Message, maxMessage), Count: max(1, e.Count), Last: lastSeen(e)}
		if *into == nil || found.Last.After((*into).Last) {
			*into = &found
		}
		return nil
	})
	if ctx.Err() != nil && !errors.Is(err, errEnough) {
		return err
	}
	return nil
}

// lastSeen is when an event happened last; clients of either events API fill in other
// fields.
func lastSeen(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil && !e.Series.LastObservedTime.IsZero():
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}
