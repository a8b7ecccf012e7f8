package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

func TestFlow(t *testing.T) {
	noRight := []cluster.Rule{{Verb: "patch", Resource: "pods/ephemeralcontainers", Namespace: "shop"}}
	failFirst := &fakeProbe{run: func(_ context.Context, tasks []check.Task, onResult func(check.Result)) (outcome, error) {
		for i, task := range tasks {
			r := pass(task)
			if i == 0 {
				r.Status, r.Failure, r.Summary = check.Fail, check.Timeout, "no answer after 2 s"
			}
			onResult(r)
		}
		return outcome{}, nil
	}}
	loseLast := &fakeProbe{run: func(_ context.Context, tasks []check.Task, onResult func(check.Result)) (outcome, error) {
		for _, task := range tasks[1:] {
			onResult(pass(task))
		}
		return outcome{incomplete: "the attach was lost three times"}, nil
	}}
	give := func(p prober, err error) func(context.Context, inject.Options) (prober, error) {
		return func(context.Context, inject.Options) (prober, error) { return p, err }
	}
	tests := map[string]struct {
		backend        *fakeBackend
		args           []string
		code           int
		stdout, stderr []string // what they say; nil: nothing at all
		injected       int
	}{
		"healthy": {args: []string{"pod", "web-0"}, code: 0, injected: 1,
			stdout: []string{"pod/shop/web-0 on node w1 (10.244.1.12)", "profile restricted", "✓ healthy: ", "! nodes: forbidden for user jane"}},
		"healthy node": {args: []string{"node", "w1"}, code: 0, injected: 1, stdout: []string{"node/w1", "profile node", "✓ healthy: "}},
		"a service, from a pod of its own choice": {args: []string{"service", "web"}, code: 0, injected: 1,
			stdout: []string{"from pod/shop/client", "! looked at from pod client: it is the first; --from chooses another", "✓ healthy: "}},
		"a service, from a node": {backend: &fakeBackend{choose: func(string, string) (cluster.Choice, error) {
			return cluster.Choice{Node: "w1", Why: "no pod runs"}, nil
		}},
			args: []string{"service", "svc/web"}, code: 0, injected: 1, stdout: []string{"looked at from node w1", "profile node", "✓ healthy: "}},
		"a service, from where it says": {args: []string{"service", "web", "--from", "pod/web-0"}, code: 0, injected: 1, stdout: []string{"from pod/shop/web-0"}},
		"every service":                 {args: []string{"pod", "web-0", "--to-all-services"}, code: 0, injected: 1, stdout: []string{"✓ healthy: "}},
		"names are arguments":           {args: []string{"dns", "--to", "svc/web"}, code: 2, stderr: []string{"dns asks for names and tries no target"}},
		"what policies say":             {args: []string{"policy", "web-0", "svc/web:80"}, code: 0, injected: 1, stdout: []string{"what NetworkPolicies say (0 of them)", "everything is allowed"}},
		"what policies say of a name":   {args: []string{"policy", "web-0", "example.com"}, code: 2, stderr: []string{"example.com: policies know pods and addresses, and no names: svc/NAME, pod/NAME or IP:PORT"}},
		"what policies say of nobody":   {args: []string{"policy", "web-0"}, code: 2, stderr: []string{"a pod and a target are needed: kubectl netlook policy POD TARGET[:PORT]"}},
		"no such service": {backend: &fakeBackend{choose: func(string, string) (cluster.Choice, error) {
			return cluster.Choice{}, errors.New("service web not found")
		}},
			args: []string{"service", "web"}, code: 2, stderr: []string{"service web not found"}},
		"a service that is a pod":        {args: []string{"service", "pod/web-0"}, code: 2, stderr: []string{"pod/web-0 is a pod, not a service: try kubectl netlook pod web-0"}},
		"a service from a service":       {args: []string{"service", "web", "--from", "svc/x"}, code: 2, stderr: []string{"--from: svc/x is no place to look from: pod/NAME or node/NAME"}},
		"a service from a pod's port":    {args: []string{"service", "web", "--from", "pod/x:80"}, code: 2, stderr: []string{"--from: pod/x:80: the place to look from has no port"}},
		"a service of another namespace": {args: []string{"service", "svc/bar/web", "-n", "foo"}, code: 2, stderr: []string{"svc/bar/web is in namespace bar, but -n says foo"}},
		"a problem": {backend: &fakeBackend{inject: give(failFirst, nil)}, args: []string{"pod", "web-0"}, code: 1, injected: 1,
			stdout: []string{"✗ 1 check failed: ", "no answer after 2 s", "means "}},
		"incomplete": {backend: &fakeBackend{inject: give(loseLast, nil)}, args: []string{"pod", "web-0"}, code: 2, injected: 1,
			stdout: []string{"! the attach was lost three times", "incomplete: 1 check of", "no result from: "}},
		"nobody talks to the probe": {backend: &fakeBackend{inject: give(&fakeProbe{run: func(context.Context, []check.Task, func(check.Result)) (outcome, error) {
			return outcome{}, errors.New("attach: connection reset")
		}}, nil)}, args: []string{"pod", "web-0"}, code: 2, injected: 1, stdout: []string{"! attach: connection reset", "incomplete: "}},
		"no right, by review": {backend: &fakeBackend{preflight: func() ([]cluster.Rule, error) { return noRight, nil }}, args: []string{"pod", "web-0"}, code: 2,
			stdout: []string{"! no right to add ephemeral containers in namespace shop (user jane); reading the API only",
				"to unlock: kubectl netlook rbac --for pod -n shop --user jane | kubectl apply -f -", "nothing wrong by the API alone, but no packet was sent"}},
		"no right, as json": {backend: &fakeBackend{preflight: func() ([]cluster.Rule, error) { return noRight, nil }}, args: []string{"pod", "web-0", "-o", "json"}, code: 2,
			stdout: []string{`"kind": "fallback"`}, stderr: []string{"! no right to add ephemeral containers", "to unlock: kubectl netlook rbac"}},
		"an optional right is missing": {backend: &fakeBackend{preflight: func() ([]cluster.Rule, error) {
			return []cluster.Rule{{Verb: "list", Resource: "nodes", Optional: true}}, nil
		}}, args: []string{"pod", "web-0"}, code: 0, injected: 1, stdout: []string{"✓ healthy: "}},
		"the review fails, the attempt does not": {backend: &fakeBackend{preflight: func() ([]cluster.Rule, error) { return nil, errors.New("boom") }},
			args: []string{"pod", "web-0"}, code: 0, injected: 1, stdout: []string{"✓ healthy: "}},
		"no right, by the attempt": {backend: &fakeBackend{inject: give(nil, &inject.Error{Kind: inject.ErrNotAllowed, Text: "patch pod: cannot"})}, args: []string{"pod", "web-0"}, code: 2, injected: 1,
			stdout: []string{"! patch pod: cannot (user jane); reading the API only", "to unlock: "}},
		"no image": {backend: &fakeBackend{inject: give(nil, &inject.Error{Kind: inject.ErrImage, Text: "ErrImagePull: x", Hint: "see --image"})}, args: []string{"pod", "web-0"}, code: 2, injected: 1,
			stdout: []string{"! ErrImagePull: x; see --image; reading the API only"}, stderr: []string{"error: ErrImagePull: x; see --image\n"}},
		"asked for the API only": {args: []string{"pod", "web-0", "--no-inject"}, code: 0,
			stdout: []string{"API only", "nothing wrong by the API alone, no packet was sent: "}},
		"asked for the API only, of a pod that does not run": {backend: &fakeBackend{pod: func() (*corev1.Pod, error) {
			pod, _ := (&fakeBackend{}).Pod(context.Background(), "shop", "web-0")
			pod.Status.Phase = corev1.PodPending
			return pod, nil
		}}, args: []string{"pod", "web-0", "--no-inject"}, code: 0, stdout: []string{"API only"}},
		"a pod that does not run": {backend: &fakeBackend{pod: func() (*corev1.Pod, error) {
			pod, _ := (&fakeBackend{}).Pod(context.Background(), "shop", "web-0")
			pod.Status.Phase = corev1.PodPending
			return pod, nil
		}}, args: []string{"pod", "web-0"}, code: 2, stderr: []string{"error: pod shop/web-0 does not run yet"}},
		"no such pod": {backend: &fakeBackend{pod: func() (*corev1.Pod, error) { return nil, errors.New(`pod "x" not found`) }}, args: []string{"pod", "x"}, code: 2,
			stderr: []string{"error: pod \"x\" not found\n"}},
		"no such target: nothing is put anywhere": {backend: &fakeBackend{gather: func(context.Context) (*facts.Facts, error) { return nil, errors.New(`service "wbe" not found`) }},
			args: []string{"pod", "web-0", "--to", "svc/wbe"}, code: 2, stderr: []string{"error: service \"wbe\" not found\n"}},
		"the probe's pod stays": {backend: &fakeBackend{inject: give(&fakeProbe{close: errors.New("forbidden")}, nil)}, args: []string{"node", "w1"}, code: 0, injected: 1,
			stdout: []string{"! the probe's pod shop/netlook-abcde may be left: forbidden", "try: kubectl netlook cleanup -n shop"}},
		"json": {args: []string{"pod", "pod/shop/web-0", "-o", "json"}, code: 0, injected: 1, stdout: []string{`"apiVersion": "netlook.dev/v1alpha1"`}},
		"hostile error": {backend: &fakeBackend{pod: func() (*corev1.Pod, error) { return nil, errors.New("a\x1b[2J\nb") }}, args: []string{"pod", "x"}, code: 2,
			stderr: []string{`error: a\x1b[2J\nb` + "\n"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.backend == nil {
				tt.backend = &fakeBackend{}
			}
			got := runWith(t, t.Context(), tt.backend, tt.args...)
			if got.code != tt.code {
				t.Errorf("exit status %d, want %d", got.code, tt.code)
			}
			if tt.backend.injected != tt.injected {
				t.Errorf("%d probes were injected, want %d", tt.backend.injected, tt.injected)
			}
			says(t, "stdout", got.stdout, tt.stdout)
			says(t, "stderr", got.stderr, tt.stderr)
		})
	}
}

