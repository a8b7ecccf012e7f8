package inject

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	k8stesting "k8s.io/client-go/testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/probe"
)

const coldName = "netlook-restricted-abcde"

// starting makes each container that is added run after a time.
func (w *world) starting(after time.Duration, change func(*probe.Config)) {
	began := time.Now()
	w.start = func(string) *container {
		if time.Since(began) < after {
			return nil
		}
		return run(w.t, change)
	}
}

func TestPodColdThenWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pod := testPod()
		w := newWorld(t, pod)
		w.starting(700*time.Millisecond, nil)
		p, err := startInPod(t.Context(), w.env(), pod, w.options())
		if err != nil {
			t.Fatal(err)
		}
		// It does not wait for the kubelet to report what the attach finds out itself.
		if p.Warm || p.Container != coldName || p.StartedIn > 1200*time.Millisecond {
			t.Errorf("warm %t, container %s, %s", p.Warm, p.Container, p.StartedIn)
		}
		want := []string{"patch pods/ephemeralcontainers (dry run)", "patch pods/ephemeralcontainers"}
		if diff := cmp.Diff(want, w.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		o, err := p.Run(t.Context(), tasks(3), 10*time.Second, func(check.Result) {})
		if err != nil || !o.Complete {
			t.Errorf("%+v, %v", o, err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}

		w.setState(pod, coldName, runningState())
		pod, err = w.client.CoreV1().Pods("shop").Get(t.Context(), "web-0", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w.calls = nil
		p, err = startInPod(t.Context(), w.env(), pod, w.options())
		if err != nil {
			t.Fatal(err)
		}
		if !p.Warm || p.Container != coldName || p.StartedIn > 10*time.Millisecond || p.Hello.Served != 1 {
			t.Errorf("warm %t, container %s, %s, %+v", p.Warm, p.Container, p.StartedIn, p.Hello)
		}
		if len(w.calls) > 0 {
			t.Errorf("a warm start costs %v", w.calls)
		}
		_ = p.Close(t.Context())
	})
}

func TestPodWarmButUseless(t *testing.T) {
	for name, mistreat := range map[string]func(*container){
		"it has ended":  func(c *container) { c.kill() },
		"it is mute":    func(c *container) { c.mistreat(func() { c.lose = 1 << 20 }) },
		"it ends soon":  func(*container) { time.Sleep(14 * time.Minute) },
		"no attach now": func(c *container) { c.mistreat(func() { c.refuse = errors.New("no") }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pod := testPod()
				w := newWorld(t, pod)
				old := run(t, func(cfg *probe.Config) { cfg.Wait = 20 * time.Minute })
				w.probes["old"] = old
				mistreat(old)
				o := w.options()
				wanted, err := EphemeralContainer(pod, completed(t, o), ownBuild())
				if err != nil {
					t.Fatal(err)
				}
				wanted.Name = "old"
				pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{*wanted}
				pod.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: "old", State: runningState()}}
				w.starting(0, nil)
				p, err := startInPod(t.Context(), w.env(), pod, o)
				if err != nil {
					t.Fatal(err)
				}
				if p.Warm || p.Container != coldName {
					t.Errorf("warm %t, container %s", p.Warm, p.Container)
				}
				_ = p.Close(t.Context())
			})
		})
	}
}

// TestPodPending: containers that an earlier run has added, and that were not
// reported as running when the pod was read.
func TestPodPending(t *testing.T) {
	tests := []struct {
		name    string
		status  []corev1.ContainerStatus
		prepare func(*world)
		warm    bool // the earlier one is used
		kind    error
	}{
		{name: "it runs, the kubelet is late", prepare: func(w *world) { w.probes["old"] = run(w.t, nil) }, warm: true},
		{name: "it is being created", status: []corev1.ContainerStatus{{Name: "old", State: waitingState("ContainerCreating", "")}},
			prepare: func(w *world) { w.starting(2*time.Second, nil) }, warm: true},
		{name: "its image cannot be pulled", status: []corev1.ContainerStatus{{Name: "old", State: waitingState("ImagePullBackOff", "")}},
			prepare: func(*world) {}, kind: ErrImage},
		{name: "it has ended, the kubelet is late", prepare: func(w *world) {
			w.starting(2*time.Second, nil)
			go func() {
				time.Sleep(time.Second)
				w.setState(testPod(), "old", corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}})
			}()
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pod := testPod()
				w := newWorld(t, pod)
				o := w.options()
				old, err := EphemeralContainer(pod, completed(t, o), ownBuild())
				if err != nil {
					t.Fatal(err)
				}
				old.Name = "old"
				pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{*old}
				pod.Status.EphemeralContainerStatuses = test.status
				test.prepare(w)
				p, err := startInPod(t.Context(), w.env(), pod, o)
				if !errors.Is(err, test.kind) {
					t.Fatalf("error %v", err)
				}
				if err != nil {
					if len(w.calls) > 0 {
						t.Errorf("another one was added: %v", w.calls)
					}
					return
				}
				if p.Warm != test.warm || (p.Container == "old") != test.warm {
					t.Errorf("warm %t, container %s", p.Warm, p.Container)
				}
				_ = p.Close(t.Context())
			})
		})
	}
}

