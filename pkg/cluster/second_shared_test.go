package cluster

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	k8stesting "k8s.io/client-go/testing"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestSecondShared: two pods share an address only where both run, have it of their own,
// and go on having it. One look at what the API server remembers settles it as a rule.
func TestSecondShared(t *testing.T) {
	const ip = "10.244.1.3"
	settle := func(p *corev1.Pod, ready, sandbox corev1.ConditionStatus) *corev1.Pod {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}, {Type: corev1.PodReadyToStartContainers, Status: sandbox}}
		return p
	}
	const yes, no = corev1.ConditionTrue, corev1.ConditionFalse
	web := settle(pod("shop", "web-0", "w1", ip), yes, yes)
	twin := func(change func(*corev1.Pod)) *corev1.Pod {
		p := settle(pod("far", "twin-0", "w2", ip), yes, yes)
		change(p)
		return p
	}
	for _, tt := range []struct {
		name   string
		twin   *corev1.Pod
		astray bool
		forbid bool                   // pods of all namespaces
		node   corev1.ConditionStatus // of the twin's node, whether it is ready; "" where it is, "-" where it may not be read
		moves  time.Duration          // when the twin has another address
		looks  int                    // at the pods of all namespaces, the second an exact one
		want   string
	}{
		{name: "two have it", twin: twin(func(*corev1.Pod) {}), astray: true, looks: 2, want: "far/twin-0 shop/web-0"},
		{name: "it has not failed like that", twin: twin(func(*corev1.Pod) {})},
		{name: "another address", twin: settle(pod("far", "twin-0", "w2", "10.244.1.4"), yes, yes), astray: true, looks: 1},
		{name: "on the node's network", twin: twin(func(p *corev1.Pod) { p.Spec.HostNetwork = true }), astray: true, looks: 1},
		{name: "ended", twin: twin(func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }), astray: true, looks: 1},
		{name: "ending", twin: twin(func(p *corev1.Pod) {
			p.DeletionTimestamp, p.Finalizers = &metav1.Time{Time: time.Now()}, []string{"x/y"}
		}), astray: true, looks: 1},
		{name: "its address was an old one", twin: twin(func(*corev1.Pod) {}), astray: true, moves: time.Second, looks: 2},
		{name: "not ready, and its network stands", twin: twin(func(p *corev1.Pod) { settle(p, no, yes) }), astray: true, looks: 2, want: "far/twin-0 shop/web-0"},
		{name: "not ready, and it has no network", twin: twin(func(p *corev1.Pod) { settle(p, no, no) }), astray: true, looks: 1},
		{name: "its node is down", twin: twin(func(*corev1.Pod) {}), astray: true, looks: 2, node: corev1.ConditionUnknown},
		{name: "its node may not be read", twin: twin(func(*corev1.Pod) {}), astray: true, looks: 2, node: "-", want: "far/twin-0 shop/web-0"},
		{name: "nor may it, and it is marked as not ready", twin: twin(func(p *corev1.Pod) { settle(p, no, yes) }), astray: true, looks: 2, node: "-"},
		{name: "other namespaces may not be read", twin: twin(func(*corev1.Pod) {}), astray: true, forbid: true, looks: 1},
		{name: "the same, of its own namespace", twin: twin(func(p *corev1.Pod) { p.Namespace = "shop" }), astray: true, forbid: true, looks: 2, want: "shop/twin-0 shop/web-0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w2 := node("w2", "192.0.2.2")
				w2.Status.Conditions[0].Status = cmp.Or(tt.node, yes)
				c, clientset := newFake(web, tt.twin, node("w1", "192.0.2.1"), w2)
				if tt.node == "-" {
					forbid(clientset, "get", "nodes")
				}
				if tt.forbid {
					clientset.PrependReactor("list", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
						if a.GetNamespace() != "" {
							return false, nil, nil
						}
						return true, nil, apierrors.NewForbidden(corev1.Resource("pods"), "", errors.New(`User "jane" cannot list resource "pods" in API group "" at the cluster scope`))
					})
				}
				if tt.moves > 0 {
					moved := tt.twin.DeepCopy()
					moved.Status.PodIP, moved.Status.PodIPs = "10.244.1.9", nil
					time.AfterFunc(tt.moves, func() {
						if err := clientset.Tracker().Update(corev1.SchemeGroupVersion.WithResource("pods"), moved, moved.Namespace); err != nil {
							t.Error(err)
						}
					})
				}
				own := podFacts(web)
				got := c.Second(t.Context(), []facts.Doubt{{Silent: true, Astray: tt.astray, Endpoint: facts.Endpoint{Addr: own.IPs[0], Pod: &facts.Ref{Namespace: "shop", Name: "web-0"}}}})
				var versions []string
				for _, a := range clientset.Actions() {
					if list, ok := a.(k8stesting.ListActionImpl); ok && a.GetNamespace() == "" {
						versions = append(versions, list.ListOptions.ResourceVersion)
					}
				}
				if want := []string{"0", ""}[:tt.looks]; !slices.Equal(versions, want) {
					t.Errorf("pods of all namespaces were listed at versions %q, want %q", versions, want)
				}
				var names []string
				for _, s := range got.Shared {
					for _, p := range s.Pods {
						names = append(names, p.Ref().String())
					}
				}
				if text := strings.Join(names, " "); text != tt.want {
					t.Errorf("shared by %q, want %q", text, tt.want)
				}
			})
		})
	}
}