func says(t *testing.T, stream, text string, want []string) {
	t.Helper()
	if len(want) == 0 && text != "" {
		t.Errorf("%s should be empty:\n%s", stream, text)
	}
	// Lines are wrapped where they are: that is not what is tested here.
	flat := strings.Join(strings.Fields(text), " ")
	for _, w := range want {
		if !strings.Contains(flat, strings.Join(strings.Fields(w), " ")) {
			t.Errorf("%s does not say %q:\n%s", stream, w, text)
		}
	}
}

func TestWhatIsAskedFor(t *testing.T) {
	f := &fakeBackend{}
	got := runWith(t, t.Context(), f, "pod", "web-0", "--to", "svc/api:80", "--external", "none", "--attempts", "5", "--timeout", "3s",
		"--profile", "netraw", "--keep-alive", "0", "--start-timeout", "7s", "--image", "own/probe:1")
	if got.code != 0 {
		t.Fatalf("exit status %d: %s", got.code, got.stderr)
	}
	r := f.asked
	if len(r.Targets) != 1 || r.Targets[0].Name != "api" || len(r.External) != 0 || r.ExternalDefault || r.Attempts != 5 || r.Timeout != 3*time.Second || r.Profile != "netraw" {
		t.Errorf("asked for %+v", r)
	}
	if o := f.opts; o.Image != "own/probe:1" || o.Profile != "netraw" || o.KeepAlive != 0 || o.Timeout != 7*time.Second || o.Lifetime < time.Minute {
		t.Errorf("injected %+v", o)
	}
	if a := f.access; a.For != cluster.ForPod || a.Namespace != "shop" || a.Pod != "web-0" || !a.SkipOptional {
		t.Errorf("reviewed %+v", a)
	}
	runWith(t, t.Context(), f, "node", "node/w1", "--probe-namespace", "probes")
	if f.at.name != "w1" || f.at.namespace != "probes" || f.opts.Profile != "node" || !f.asked.ExternalDefault || len(f.asked.External) != 1 {
		t.Errorf("at %+v, injected %+v, asked for %+v", f.at, f.opts, f.asked)
	}
}

