package cluster

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestEventSteps: many pods that are not ready leave room for one that waits for its
// network, which explains more.
func TestEventSteps(t *testing.T) {
	unready := facts.Pod{Namespace: "shop", Name: "web", Node: "w1", Phase: string(corev1.PodRunning)}
	waiting := facts.Pod{Namespace: "shop", Name: "db", Node: "w1", Phase: string(corev1.PodPending)}
	gone, ready := unready, unready
	gone.Terminating, ready.Ready = true, true
	g := &gatherer{}
	for range 2 * maxEventPods {
		g.facts.Services = append(g.facts.Services, facts.Service{SelectedPods: []facts.Pod{unready, gone, ready}})
	}
	g.facts.Services = append(g.facts.Services, facts.Service{SelectedPods: []facts.Pod{waiting}})
	if got := len(g.eventSteps()); got != maxEventPods+1 {
		t.Errorf("%d pods' events are read, want %d", got, maxEventPods+1)
	}
}
