package inject

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	k8stesting "k8s.io/client-go/testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

func testNode() *corev1.Node { return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "w1"}} }

func (w *world) podNames() []string {
	list, err := w.client.CoreV1().Pods("").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, p := range list.Items {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

func TestNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testPod())
		w.starting(500*time.Millisecond, nil)
		p, err := startOnNode(t.Context(), w.env(), "tools", testNode(), w.options())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"netlook-w1-abcde", "web-0"}, w.podNames()); diff != "" {
			t.Error(diff)
		}
		o, err := p.Run(t.Context(), tasks(2), time.Second, func(check.Result) {})
		if err != nil || !o.Complete {
			t.Errorf("%+v, %v", o, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // as after Ctrl-C
		for range 2 {
			if err := p.Close(ctx); err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff([]string{"web-0"}, w.podNames()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNodeLeavesNothingBehind(t *testing.T) {
	tests := map[string]func(*world, context.CancelFunc){
		"it never starts": func(*world, context.CancelFunc) {},
		"the image cannot be pulled": func(w *world, _ context.CancelFunc) {
			time.AfterFunc(time.Second, func() {
				pods := w.client.CoreV1().Pods("tools")
				pod, _ := pods.Get(context.Background(), "netlook-w1-abcde", metav1.GetOptions{})
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: nodeContainer, State: waitingState("ErrImagePull", "")}}
				_, _ = pods.UpdateStatus(context.Background(), pod, metav1.UpdateOptions{})
			})
		},
		"cancelled": func(_ *world, cancel context.CancelFunc) { time.AfterFunc(time.Second, cancel) },
		"cancelled while the create is under way, and it is made later": func(w *world, cancel context.CancelFunc) {
			w.client.PrependReactor("create", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
				if dryRun(a) {
					return false, nil, nil
				}
				cancel()
				time.AfterFunc(100*time.Millisecond, func() { _ = w.client.Tracker().Add(a.(k8stesting.CreateActionImpl).GetObject()) })
				return true, nil, context.Canceled
			})
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				prepare(w, cancel)
				_, err := startOnNode(ctx, w.env(), "tools", testNode(), w.options())
				if err == nil {
					t.Error("no error")
				}
				time.Sleep(time.Second)
				if left := w.podNames(); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		})
	}
}

func TestCleanup(t *testing.T) {
	labelled := func(ns, name string, labels map[string]string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: labels}}
	}
	ours := map[string]string{managedByLabel: managedBy}
	objects := []runtime.Object{
		labelled("b", "ours-1", ours), labelled("a", "ours-2", ours),
		labelled("a", "netlook-but-not-ours", nil), labelled("a", "helm", map[string]string{managedByLabel: "Helm"}),
	}
	w := newWorld(t, objects...)
	done, err := Cleanup(t.Context(), w.client, CleanupOptions{})
	if diff := cmp.Diff(Cleaned{Removed: []string{"a/ours-2", "b/ours-1"}}, done); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{"helm", "netlook-but-not-ours"}, w.podNames()); diff != "" {
		t.Error(diff)
	}
	w = newWorld(t, objects...)
	done, err = Cleanup(t.Context(), w.client, CleanupOptions{Namespace: "b"})
	if diff := cmp.Diff(Cleaned{Removed: []string{"b/ours-1"}}, done); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestCleanupShells: somebody may be in a shell.
func TestCleanupShells(t *testing.T) {
	shell := func(name string, phase corev1.PodPhase) runtime.Object {
		o, err := ShellOptions{}.complete(NodeBasic)
		if err != nil {
			t.Fatal(err)
		}
		pod, err := ShellNodePod("tools", "w1", o)
		if err != nil {
			t.Fatal(err)
		}
		pod.Name, pod.Status.Phase = name, phase
		return pod
	}
	objects := []runtime.Object{
		shell("of-now", corev1.PodRunning), shell("of-soon", corev1.PodPending), shell("of-past", corev1.PodFailed),
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "tools", Name: "probe", Labels: map[string]string{managedByLabel: managedBy}}, Status: corev1.PodStatus{Phase: corev1.PodRunning}},
	}
	for _, tt := range []struct {
		shells bool
		want   Cleaned
	}{
		{false, Cleaned{Removed: []string{"tools/of-past", "tools/probe"}, Shells: []string{"tools/of-now", "tools/of-soon"}}},
		{true, Cleaned{Removed: []string{"tools/of-now", "tools/of-past", "tools/of-soon", "tools/probe"}}},
	} {
		done, err := Cleanup(t.Context(), newWorld(t, objects...).client, CleanupOptions{Shells: tt.shells})
		if diff := cmp.Diff(tt.want, done); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}