// TestInterrupt: wherever Ctrl-C hits, the run ends within a second and says what
// became of the probe.
func TestInterrupt(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	deaf := make(chan struct{})
	t.Cleanup(func() { close(deaf) })
	half := func(ctx context.Context, tasks []check.Task, onResult func(check.Result)) (outcome, error) {
		onResult(pass(tasks[0]))
		return outcome{incomplete: "cancelled"}, hang(ctx)
	}
	tests := map[string]struct {
		backend *fakeBackend
		args    []string
		says    string
		partial bool
	}{
		"while facts are read": {&fakeBackend{gather: func(ctx context.Context) (*facts.Facts, error) { return nil, hang(ctx) }}, []string{"pod", "web-0", "--to", "svc/x"},
			"error: interrupted; nothing was left behind", false},
		"while the probe starts": {&fakeBackend{inject: func(ctx context.Context, o inject.Options) (prober, error) {
			o.Events(inject.Event{Kind: inject.EventInject, Text: "ephemeral container netlook-abcde added to pod/shop/web-0"})
			return nil, hang(ctx)
		}}, []string{"pod", "web-0"}, "error: interrupted; ephemeral container netlook-abcde added to pod/shop/web-0; it ends by itself, and cannot be removed from a pod", false},
		"while checks run in a pod": {&fakeBackend{inject: func(context.Context, inject.Options) (prober, error) { return &fakeProbe{run: half}, nil }}, []string{"pod", "web-0"},
			"error: interrupted; the probe container netlook-abcde stays in pod shop/web-0 until its keep-alive (2m0s) ends: it cannot be removed from a pod", true},
		"while checks run on a node": {&fakeBackend{inject: func(context.Context, inject.Options) (prober, error) { return &fakeProbe{run: half}, nil }}, []string{"node", "w1"},
			"error: interrupted; the probe's pod shop/netlook-abcde was removed", true},
		"while something is deaf to it": {&fakeBackend{gather: func(context.Context) (*facts.Facts, error) { <-deaf; return nil, errors.New("late") }}, []string{"pod", "web-0"},
			"error: interrupted, and clean-up did not end in time; look for leftovers with: kubectl netlook cleanup -A", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			began := make(chan struct{})
			time.AfterFunc(50*time.Millisecond, func() { cancel(); close(began) })
			got := runWith(t, ctx, tt.backend, tt.args...)
			<-began
			if got.took > 1200*time.Millisecond {
				t.Errorf("took %s to end", got.took)
			}
			if got.code != 2 {
				t.Errorf("exit status %d, want 2", got.code)
			}
			says(t, "stderr", got.stderr, []string{tt.says})
			if tt.partial {
				says(t, "stdout", got.stdout, []string{"! interrupted: this is what was found until then", "incomplete: "})
			} else if got.stdout != "" {
				t.Errorf("stdout: %s", got.stdout)
			}
		})
	}
}

