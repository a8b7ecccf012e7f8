package inject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"github.com/netlook/kubectl-netlook/pkg/version"
)

// world is a fake cluster with containers that answer.
type world struct {
	t      *testing.T
	client *fake.Clientset
	mu     sync.Mutex
	probes map[string]*container
	// start, when not nil, is called for each container that is added; it may return
	// nil for one that does not run.
	start    func(name string) *container
	events   []string
	sessions int
	calls    []string
}

func newWorld(t *testing.T, objects ...runtime.Object) *world {
	objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "w1"}})
	w := &world{t: t, client: fake.NewClientset(objects...), probes: map[string]*container{}}
	w.client.PrependReactor("*", "*", func(a k8stesting.Action) (bool, runtime.Object, error) {
		call := a.GetVerb() + " " + a.GetResource().Resource
		if a.GetSubresource() != "" {
			call += "/" + a.GetSubresource()
		}
		if dryRun(a) {
			call += " (dry run)"
		}
		w.mu.Lock()
		w.calls = append(w.calls, call)
		w.mu.Unlock()
		// The fake does what a dry run asks for: do not let it.
		if dryRun(a) {
			if patch, ok := a.(k8stesting.PatchActionImpl); ok {
				pod, err := w.client.Tracker().Get(a.GetResource(), a.GetNamespace(), patch.GetName())
				return true, pod, err
			}
			return true, &corev1.Pod{}, nil
		}
		return false, nil, nil
	})
	return w
}

func dryRun(a k8stesting.Action) bool {
	switch a := a.(type) {
	case k8stesting.PatchActionImpl:
		return len(a.PatchOptions.DryRun) > 0
	case k8stesting.CreateActionImpl:
		return len(a.CreateOptions.DryRun) > 0
	}
	return false
}

func (w *world) container(name string) *container {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.probes[name]
	if c == nil && w.start != nil {
		c = w.start(name)
		if c != nil {
			w.probes[name] = c
		}
	}
	return c
}

func (w *world) env() env {
	return env{
		client: w.client,
		attach: func(ctx context.Context, at place, s streams) error {
			c := w.container(at.container)
			if c == nil {
				return errors.New("container not found")
			}
			return c.attach(ctx, s)
		},
		logs: func(_ context.Context, at place, _ corev1.PodLogOptions) (io.ReadCloser, error) {
			w.mu.Lock()
			c := w.probes[at.container]
			w.mu.Unlock()
			if c == nil {
				return nil, errors.New("no log")
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			return io.NopCloser(bytes.NewReader(bytes.Clone(c.log.Bytes()))), nil
		},
		suffix: func(int) string { return "abcde" },
		session: func() string {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.sessions++
			return fmt.Sprint("session-", w.sessions)
		},
	}
}

func (w *world) options() Options {
	return Options{Image: "probe:test", KeepAlive: time.Minute, Events: func(e Event) {
		w.events = append(w.events, e.Kind)
	}}
}

func testPod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-0"},
		Spec: corev1.PodSpec{NodeName: "w1", Containers: []corev1.Container{{Name: "app", VolumeMounts: []corev1.VolumeMount{
			{Name: "kube-api-access-x", MountPath: accountPath, ReadOnly: true},
		}}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
}

// setState reports a state of the probe's container, as a kubelet does.
func (w *world) setState(pod *corev1.Pod, name string, state corev1.ContainerState) {
	w.t.Helper()
	pods := w.client.CoreV1().Pods(pod.Namespace)
	now, err := pods.Get(w.t.Context(), pod.Name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	now.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: name, State: state}}
	if _, err := pods.UpdateStatus(w.t.Context(), now, metav1.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func runningState() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(time.Now())}}
}

func ownBuild() string { return version.Build() }

func completed(t *testing.T, o Options) Options {
	t.Helper()
	o, err := o.complete(Restricted)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
