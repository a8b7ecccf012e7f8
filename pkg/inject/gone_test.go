package inject

import (
	"context"
	"errors"
	"io"
	"net/http"
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

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/probe"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// setNode reports a state of the pod's node.
func (w *world) setNode(ready corev1.ConditionStatus, message string) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "w1"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
		{Type: corev1.NodeReady, Status: ready, Message: message},
	}}}
	if _, err := w.client.CoreV1().Nodes().UpdateStatus(w.t.Context(), node, metav1.UpdateOptions{}); err != nil {
		w.t.Error(err)
	}
}

// TestVantageGoesAway: what ends a start or a run for good is told as soon as it can
// be seen, and by its name.
func TestVantageGoesAway(t *testing.T) {
	deletePod := func(w *world) {
		_ = w.client.CoreV1().Pods("shop").Delete(context.Background(), "web-0", metav1.DeleteOptions{})
	}
	replacePod := func(w *world) {
		deletePod(w)
		pod := testPod()
		pod.UID = "second"
		_ = w.client.Tracker().Add(pod)
	}
	t.Run("while the probe is to start", func(t *testing.T) {
		tests := []struct {
			name   string
			change func(*world)
			text   string
			within time.Duration
		}{
			{"node stops later", func(w *world) { w.setNode(corev1.ConditionUnknown, "stopped") }, "stopped", 10 * time.Second},
			{"node deleted", func(w *world) {
				_ = w.client.CoreV1().Nodes().Delete(context.Background(), "w1", metav1.DeleteOptions{})
			}, "does not exist any more", 10 * time.Second},
			{"pod replaced", replacePod, "", 10 * time.Second}, // seen as deleted or as replaced
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					pod := testPod()
					pod.UID = "first"
					w := newWorld(t, pod)
					time.AfterFunc(7*time.Second, func() { test.change(w) })
					began := time.Now()
					_, err := startInPod(t.Context(), w.env(), pod, w.options())
					if !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), test.text) || time.Since(began) > test.within+100*time.Millisecond {
						t.Errorf("%v after %s", err, time.Since(began))
					}
				})
			})
		}
	})
	t.Run("while it runs", func(t *testing.T) {
		for reason, change := range map[string]func(*world){"was deleted": deletePod, "was replaced": replacePod} {
			t.Run(reason, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					pod := testPod()
					pod.UID = "first"
					w := newWorld(t, pod)
					c := run(t, nil)
					p := talk(t, w, c)
					p.uid = pod.UID
					began := time.Now()
					time.AfterFunc(time.Second, func() {
						change(w)
						c.kill()
						w.mu.Lock()
						defer w.mu.Unlock()
						delete(w.probes, "c")
					})
					o, err := p.Run(t.Context(), tasks(2, 20*time.Second), 30*time.Second, func(check.Result) {})
					if err != nil || o.Complete || !strings.HasSuffix(o.Reason, reason) && !strings.HasSuffix(o.Reason, reason+" by another pod of that name") {
						t.Errorf("%+v, %v", o, err)
					}
					if took := time.Since(began); took > 2*time.Second {
						t.Errorf("took %s", took)
					}
				})
			})
		}
	})
}

// TestPodReplacedBeforeThePatch: nothing is put into a pod that is not the one that
// was looked at.
func TestPodReplacedBeforeThePatch(t *testing.T) {
	pod := testPod()
	pod.UID = "first"
	w := newWorld(t, pod)
	w.client.PrependReactor("patch", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
		if !dryRun(a) {
			t.Error("patched")
		}
		second := testPod()
		second.UID = "second"
		return true, second, nil
	})
	if _, err := startInPod(t.Context(), w.env(), pod, w.options()); !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "replaced") {
		t.Error(err)
	}
}

// warm adds a probe of an earlier run to a pod, as w.options would make it.
func (w *world) warm(pod *corev1.Pod, change func(*probe.Config)) *container {
	w.t.Helper()
	wanted, err := EphemeralContainer(pod, completed(w.t, w.options()), ownBuild())
	if err != nil {
		w.t.Fatal(err)
	}
	wanted.Name = "old"
	pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{*wanted}
	pod.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: "old", State: runningState()}}
	c := run(w.t, change)
	w.probes["old"] = c
	return c
}

