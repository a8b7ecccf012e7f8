package inject

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/probe"
	"github.com/netlook/kubectl-netlook/pkg/version"
)

// TestOtherBuild: a probe of another build is told, and used all the same.
func TestOtherBuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pod := testPod()
		w := newWorld(t, pod)
		w.starting(0, func(c *probe.Config) { c.Build = "v9.9.9" })
		var warned []string
		opts := w.options()
		opts.Events = func(e Event) {
			if e.Kind == EventWarning {
				warned = append(warned, e.Text)
			}
		}
		p, err := startInPod(t.Context(), w.env(), pod, opts)
		if err != nil {
			t.Fatal(err)
		}
		if len(warned) != 1 || !strings.Contains(warned[0], "v9.9.9") || !strings.Contains(warned[0], version.Build()) {
			t.Errorf("warnings %q", warned)
		}
		if o, err := p.Run(t.Context(), tasks(3), 10*time.Second, func(check.Result) {}); err != nil || !o.Complete {
			t.Errorf("%+v, %v", o, err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestOtherWireVersion: a probe that cannot be talked to is refused at once, with what
// to do, and a node's pod is deleted.
func TestOtherWireVersion(t *testing.T) {
	start := func(w *world) {
		w.start = func(string) *container {
			c := run(w.t, nil)
			c.mistreat(func() { c.speaks = 2 })
			return c
		}
	}
	says := []string{"probe:test", "version 2 of the wire", "this plugin version 1", version.Image, "--image"}
	checkError := func(t *testing.T, err error, took time.Duration) {
		t.Helper()
		if !errors.Is(err, ErrVersion) {
			t.Fatalf("%v, want ErrVersion", err)
		}
		for _, part := range says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
		if took > 2*time.Second {
			t.Errorf("took %s", took)
		}
	}
	t.Run("pod", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			pod := testPod()
			w := newWorld(t, pod)
			start(w)
			began := time.Now()
			_, err := startInPod(t.Context(), w.env(), pod, w.options())
			checkError(t, err, time.Since(began))
		})
	})
	t.Run("node", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			start(w)
			node, err := w.client.CoreV1().Nodes().Get(t.Context(), "w1", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = startOnNode(t.Context(), w.env(), "shop", node, w.options())
			checkError(t, err, time.Since(began))
			left, err := w.client.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
			if err != nil || len(left.Items) > 0 {
				t.Errorf("%d pods are left, %v", len(left.Items), err)
			}
		})
	})
}
