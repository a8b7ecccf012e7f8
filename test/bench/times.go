package bench

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	corev1 "k8s.io/api/core/v1"
)

// Budgets of docs/design.md, section 11.
const (
	coldOver  = 0.5 // s over the floor
	warmLimit = 0.3 // s
)

// Cold measures a first run on a healthy pod beside what it cannot do without: the time
// from the start of `kubectl debug` until the API says that the container of the same
// image runs. Each has a pod of its own, which has been let alone for a while: a kubelet
// that has just looked at a pod begins nothing new in it before it has looked again, up to
// a second later (the period of its PLEG).
func (b *Bed) Cold(ctx context.Context, rounds int) (Row, error) {
	row := Row{
		What: "cold `pod` run on a healthy pod, all default checks", Unit: Seconds,
		Floor:  "`kubectl debug`, until the API says that its container has started",
		Budget: "floor + 0.5 s",
	}
	name := func(kind string, i int) string { return fmt.Sprintf("%s-%d", kind, i) }
	for i := range rounds {
		for _, kind := range []string{"floor", "cold"} {
			if err := b.pod(ctx, name(kind, i)); err != nil {
				return row, err
			}
		}
	}
	if err := pause(ctx, apart); err != nil {
		return row, err
	}
	var err error
	row.Floors, row.Values, err = alternate(rounds,
		func(i int) (float64, error) { return b.debug(ctx, name("floor", i)) },
		func(i int) (float64, error) {
			r, err := b.netlook(ctx, "pod", name("cold", i), "-n", namespace, "--to", "svc/web", "--keep-alive", "0")
			return r.took.Seconds(), err
		})
	row.Limit = row.Floors.Median() + coldOver
	return row, err
}

// debug starts an ephemeral container of the probe's image and returns the seconds until
// the API says that it has started.
func (b *Bed) debug(ctx context.Context, pod string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	const container = "floor"
	pods, err := b.client.CoreV1().Pods(namespace).Watch(ctx, metav1.SingleObject(metav1.ObjectMeta{Name: pod}))
	if err != nil {
		return 0, err
	}
	defer pods.Stop()
	start := time.Now()
	debugged := make(chan error, 1)
	go func() {
		_, err := b.kubectl(ctx, "-n", namespace, "debug", pod, "--image", b.image, "--container", container,
			"--profile=restricted", "--attach=false", "--quiet", "--", "/netlook-probe", "--wait", "1s")
		debugged <- err
	}()
	var took time.Duration
	for event := range pods.ResultChan() {
		if started(event, container) {
			took = time.Since(start)
			break
		}
	}
	if err := <-debugged; err != nil {
		return 0, err
	}
	if took == 0 {
		return 0, fmt.Errorf("pod %s: the container of kubectl debug was not seen to start", pod)
	}
	return took.Seconds(), nil
}

func started(event watch.Event, container string) bool {
	pod, ok := event.Object.(*corev1.Pod)
	if !ok {
		return false
	}
	for _, s := range pod.Status.EphemeralContainerStatuses {
		if s.Name == container && (s.State.Running != nil || s.State.Terminated != nil) {
			return true
		}
	}
	return false
}

// apart is how far repeats are apart: kernels answer datagrams to closed ports, by which
// the probe pings without rights, a few times a second only (icmp_ratelimit, icmp(7)), and
// nobody repeats a run more often than that. Without it every third run waited for one.
const apart = 3 * time.Second

// Warm measures a repeat. Its floor is `kubectl get pod`: what any kubectl command takes
// that starts, reads a kubeconfig, shakes hands and is answered once.
func (b *Bed) Warm(ctx context.Context, rounds int) (Row, error) {
	row := Row{
		What: "warm repeat of it, 3 s after the last", Unit: Seconds, Budget: "0.3 s", Limit: warmLimit,
		Floor: "`kubectl get pod`: a kubectl that starts and is answered once",
	}
	args := []string{"pod", "warm", "-n", namespace, "--to", "svc/web"}
	if err := b.pod(ctx, "warm"); err != nil {
		return row, err
	}
	if _, err := b.netlook(ctx, args...); err != nil {
		return row, err
	}
	var err error
	row.Floors, row.Values, err = alternate(rounds,
		func(int) (float64, error) { return b.get(ctx, "warm") },
		func(int) (float64, error) {
			if err := pause(ctx, apart); err != nil {
				return 0, err
			}
			r, err := b.netlook(ctx, args...)
			return r.took.Seconds(), err
		})
	return row, err
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *Bed) get(ctx context.Context, pod string) (float64, error) {
	r, err := b.kubectl(ctx, "-n", namespace, "get", "pod", pod)
	return r.took.Seconds(), err
}
