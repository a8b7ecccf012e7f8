package inject

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ktesting "k8s.io/client-go/testing"

	"github.com/netlook/kubectl-netlook/pkg/version"
)

// TestShellInterruptedOnNode: the pod is deleted before anything else is waited for, and
// where that cannot be done it is said.
func TestShellInterruptedOnNode(t *testing.T) {
	for name, refused := range map[string]error{"deleted": nil, "not deleted": errors.New("the API server is busy")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, testPod())
				var deleted time.Duration
				began := time.Now()
				w.client.PrependReactor("delete", "pods", func(ktesting.Action) (bool, runtime.Object, error) {
					deleted = time.Since(began)
					return refused != nil, nil, refused
				})
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(5*time.Second, cancel)
				never, write := io.Pipe()
				defer write.Close()
				_, err := shellOnNode(ctx, w.toolbox(t, 0, 0, make(chan string, 1)), "tools", testNode(), ShellOptions{
					TTY: true, Stdin: true, In: never, Out: io.Discard, ErrOut: io.Discard,
				})
				if !errors.Is(err, context.Canceled) || (refused != nil) != strings.Contains(err.Error(), "cleanup --shells does it later): the API server is busy") {
					t.Errorf("error %v", err)
				}
				if deleted != 5*time.Second {
					t.Errorf("deleted after %s", deleted)
				}
				write.Close()
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestShellEndsUnheard: the advice is a shell's, and names the image that fits.
func TestShellEndsUnheard(t *testing.T) {
	tests := []struct {
		name  string
		state corev1.ContainerStateTerminated
		says  string
	}{
		{"a probe's image", corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error"}, "image probe:x seems to have no entry for a shell: leave out --image, or give a copy of " + version.ToolboxImage},
		{"out of memory", corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}, "lack of memory (OOMKilled); what it runs counts against"},
		{"nobody came", corev1.ContainerStateTerminated{ExitCode: 125, Reason: "Error"}, "; run it again"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, testPod())
				e := w.env()
				e.attach = func(context.Context, place, streams) error { return errors.New("container not found") }
				time.AfterFunc(time.Second, func() {
					w.report(place{"shop", "web-0", "netlook-shell-abcde"}, corev1.ContainerState{Terminated: &test.state})
				})
				_, err := shellInPod(t.Context(), e, testPod(), ShellOptions{Options: Options{Image: "probe:x"}, In: strings.NewReader(""), Out: io.Discard, ErrOut: io.Discard})
				if !errors.Is(err, ErrStart) || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "--no-inject") {
					t.Errorf("error %v", err)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestShellKilled: a status of 137 has a reason.
func TestShellKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testPod())
		e := w.env()
		e.attach = func(_ context.Context, at place, s streams) error {
			_, _ = s.stdin.Read(make([]byte, 1))
			w.report(at, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}})
			return nil
		}
		end, err := shellInPod(t.Context(), e, testPod(), ShellOptions{In: strings.NewReader(""), Out: io.Discard, ErrOut: io.Discard})
		if err != nil || end.Status != 137 || end.Killed != "for lack of memory (OOMKilled)" {
			t.Errorf("%+v, %v", end, err)
		}
		time.Sleep(time.Hour)
	})
}

// TestShellLost: what the advice says to go on with is there, and listens as it says.
func TestShellLost(t *testing.T) {
	tests := map[string]struct {
		node  bool
		opts  ShellOptions
		says  string
		hides string
	}{
		"a terminal":      {false, ShellOptions{TTY: true}, "it ends by itself within 1h0m0s; go on with: kubectl -n shop attach -it web-0 -c netlook-shell-abcde", "deleted"},
		"a script":        {false, ShellOptions{Stdin: true}, "attach -i web-0 -c", "-it"},
		"without stdin":   {false, ShellOptions{}, "attach web-0 -c", "-i"},
		"a node's":        {true, ShellOptions{TTY: true}, "its pod is deleted", "attach"},
		"a node's, piped": {true, ShellOptions{Stdin: true}, "its pod is deleted", "by itself"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, testPod())
				e := w.env()
				e.attach = func(_ context.Context, at place, s streams) error {
					w.report(at, runningState())
					_, _ = s.stdin.Read(make([]byte, 1))
					_, _ = io.WriteString(s.stdout, "$ ")
					return errors.New("broken pipe")
				}
				tt.opts.In, tt.opts.Out, tt.opts.ErrOut = strings.NewReader(""), io.Discard, io.Discard
				var err error
				if tt.node {
					_, err = shellOnNode(t.Context(), e, "tools", testNode(), tt.opts)
				} else {
					_, err = shellInPod(t.Context(), e, testPod(), tt.opts)
				}
				if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), tt.hides) {
					t.Errorf("error %v", err)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}