func TestDeadlineIsNamed(t *testing.T) {
	f := &fakeBackend{gather: func(ctx context.Context) (*facts.Facts, error) {
		<-ctx.Done()
		return nil, errors.New("get service: context deadline exceeded")
	}}
	got := runWith(t, t.Context(), f, "pod", "web-0", "--to", "svc/x", "--deadline", "1s")
	if got.code != 2 {
		t.Errorf("exit status %d", got.code)
	}
	says(t, "stderr", got.stderr, []string{"error: the run's deadline has passed (--deadline 1s): get service"})
}

// TestJSONIsAReportOrNothing: a script never has to guess what stdout is.
func TestJSONIsAReportOrNothing(t *testing.T) {
	f := &fakeBackend{inject: func(context.Context, inject.Options) (prober, error) {
		return nil, &inject.Error{Kind: inject.ErrStart, Text: "terminated"}
	}}
	got := runWith(t, t.Context(), f, "pod", "web-0", "-o", "json")
	var r report.Report
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Summary.ExitCode != got.code || got.code != 2 {
		t.Errorf("the document says %d, the process %d", r.Summary.ExitCode, got.code)
	}
	if strings.Count(got.stderr, "terminated") != 1 {
		t.Errorf("stderr tells it not once:\n%s", got.stderr)
	}
}

// TestTerminal: colours and progress are for a terminal, and only while they are wanted.
func TestTerminal(t *testing.T) {
	slow := func() *fakeBackend {
		return &fakeBackend{inject: func(_ context.Context, o inject.Options) (prober, error) {
			o.Events(inject.Event{Kind: inject.EventWait, Text: "pulling the image"})
			time.Sleep(3 * redraw) // not a condition: the line must have time to be drawn
			return &fakeProbe{}, nil
		}}
	}
	tests := map[string]struct {
		env      map[string]string
		args     []string
		color    bool
		drawn    bool // the progress: drawn over itself, or else a line of text a stage
		progress bool
		columns  int
	}{
		"terminal":      {nil, nil, true, true, true, 80},
		"NO_COLOR":      {map[string]string{"NO_COLOR": "1"}, nil, false, true, true, 80},
		"dumb terminal": {map[string]string{"TERM": "dumb"}, nil, false, false, true, 80},
		"plain":         {nil, []string{"-o", "plain"}, false, false, true, 80},
		"json":          {nil, []string{"-o", "json"}, false, true, true, 80},
		"no terminal":   {nil, nil, false, false, false, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := runOn(t, t.Context(), slow(), func(s *seams) {
				s.columns = func(io.Writer) int { return tt.columns }
				s.getenv = func(name string) string { return tt.env[name] }
			}, append([]string{"pod", "web-0"}, tt.args...)...)
			if color := strings.Contains(got.stdout, "\x1b["); color != tt.color {
				t.Errorf("coloured: %v\n%q", color, got.stdout)
			}
			if shown := strings.Contains(got.stderr, "pulling the image"); shown != tt.progress {
				t.Errorf("progress: %v, stderr %q", shown, got.stderr)
			}
			if tt.drawn && !strings.HasSuffix(got.stderr, "\r\x1b[K") {
				t.Errorf("the line is left on the terminal: %q", got.stderr)
			}
			if !tt.drawn && strings.ContainsAny(got.stderr, "\r\x1b") {
				t.Errorf("drawn where nobody can see it: %q", got.stderr)
			}
			if tt.progress && !tt.drawn && !strings.HasPrefix(got.stderr, "reading pod shop/web-0\n") {
				t.Errorf("not a line a stage: %q", got.stderr)
			}
		})
	}
}
