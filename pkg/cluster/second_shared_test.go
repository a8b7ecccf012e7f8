package cluster

import (
	"cmp"
	"errors"
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
// and go on having it.
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
		silent bool
		forbid bool                   // pods of all namespaces
		node   corev1.ConditionStatus // of the twin's node, whether it is ready; "" where it is, "-" where it may not be read
		moves  time.Duration          // when the twin has another address
		want   string
	}{
		{name: "two have it", twin: twin(func(*corev1.Pod) {}), silent: true, want: "far/twin-0 shop/web-0"},
		{name: "it has not failed", twin: twin(func(*corev1.Pod) {})},
		{name: "another address", twin: settle(pod("far", "twin-0", "w2", "10.244.1.4"), yes, yes), silent: true},
		{name: "on the node's network", twin: twin(func(p *corev1.Pod) { p.Spec.HostNetwork = true }), silent: true},
		{name: "ended", twin: twin(func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }), silent: true},
		{name: "ending", twin: twin(func(p *corev1.Pod) {
			p.DeletionTimestamp, p.Finalizers = &metav1.Time{Time: time.Now()}, []string{"x/y"}
		}), silent: true},
		{name: "its address was an old one", twin: twin(func(*corev1.Pod) {}), silent: true, moves: time.Second},
		{name: "not ready, and its network stands", twin: twin(func(p *corev1.Pod) { settle(p, no, yes) }), silent: true, want: "far/twin-0 shop/web-0"},
		{name: "not ready, and it has no network", twin: twin(func(p *corev1.Pod) { settle(p, no, no) }), silent: true},
		{name: "its node is down", twin: twin(func(*corev1.Pod) {}), silent: true, node: corev1.ConditionUnknown},
		{name: "its node may not be read", twin: twin(func(*corev1.Pod) {}), silent: true, node: "-", want: "far/twin-0 shop/web-0"},
		{name: "nor may it, and it is marked as not ready", twin: twin(func(p *corev1.Pod) { settle(p, no, yes) }), silent: true, node: "-"},
		{name: "other namespaces may not be read", twin: twin(func(*corev1.Pod) {}), silent: true, forbid: true},
		{name: "the same, of its own namespace", twin: twin(func(p *corev1.Pod) { p.Namespace = "shop" }), silent: true, forbid: true, want: "shop/twin-0 shop/web-0"},
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
				got := c.Second(t.Context(), []facts.Doubt{{Silent: tt.silent, Endpoint: facts.Endpoint{Addr: own.IPs[0], Pod: &facts.Ref{Namespace: "shop", Name: "web-0"}}}})
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
