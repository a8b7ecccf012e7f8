package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/version"
)

func TestShell(t *testing.T) {
	tests := []struct {
		name string
		args []string
		at   string
		want inject.ShellOptions // what is compared of it
	}{
		{"a shell", []string{"web-0"}, "pod shop/web-0", inject.ShellOptions{
			Options: inject.Options{Image: version.ToolboxImage, Profile: "restricted", PullPolicy: "IfNotPresent", Lifetime: time.Hour, Timeout: time.Minute}, Stdin: true,
		}},
		{"a command, its own flags and all", []string{"pod/web-0", "-n", "shop", "--profile", "netraw", "--", "tcpdump", "-n", "-c", "1"}, "pod shop/web-0", inject.ShellOptions{
			Options: inject.Options{Image: version.ToolboxImage, Profile: "netraw", PullPolicy: "IfNotPresent", Lifetime: time.Hour, Timeout: time.Minute},
			Command: []string{"tcpdump", "-n", "-c", "1"},
		}},
		{"a command with stdin, a mirror by digest", []string{"web-0", "-i", "--image", "r.example/t@sha256:" + strings.Repeat("a", 64), "--", "cat"}, "pod shop/web-0", inject.ShellOptions{
			Options: inject.Options{Image: "r.example/t@sha256:" + strings.Repeat("a", 64), Profile: "restricted", PullPolicy: "IfNotPresent", Lifetime: time.Hour, Timeout: time.Minute},
			Command: []string{"cat"}, Stdin: true,
		}},
		{"a node", []string{"node/w1", "--probe-namespace", "tools", "--image-pull-secret", "s", "--lifetime", "5m"}, "node w1", inject.ShellOptions{
			Options: inject.Options{Image: version.ToolboxImage, Profile: "node", PullPolicy: "IfNotPresent", PullSecrets: []string{"s"}, Lifetime: 5 * time.Minute, Timeout: time.Minute}, Stdin: true,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeBackend{}
			got := runWith(t, t.Context(), f, append([]string{"shell"}, tt.args...)...)
			if got.code != 0 {
				t.Fatalf("status %d\n%s", got.code, got.stderr)
			}
			o := f.shellOpts
			o.Events, o.In, o.Out, o.ErrOut = nil, nil, nil, nil
			if len(o.Command) == 0 {
				o.Command = nil
			}
			if diff := cmp.Diff(tt.want, o); diff != "" {
				t.Error(diff)
			}
			if f.at.String() != tt.at || (f.at.kind == facts.VantageNode && f.at.namespace != "tools") {
				t.Errorf("at %s in %s", f.at, f.at.namespace)
			}
		})
	}
}

