package cluster

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func ownedBy(p *corev1.Pod, kind, name, hash string) *corev1.Pod {
	p.OwnerReferences = []metav1.OwnerReference{{Kind: "Other", Name: "x"}, {Kind: kind, Name: name, Controller: ptr(true)}}
	if hash != "" {
		p.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	}
	return p
}

func TestOwner(t *testing.T) {
	for _, tt := range []struct{ kind, name, hash, want string }{
		{"ReplicaSet", "web-7d9f8c", "7d9f8c", "deployment/web"},
		{"ReplicaSet", "web", "", "replicaset/web"},
		{"ReplicaSet", "web-2", "7d9f8c", "replicaset/web-2"},
		{"StatefulSet", "db", "", "statefulset/db"},
	} {
		if got := owner(ownedBy(pod("shop", "x", "w1", ""), tt.kind, tt.name, tt.hash)); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
	if got := owner(pod("shop", "x", "w1", "")); got != "" {
		t.Errorf("by hand: %q", got)
	}
}

func TestSeveralFamilies(t *testing.T) {
	for _, tt := range []struct {
		pods []string
		want bool
	}{
		{[]string{"web-7d9f8c5b6d-x2x9f", "web-6c8d4b7f9c-bcdfg"}, false}, // two ReplicaSets of one Deployment
		{[]string{"web-7d9f8c5b6d-x2x9f", "web-canary-6c8d4b7f9c-bcdfg"}, true},
		{[]string{"db-0", "db-1", "db-12"}, false},
		{[]string{"agent-x2x9f", "agent-bcdfg"}, false},
		{[]string{"by-hand"}, false},
		{nil, false},
	} {
		list := []facts.Endpoint{{}} // one that no pod stands behind
		for _, name := range tt.pods {
			list = append(list, facts.Endpoint{Pod: &facts.Ref{Namespace: "shop", Name: name}})
		}
		if got := severalFamilies(list); got != tt.want {
			t.Errorf("%q: %v", tt.pods, got)
		}
	}
}

// TestGatherSiblings: the pods behind a service that was asked about are read where they
// look like those of two workloads, and so are the services of the same selector.
func TestGatherSiblings(t *testing.T) {
	one := ownedBy(pod("shop", "web-7d9f8c5b6d-x2x9f", "w1", "10.244.1.3"), "ReplicaSet", "web-7d9f8c5b6d", "7d9f8c5b6d")
	two := ownedBy(pod("shop", "web-8d9f8c5b6d-x2x9f", "w2", "10.244.2.3"), "ReplicaSet", "web-8d9f8c5b6d", "8d9f8c5b6d")
	stranger := ownedBy(pod("shop", "batch-7d9f8c5b6d-x2x9f", "w1", "10.244.1.4"), "ReplicaSet", "batch-7d9f8c5b6d", "7d9f8c5b6d")
	stranger.Labels["app"] = "web"
	web, batch, db := service("shop", "web", "10.96.7.7"), service("shop", "batch", "10.96.7.8"), service("shop", "db", "10.96.7.9")
	batch.Spec.Selector = web.Spec.Selector
	for _, tt := range []struct {
		name     string
		behind   []*corev1.Pod
		read     bool
		siblings []string
	}{
		{"one workload, in a rollout", []*corev1.Pod{one, two}, false, nil},
		{"two workloads", []*corev1.Pod{one, stranger}, true, []string{"batch"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			objects := append(clusterObjects(), web, batch, db, slice(web, "web-1", true, tt.behind...))
			for _, p := range tt.behind {
				objects = append(objects, runtime.Object(p))
			}
			c, _ := newFake(objects...)
			_, s := gatherWeb(t, c)
			if s.SelectorRead != tt.read || !slices.Equal(s.Siblings, tt.siblings) {
				t.Errorf("read %v, siblings %q", s.SelectorRead, s.Siblings)
			}
		})
	}
}
