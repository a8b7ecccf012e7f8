package inject

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	k8stesting "k8s.io/client-go/testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestKubeletOf(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       *facts.Kubelet
	}{
		{"a log, refused", `Get "https://172.30.0.12:10250/containerLogs/shop/web-0/app?tailLines=1": dial tcp 172.30.0.12:10250: connect: connection refused`,
			&facts.Kubelet{Addr: "172.30.0.12:10250", Why: "dial tcp 172.30.0.12:10250: connect: connection refused"}},
		{"a log, without a certificate", `Get "https://w1:10250/containerLogs/shop/web-0/app": remote error: tls: internal error`,
			&facts.Kubelet{Addr: "w1:10250", Why: "remote error: tls: internal error"}},
		{"an attach", "unable to upgrade connection: error dialing backend: dial tcp [fd00::2]:10250: i/o timeout",
			&facts.Kubelet{Addr: "[fd00::2]:10250", Why: "dial tcp [fd00::2]:10250: i/o timeout"}},
		{"a tunnel", "error dialing backend: No agent available", &facts.Kubelet{Why: "No agent available"}},
		{"the way to the API server", `Get "https://10.0.0.1:6443/api/v1/namespaces/shop/pods/web-0/log": dial tcp 10.0.0.1:6443: i/o timeout`, nil},
		{"the container", "container not found", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &Probe{Namespace: "shop", Pod: "web-0", Container: "c", nodeName: "w1"}
			if tt.want != nil {
				tt.want.Node, tt.want.Pod, tt.want.Container = "w1", facts.Ref{Namespace: "shop", Name: "web-0"}, "c"
			}
			if diff := cmp.Diff(tt.want, p.kubeletOf(errors.New(tt.text))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestKubeletHint: what to do about a kubelet depends on how far the API server gets.
func TestKubeletHint(t *testing.T) {
	for _, tt := range []struct{ why, text, hint string }{
		{"", "does not reach the kubelet of node w1: neither an attach", "reach TCP 10250"},
		{"dial tcp 172.30.0.12:10250: connect: connection refused", "does not reach the kubelet of node w1", "reach TCP 10250"},
		{"remote error: tls: internal error", "cannot talk to the kubelet of node w1: remote error", "kubectl get csr"},
		{"x509: certificate signed by unknown authority", "cannot talk to the kubelet", "kubectl get csr"},
		{"No agent available", "does not reach the kubelet", "mend the agent"},
	} {
		p := &Probe{Namespace: "shop", Pod: "web-0", Container: "c", nodeName: "w1"}
		k := p.kubelet()
		k.Why = tt.why
		var own *Error
		if err := p.kubeletError(k); !errors.As(err, &own) || !strings.Contains(own.Text, tt.text) || !strings.Contains(own.Hint, tt.hint) {
			t.Errorf("%q: %+v", tt.why, own)
		}
	}
}

// TestSilentKubelet: a container that runs, and that neither an attach nor its log
// reaches, is given up early, and only then.
func TestSilentKubelet(t *testing.T) {
	refused := errors.New("error dialing backend: dial tcp 172.30.0.12:10250: connect: connection refused")
	logRefused := errors.New(`Get "https://172.30.0.12:10250/containerLogs/shop/web-0/c": dial tcp 172.30.0.12:10250: i/o timeout`)
	never := time.Hour
	for _, tt := range []struct {
		name     string
		attach   error         // nil for silence
		logAfter time.Duration // when its log comes
		log      error
		apiDown  bool
		kind     error
		why      string
		within   time.Duration
	}{
		{"silence", nil, never, nil, false, ErrKubelet, "", 17 * time.Second},
		{"an attach is refused", refused, 0, refused, false, ErrKubelet, "dial tcp 172.30.0.12:10250: connect: connection refused", 3 * time.Second},
		{"the log says why", nil, 2 * time.Second, logRefused, false, ErrKubelet, "dial tcp 172.30.0.12:10250: i/o timeout", 17 * time.Second},
		{"the log comes: the probe hangs", nil, 0, nil, false, ErrStart, "", 29 * time.Second},
		{"the log comes late", nil, silentLog - time.Second, nil, false, ErrStart, "", 29 * time.Second},
		{"logs are forbidden", nil, 0, apierrors.NewForbidden(schema.GroupResource{Resource: "pods/log"}, "web-0", nil), false, ErrStart, "", 29 * time.Second},
		{"the API server is silent too", nil, never, nil, true, ErrStart, "", 29 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pod := testPod()
				w := newWorld(t, pod)
				e := w.env()
				e.attach = func(ctx context.Context, _ place, _ streams) error {
					if tt.attach != nil {
						return tt.attach
					}
					<-ctx.Done()
					return ctx.Err()
				}
				e.logs = func(ctx context.Context, _ place, _ logOptions) (io.ReadCloser, error) {
					select {
					case <-time.After(tt.logAfter):
						return io.NopCloser(io.LimitReader(nil, 0)), tt.log
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				var down atomic.Bool // the fake's reactors are not to be changed while it is asked
				w.client.PrependReactor("get", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
					return down.Load(), nil, errors.New("no answer")
				})
				go func() {
					time.Sleep(100 * time.Millisecond)
					w.setState(pod, coldName, runningState())
					down.Store(tt.apiDown)
				}()
				began := time.Now()
				_, err := startInPod(t.Context(), e, pod, w.options())
				var own *Error
				if !errors.As(err, &own) || !errors.Is(err, tt.kind) {
					t.Fatalf("%v is not %v", err, tt.kind)
				}
				if took := time.Since(began); took > tt.within {
					t.Errorf("it took %s, want less than %s", took, tt.within)
				}
				if got := own.Kubelet; got != nil && (got.Why != tt.why || got.Node != "w1" || got.Container != coldName) || (got != nil) != errors.Is(tt.kind, ErrKubelet) {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

// TestUnloggedKubelet: a node's probe that no attach reaches, and whose log does not come
// either, is behind a kubelet that the API server does not reach.
func TestUnloggedKubelet(t *testing.T) {
	refused := errors.New(`Get "https://172.30.0.12:10250/containerLogs/tools/x/probe": dial tcp 172.30.0.12:10250: connect: connection refused`)
	for _, tt := range []struct {
		name    string
		log     error // nil for silence
		running bool
		want    bool
		why     string
	}{
		{"silence", nil, true, true, ""},
		{"refused", refused, true, true, "dial tcp 172.30.0.12:10250: connect: connection refused"},
		{"it has ended", nil, false, false, ""},
		{"something else", errors.New("no log"), true, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.startsAhead(errors.New("i/o timeout"))
				e := w.env()
				e.logs = func(ctx context.Context, _ place, _ logOptions) (io.ReadCloser, error) {
					if tt.log != nil {
						return nil, tt.log
					}
					<-ctx.Done()
					return nil, ctx.Err()
				}
				o := w.options()
				o.First, o.FirstDeadline = tasks(3), time.Minute
				p, err := startOnNode(t.Context(), e, "tools", testNode(), o)
				if err != nil {
					t.Fatal(err)
				}
				if !tt.running {
					pods := w.client.CoreV1().Pods("tools")
					now, err := pods.Get(t.Context(), p.Pod, metav1.GetOptions{})
					if err != nil {
						t.Fatal(err)
					}
					now.Status.Phase, now.Status.ContainerStatuses = corev1.PodSucceeded, nil
					if _, err := pods.UpdateStatus(t.Context(), now, metav1.UpdateOptions{}); err != nil {
						t.Fatal(err)
					}
				}
				out, err := p.Run(t.Context(), o.First, time.Minute, func(check.Result) {})
				if err != nil || out.Complete {
					t.Fatalf("%+v, %v", out, err)
				}
				if k := out.Kubelet; (k != nil) != tt.want || k != nil && (k.Why != tt.why || k.Node != "w1") {
					t.Errorf("%+v", k)
				}
				if err := p.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
