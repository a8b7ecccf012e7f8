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

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/probe"
	"github.com/netlook/kubectl-netlook/pkg/version"
)

// container is a real probe runtime behind attaches and a log that behave like a
// container runtime's: output goes to whoever is attached, and is not replayed.
type container struct {
	stdin *io.PipeWriter
	kill  context.CancelFunc
	ended chan struct{}

	mu       sync.Mutex
	attached map[int]io.Writer
	next     int
	log      bytes.Buffer
	// lose drops the next so many writes to attached clients; the log has them.
	lose int
	// attaches counts those made.
	attaches int
	// refuse makes attaches fail.
	refuse error
	drops  []func() // ends each present attach
}

func (c *container) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.log.Write(p)
	var to []io.Writer
	if c.lose > 0 {
		c.lose--
	} else {
		for _, w := range c.attached {
			to = append(to, w)
		}
	}
	c.mu.Unlock()
	for _, w := range to {
		_, _ = w.Write(p)
	}
	return len(p), nil
}

// run starts the probe. Change, when not nil, adapts its configuration.
func run(t *testing.T, change func(*probe.Config)) *container {
	t.Helper()
	pr, pw := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	c := &container{stdin: pw, kill: cancel, ended: make(chan struct{}), attached: map[int]io.Writer{}}
	cfg := probe.Config{
		In: pr, Out: c, Log: io.Discard, Registry: registry(), Version: "v1", Build: version.Build(),
		Wait: 30 * time.Second, MaxIdle: 10 * time.Minute, Lifetime: 15 * time.Minute, Concurrency: 100,
	}
	if change != nil {
		change(&cfg)
	}
	go func() {
		probe.Run(ctx, cfg)
		close(c.ended)
		c.drop()
		pr.Close()
	}()
	t.Cleanup(func() {
		cancel()
		pw.Close()
		<-c.ended
		time.Sleep(time.Hour) // timers of goroutines that were left
	})
	return c
}

// mistreat changes how it behaves.
func (c *container) mistreat(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// drop cuts all attaches.
func (c *container) drop() {
	c.mu.Lock()
	drops := c.drops
	c.drops = nil
	c.mu.Unlock()
	for _, d := range drops {
		d()
	}
}

func (c *container) attach(ctx context.Context, s streams) error {
	c.mu.Lock()
	c.attaches++
	if c.refuse != nil {
		defer c.mu.Unlock()
		return c.refuse
	}
	select {
	case <-c.ended:
		c.mu.Unlock()
		return errors.New("container not running")
	default:
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	id := c.next
	c.next++
	c.attached[id] = s.stdout
	c.drops = append(c.drops, cancel)
	c.mu.Unlock()
	go func() {
		_, _ = io.Copy(c.stdin, s.stdin)
		cancel()
	}()
	<-ctx.Done()
	c.mu.Lock()
	delete(c.attached, id)
	c.mu.Unlock()
	return errors.New("stream cut")
}

func registry() *check.Registry {
	var reg check.Registry
	add := func(id string, run func(context.Context, check.Task) check.Result) {
		reg.Add(check.Check{ID: id, Area: "test", Summary: "test", Run: run, Plan: func(*facts.Facts) []check.Task { return nil }})
	}
	add("pass", func(context.Context, check.Task) check.Result { return check.Result{Status: check.Pass, Summary: "ok"} })
	// sleep passes shortly before its deadline.
	add("sleep", func(ctx context.Context, t check.Task) check.Result {
		select {
		case <-time.After(t.Timeout.D() - time.Millisecond):
			return check.Result{Status: check.Pass, Summary: "slept"}
		case <-ctx.Done():
			return check.Result{Status: check.Fail, Failure: check.Timeout, Summary: "woken"}
		}
	})
	return &reg
}

// tasks makes n tasks that pass at once, and one more for each duration that takes so
// long.
func tasks(n int, slow ...time.Duration) []check.Task {
	var list []check.Task
	for i := range n {
		list = append(list, check.Task{ID: fmt.Sprint("pass ", i), Check: "pass", Timeout: check.Duration(time.Second)})
	}
	for _, d := range slow {
		list = append(list, check.Task{ID: fmt.Sprint("sleep ", d), Check: "sleep", Timeout: check.Duration(d)})
	}
	return list
}

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