func TestShellEnds(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	tests := []struct {
		name  string
		ctx   context.Context
		place string
		shell func(context.Context, inject.ShellOptions) (inject.ShellEnd, error)
		code  int
		says  []string
	}{
		{
			"with the command's status, and a container", t.Context(), "web-0",
			func(_ context.Context, o inject.ShellOptions) (inject.ShellEnd, error) {
				o.Events(inject.Event{Kind: inject.EventInject, Text: "ephemeral container added"})
				return inject.ShellEnd{Status: 42, Container: "netlook-shell-x"}, nil
			}, 42, []string{"netlook-shell-x ends, and stays in the list of containers of pod shop/web-0"},
		},
		{
			"with its lifetime", t.Context(), "web-0",
			func(context.Context, inject.ShellOptions) (inject.ShellEnd, error) {
				return inject.ShellEnd{Status: 124, Expired: true}, nil
			}, 124, []string{"the lifetime of the toolbox has ended (--lifetime 1h0m0s)"},
		},
		{
			"interrupted, and the node's pod is gone", interrupted, "node/w1",
			func(ctx context.Context, o inject.ShellOptions) (inject.ShellEnd, error) {
				o.Events(inject.Event{Kind: inject.EventInject, Text: "pod netlook-w1-x created"})
				cancel()
				o.Events(inject.Event{Kind: inject.EventRemoved, Text: "pod netlook-w1-x removed"})
				return inject.ShellEnd{}, ctx.Err()
			}, 2, []string{"the toolbox's pod netlook-w1-x removed", "error: interrupted"},
		},
		{
			"interrupted, and the node's pod could not be deleted", interrupted, "node/w1",
			func(ctx context.Context, o inject.ShellOptions) (inject.ShellEnd, error) {
				o.Events(inject.Event{Kind: inject.EventInject, Text: "pod netlook-w1-x created for node w1"})
				return inject.ShellEnd{}, fmt.Errorf("the shell in pod/tools/netlook-w1-x: %w; and then: no answer", context.Canceled)
			}, 2, []string{
				"the toolbox's pod netlook-w1-x created for node w1; it is still there: kubectl netlook cleanup -n shop --shells",
				"error: interrupted: the shell in pod/tools/netlook-w1-x: context canceled; and then: no answer",
			},
		},
		{
			"before its image was there", t.Context(), "web-0",
			func(_ context.Context, o inject.ShellOptions) (inject.ShellEnd, error) {
				o.Events(inject.Event{Kind: inject.EventInject, Text: "ephemeral container added"})
				return inject.ShellEnd{Container: "netlook-shell-x"}, &inject.Error{Kind: inject.ErrImage, Text: "image nope:1 cannot be pulled"}
			}, 2, []string{"the toolbox container netlook-shell-x waits for its image until pod shop/web-0 goes", "error: image nope:1"},
		},
		{
			"for lack of a capability", t.Context(), "web-0 -- tcpdump -n",
			func(context.Context, inject.ShellOptions) (inject.ShellEnd, error) {
				return inject.ShellEnd{Status: 1}, nil
			}, 1, []string{"tcpdump may need --profile netraw; this was restricted"},
		},
		{
			"for lack of memory", t.Context(), "web-0",
			func(context.Context, inject.ShellOptions) (inject.ShellEnd, error) {
				return inject.ShellEnd{Status: 137, Killed: "for lack of memory (OOMKilled)"}, nil
			}, 137, []string{"it was killed for lack of memory (OOMKilled)"},
		},
		{
			"before it began, with what an admin types", t.Context(), "web-0",
			func(context.Context, inject.ShellOptions) (inject.ShellEnd, error) {
				return inject.ShellEnd{}, &inject.Error{Kind: inject.ErrNotAllowed, Text: "attach to pod/shop/web-0: forbidden"}
			}, 2, []string{"error: attach to pod/shop/web-0: forbidden (user jane); an admin unlocks it with: kubectl netlook rbac --for pod -n shop --user jane | kubectl apply -f -"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := runWith(t, tt.ctx, &fakeBackend{shell: tt.shell}, append([]string{"shell"}, strings.Fields(tt.place)...)...)
			if got.code != tt.code {
				t.Errorf("status %d, want %d", got.code, tt.code)
			}
			for _, word := range tt.says {
				if !strings.Contains(got.stderr, word) {
					t.Errorf("does not say %q:\n%s", word, got.stderr)
				}
			}
		})
	}
}

// TestShellRefusesEarly: nothing is put anywhere that cannot work.
func TestShellRefusesEarly(t *testing.T) {
	ended := func() (*corev1.Pod, error) {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-0"}, Status: corev1.PodStatus{Phase: corev1.PodSucceeded}}, nil
	}
	tests := map[string]struct {
		f    *fakeBackend
		says string
	}{
		"no right": {&fakeBackend{preflight: func() ([]cluster.Rule, error) {
			return []cluster.Rule{{Verb: "patch", Resource: "pods/ephemeralcontainers", Namespace: "shop"}}, nil
		}}, "error: no right to add ephemeral containers in namespace shop (user jane); an admin unlocks it with: kubectl netlook rbac --for pod"},
		"a pod of past": {&fakeBackend{pod: ended}, "error: pod shop/web-0 has ended"},
		"no pod":        {&fakeBackend{pod: func() (*corev1.Pod, error) { return nil, errors.New("pod shop/web-0 does not exist") }}, "error: pod shop/web-0 does not exist"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := runWith(t, t.Context(), tt.f, "shell", "web-0")
			if got.code != 2 || !strings.HasPrefix(got.stderr, tt.says) || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("status %d\n%s", got.code, got.stderr)
			}
			if tt.f.shellOpts.Image != "" {
				t.Error("it was tried all the same")
			}
		})
	}
}

func TestShellCompletion(t *testing.T) {
	for prefix, want := range map[string]string{"": "web-0\nweb-1\nnode/\npod/\n:4\n", "pod/": "pod/web-0\npod/web-1\n:4\n", "n": "web-0\nweb-1\nnode/\n:4\n"} {
		if got := runWith(t, t.Context(), &fakeBackend{}, "__complete", "shell", prefix); got.stdout != want {
			t.Errorf("%q: %q", prefix, got.stdout)
		}
	}
	// Where only kinds fit, no space follows: the name does.
	for prefix, want := range map[string]string{"": "node/\npod/\n:6\n", "n": "node/\n:6\n", "x": ":4\n"} {
		if got := runWith(t, t.Context(), &fakeBackend{noPods: true}, "__complete", "shell", prefix); got.stdout != want {
			t.Errorf("no pods, %q: %q", prefix, got.stdout)
		}
	}
}