// TestWarmButNoRightToAttach: another container would be of no more use, and could
// never be removed.
func TestWarmButNoRightToAttach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pod := testPod()
		w := newWorld(t, pod)
		forbidden := apierrors.NewForbidden(corev1.Resource("pods"), "web-0", errors.New(`User "jane" cannot create resource "pods/attach"`))
		w.warm(pod, nil).mistreat(func() { w.probes["old"].refuse = forbidden })
		_, err := startInPod(t.Context(), w.env(), pod, w.options())
		if !errors.Is(err, ErrNotAllowed) || !strings.Contains(err.Error(), "jane") {
			t.Error(err)
		}
		if len(w.calls) > 0 {
			t.Errorf("another one was added: %v", w.calls)
		}
	})
}

// TestWarmProbeMustOutliveTheRun: a run that may last long does not take a probe
// that ends in the middle of it.
func TestWarmProbeMustOutliveTheRun(t *testing.T) {
	for _, test := range []struct {
		longest, age time.Duration
		warm         bool
	}{
		{0, 12 * time.Minute, true}, {0, 14 * time.Minute, false},
		{5 * time.Minute, 9 * time.Minute, true}, {5 * time.Minute, 10 * time.Minute, false},
		{time.Hour, 7 * time.Minute, true}, // no probe of these settings lives longer
	} {
		synctest.Test(t, func(t *testing.T) {
			pod := testPod()
			w := newWorld(t, pod)
			w.warm(pod, func(cfg *probe.Config) { cfg.Wait = time.Hour })
			w.starting(0, nil)
			time.Sleep(test.age)
			o := w.options()
			o.Longest = test.longest
			p, err := startInPod(t.Context(), w.env(), pod, o)
			if err != nil || p.Warm != test.warm {
				t.Fatalf("%+v: %v, %v", test, p, err)
			}
			_ = p.Close(t.Context())
		})
	}
}

// TestCapabilitiesNotHeld: what the spec asks for and the process does not get is
// said, whoever took it away.
func TestCapabilitiesNotHeld(t *testing.T) {
	for _, test := range []struct {
		profile string
		held    []string
		text    string
	}{
		{Restricted, nil, ""}, {NetRaw, []string{"NET_RAW"}, ""}, {NetRaw, nil, "asks for NET_RAW,"},
		{NetAdmin, []string{"NET_RAW"}, "asks for NET_ADMIN,"}, {NetAdmin, []string{"NET_ADMIN", "NET_RAW"}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			pod := testPod()
			w := newWorld(t, pod)
			w.starting(0, func(cfg *probe.Config) { cfg.Capabilities = test.held })
			o := w.options()
			o.Profile = test.profile
			said := ""
			o.Events = func(e Event) {
				if e.Kind == EventWarning {
					said += e.Text
				}
			}
			p, err := startInPod(t.Context(), w.env(), pod, o)
			if err != nil {
				t.Fatal(err)
			}
			_ = p.Close(t.Context())
			if !strings.Contains(said, test.text) || (said == "") != (test.text == "") {
				t.Errorf("%+v: said %q", test, said)
			}
		})
	}
}

// TestPatchCancelled: a container that may be there is not passed over in silence.
func TestPatchCancelled(t *testing.T) {
	w := newWorld(t, testPod())
	ctx, cancel := context.WithCancel(t.Context())
	w.client.PrependReactor("patch", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
		if dryRun(a) {
			return false, nil, nil
		}
		cancel()
		return true, nil, context.Canceled
	})
	if _, err := startInPod(ctx, w.env(), testPod(), w.options()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if !slices.Contains(w.events, EventInject) {
		t.Errorf("events %v", w.events)
	}
}

// TestLogThatStalls: an API server that begins a log and never ends it does not hold
// up the run.
func TestLogThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newWorld(t).env()
		e.logs = func(ctx context.Context, _ place, _ logOptions) (io.ReadCloser, error) {
			stalled, feed := io.Pipe()
			context.AfterFunc(ctx, func() { feed.CloseWithError(http.ErrHandlerTimeout) })
			return stalled, nil
		}
		p := &Probe{env: e, Container: "c"}
		began := time.Now()
		if err := p.readLog(t.Context(), began, func(wire.Frame) {}); err == nil || time.Since(began) > logWait {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