// TestPodFails says how a start that fails ends: with which kind, what it says, and
// when.
func TestPodFails(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	refuse := func(verb string, err error) func(*world) {
		return func(w *world) {
			w.client.PrependReactor(verb, "pods", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, err })
		}
	}
	state := func(s corev1.ContainerState) func(*world) {
		return func(w *world) {
			go func() {
				time.Sleep(time.Second)
				w.setState(testPod(), coldName, s)
			}()
		}
	}
	featureOff := apierrors.NewNotFound(pods, "")
	tests := []struct {
		name    string
		prepare func(*world)
		timeout time.Duration
		kind    error
		text    string
		within  time.Duration
	}{
		{"no right to inject", refuse("patch", apierrors.NewForbidden(pods, "web-0", errors.New(`User "jane" cannot patch resource "pods/ephemeralcontainers"`))), 0, ErrNotAllowed, "jane", 0},
		{"admission", refuse("patch", apierrors.NewForbidden(pods, "web-0", errors.New(`violates PodSecurity "restricted:latest": x`))), 0, ErrRefused, "Pod Security", 0},
		{"feature off", refuse("patch", featureOff), 0, ErrUnsupported, "no ephemeral containers", 0},
		{"pod gone", refuse("patch", apierrors.NewNotFound(pods, "web-0")), 0, ErrGone, "not there", 0},
		{"image", state(waitingState("ErrImagePull", "not found")), 0, ErrImage, "probe:test", time.Second},
		{"config", state(waitingState("CreateContainerConfigError", "x")), 0, ErrStart, "x", time.Second},
		{"ended at once", state(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2}}), 0, ErrStart, "exit code 2", time.Second},
		{"nothing happens", func(*world) {}, 20 * time.Second, ErrTimeout, "after 20s", 20 * time.Second},
		{"stays in creation", state(waitingState("ContainerCreating", "")), 20 * time.Second, ErrTimeout, "ContainerCreating; if its image is still being pulled, give it longer with --start-timeout", 20 * time.Second},
		{"runs but refuses attaches", state(runningState()), 30 * time.Second, ErrStart, "container not found", 10 * time.Second},
		{"pod deleted", func(w *world) {
			go func() {
				time.Sleep(time.Second)
				_ = w.client.CoreV1().Pods("shop").Delete(context.Background(), "web-0", metav1.DeleteOptions{})
			}()
		}, 0, ErrGone, "deleted", time.Second},
		{"node down", func(w *world) {
			w.setNode(corev1.ConditionUnknown, "Kubelet stopped posting node status.")
		}, 0, ErrGone, "Kubelet stopped posting", nodeCheckAfter},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, testPod())
				test.prepare(w)
				o := w.options()
				o.Timeout = test.timeout
				began := time.Now()
				_, err := startInPod(t.Context(), w.env(), testPod(), o)
				if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), "pod/shop/web-0") {
					t.Errorf("error %v", err)
				}
				if took := time.Since(began); took > test.within+100*time.Millisecond {
					t.Errorf("after %s, want %s", took, test.within)
				}
			})
		})
	}
}

func TestImageNames(t *testing.T) {
	for image, valid := range map[string]bool{
		"docker.io/netlook/probe:v1": true, "probe": true, "r.example:5000/a/b@sha256:" + strings.Repeat("0", 64): true, "": true,
		"UPPER:::x": false, "docker.io/Netlook/probe": false, "a b": false, "x\x1b[2J": false, "probe:": false,
	} {
		_, err := Options{Image: image}.complete(Restricted)
		if (err == nil) != valid || (err != nil && (!errors.Is(err, ErrImage) || strings.ContainsRune(err.Error(), 0x1b))) {
			t.Errorf("%q: %v", image, err)
		}
	}
}

func TestPodCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testPod())
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err := startInPod(ctx, w.env(), testPod(), w.options())
		if !errors.Is(err, context.Canceled) || time.Since(began) > 1100*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// TestWatchThatEndsAtOnce: it must become neither a spin nor a blindness.
func TestWatchThatEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testPod())
		watches := 0
		w.client.PrependWatchReactor("pods", func(k8stesting.Action) (bool, watch.Interface, error) {
			watches++
			f := watch.NewFake()
			switch watches % 3 {
			case 0:
				return true, nil, errors.New("no watch")
			case 1:
				go f.Error(&metav1.Status{Code: 410})
			}
			time.AfterFunc(time.Millisecond, f.Stop)
			return true, f, nil
		})
		go func() {
			time.Sleep(10 * time.Second)
			w.setState(testPod(), coldName, waitingState("ErrImagePull", ""))
		}()
		began := time.Now()
		_, err := startInPod(t.Context(), w.env(), testPod(), w.options())
		if !errors.Is(err, ErrImage) || time.Since(began) > 11*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		if watches > 40 {
			t.Errorf("%d watches in 10 s", watches)
		}
	})
}
