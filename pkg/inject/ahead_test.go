package inject

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/probe"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// startsAhead makes node pods run a probe that reads what travels with them, and
// refuses attaches when told to. The kubelet reports them as running after a while.
func (w *world) startsAhead(refuse error) {
	w.start = func(string) *container {
		// Its caller holds the world, and so would a call of the client.
		list, err := w.client.Tracker().List(corev1.SchemeGroupVersion.WithResource("pods"), corev1.SchemeGroupVersion.WithKind("Pod"), "")
		if err != nil {
			w.t.Error(err)
			return nil
		}
		pods := list.(*corev1.PodList).Items
		at := slices.IndexFunc(pods, func(p corev1.Pod) bool { return strings.HasPrefix(p.Name, "netlook-") })
		if at < 0 {
			return nil
		}
		pod := pods[at]
		c := run(w.t, func(cfg *probe.Config) {
			for _, e := range pod.Spec.Containers[0].Env {
				if e.Name == envAhead {
					cfg.Ahead = wire.DecodeAhead(e.Value)
				}
			}
		})
		c.mistreat(func() { c.refuse = refuse })
		go func() {
			pod.Status.Phase = corev1.PodRunning
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: nodeContainer, State: runningState()}}
			_, _ = w.client.CoreV1().Pods(pod.Namespace).UpdateStatus(w.t.Context(), &pod, metav1.UpdateOptions{})
		}()
		return c
	}
}

// A plan that travels with the pod is begun before anybody attaches, and its results
// are all there for who comes later; the next plan goes over the attach.
func TestAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.startsAhead(nil)
		o := w.options()
		o.First, o.FirstDeadline = tasks(3), time.Minute
		p, err := startOnNode(t.Context(), w.env(), "tools", testNode(), o)
		if err != nil {
			t.Fatal(err)
		}
		for i, plan := range [][]check.Task{o.First, tasks(2)} {
			var got []string
			out, err := p.Run(t.Context(), plan, time.Minute, func(r check.Result) { got = append(got, r.TaskID) })
			if err != nil || !out.Complete || out.FromLog || len(got) != len(plan) {
				t.Errorf("run %d: %+v, %v, results of %q", i, out, err, got)
			}
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Where no attach works, the first plan's results come from the log, and another plan
// is refused at once.
func TestAheadWithoutAttach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.startsAhead(errors.New("i/o timeout"))
		o := w.options()
		o.First, o.FirstDeadline = tasks(3, 2*muteAfter), time.Minute
		began := time.Now()
		p, err := startOnNode(t.Context(), w.env(), "tools", testNode(), o)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 2*muteAfter {
			t.Errorf("it took %s to see that no attach works", took)
		}
		var got []string
		out, err := p.Run(t.Context(), o.First, time.Minute, func(r check.Result) { got = append(got, r.TaskID) })
		if err != nil || !out.Complete || !out.FromLog || len(got) != len(o.First) {
			t.Errorf("%+v, %v, results of %q", out, err, got)
		}
		began = time.Now()
		out, err = p.Run(t.Context(), tasks(1), time.Minute, func(check.Result) { t.Error("a result of a plan that was not sent") })
		if err != nil || out.Complete || !strings.Contains(out.Reason, "no attach") || time.Since(began) > time.Second {
			t.Errorf("a second plan: %+v, %v after %s", out, err, time.Since(began))
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if names := w.podNames(); slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "netlook-") }) {
			t.Errorf("left: %q", names)
		}
	})
}
