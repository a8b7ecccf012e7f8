package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// fakeBackend is a cluster with one pod and one node. Each function that is set
// replaces what it does by default.
type fakeBackend struct {
	pod       func() (*corev1.Pod, error)
	node      func() (*corev1.Node, error)
	gather    func(context.Context) (*facts.Facts, error)
	preflight func() ([]cluster.Rule, error)
	inject    func(context.Context, inject.Options) (prober, error)
	shell     func(context.Context, inject.ShellOptions) (inject.ShellEnd, error)
	second    func([]facts.Doubt) facts.Second
	noPods    bool // there are none to complete
	choose    func(namespace, service string) (cluster.Choice, error)
	// nodes, gatherFor and injectAt are for runs from several places.
	nodes     map[string]*corev1.Node
	gatherFor func(cluster.Request) (*facts.Facts, error)
	injectAt  func(vantage, inject.Options) (prober, error)

	mu       sync.Mutex
	injected int
	asked    cluster.Request
	access   cluster.Access
	opts     inject.Options

	shellOpts inject.ShellOptions
	at        vantage
	cleaned   []inject.CleanupOptions
	removed   inject.Cleaned
	// noNamespace does not exist, cleanErr is what Cleanup ends with.
	noNamespace string
	cleanErr    error
}

func (f *fakeBackend) Namespace() string { return "shop" }

func (f *fakeBackend) Pod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	if f.pod != nil {
		return f.pod()
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.PodSpec{NodeName: "w1"},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.244.1.12",
			ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}},
		},
	}, nil
}

func (f *fakeBackend) Node(_ context.Context, name string) (*corev1.Node, error) {
	if f.node != nil {
		return f.node()
	}
	if node := f.nodes[name]; node != nil {
		return node, nil
	}
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, nil
}

func (f *fakeBackend) Gather(ctx context.Context, req cluster.Request) (*facts.Facts, error) {
	f.mu.Lock()
	f.asked = req
	f.mu.Unlock()
	switch {
	case f.gather != nil:
		return f.gather(ctx)
	case f.gatherFor != nil:
		return f.gatherFor(req)
	}
	ip := netip.MustParseAddr("10.244.1.12")
	v := facts.Vantage{Kind: facts.VantageNode, Profile: req.Profile, Node: &facts.Node{Name: "w1"}}
	if req.Pod != nil {
		v.Kind, v.Pod = facts.VantagePod, &facts.Pod{Namespace: req.Pod.Namespace, Name: req.Pod.Name, Node: "w1", IPs: []netip.Addr{ip}}
	}
	return &facts.Facts{
		Ask:     facts.Ask{Attempts: req.Attempts, Timeout: req.Timeout},
		Vantage: v, Notes: []string{"nodes: forbidden for user jane"},
	}, nil
}

func (f *fakeBackend) Second(_ context.Context, doubts []facts.Doubt) facts.Second {
	if f.second != nil {
		return f.second(doubts)
	}
	return facts.Second{}
}

func (f *fakeBackend) Preflight(_ context.Context, access cluster.Access) ([]cluster.Rule, error) {
	f.mu.Lock()
	f.access = access
	f.mu.Unlock()
	if f.preflight != nil {
		return f.preflight()
	}
	return nil, nil
}

func (f *fakeBackend) Choose(_ context.Context, namespace, service string) (cluster.Choice, error) {
	if f.choose != nil {
		return f.choose(namespace, service)
	}
	return cluster.Choice{Pod: "client", Why: "it is the first"}, nil
}

func (f *fakeBackend) ChoosePod(context.Context, string) (string, error) { return "client", nil }

func (f *fakeBackend) ChoosePodOf(_ context.Context, w target.Target) (string, error) {
	if w.Name == "none" {
		return "", errors.New("no pod of deployment shop/none can be looked from")
	}
	return w.Name + "-7d9f", nil
}

func (f *fakeBackend) CheckNamespace(_ context.Context, namespace string) error {
	if namespace != "" && namespace == f.noNamespace {
		return errors.New("namespace does not exist")
	}
	return nil
}

func (f *fakeBackend) WhoAmI(ctx context.Context) (string, error) { return "jane", ctx.Err() }

func (f *fakeBackend) Inject(ctx context.Context, v vantage, o inject.Options) (prober, error) {
	f.mu.Lock()
	f.injected++
	f.at, f.opts = v, o
	f.mu.Unlock()
	switch {
	case f.inject != nil:
		return f.inject(ctx, o)
	case f.injectAt != nil:
		return f.injectAt(v, o)
	}
	return &fakeProbe{}, nil
}

func (f *fakeBackend) Shell(ctx context.Context, v vantage, o inject.ShellOptions) (inject.ShellEnd, error) {
	f.at, f.shellOpts = v, o
	if f.shell != nil {
		return f.shell(ctx, o)
	}
	return inject.ShellEnd{Namespace: "shop", Pod: "web-0", Container: "netlook-shell-abcde"}, nil
}

func (f *fakeBackend) Cleanup(_ context.Context, o inject.CleanupOptions) (inject.Cleaned, error) {
	f.cleaned = append(f.cleaned, o)
	return f.removed, f.cleanErr
}

func (f *fakeBackend) PodNames(context.Context, string, string) ([]string, error) {
	if f.noPods {
		return nil, nil
	}
	return []string{"web-0", "web-1"}, nil
}
func (f *fakeBackend) ServiceNames(context.Context, string, string) ([]string, error) {
	return []string{"payments"}, nil
}
func (f *fakeBackend) NodeNames(context.Context, string) ([]string, error) {
	return nil, errors.New("forbidden")
}
func (f *fakeBackend) Namespaces(context.Context, string) ([]string, error) {
	return []string{"shop"}, nil
}

// fakeProbe answers every task with a pass, unless told otherwise.
type fakeProbe struct {
	run    func(ctx context.Context, tasks []check.Task, onResult func(check.Result)) (outcome, error)
	close  error
	closed bool
}

func pass(t check.Task) check.Result {
	return check.Result{TaskID: t.ID, Check: t.Check, Label: t.Label, Status: check.Pass, Summary: "answers", Duration: check.Duration(time.Millisecond)}
}

func (p *fakeProbe) Run(ctx context.Context, tasks []check.Task, _ time.Duration, onResult func(check.Result)) (outcome, error) {
	if p.run != nil {
		return p.run(ctx, tasks, onResult)
	}
	for _, t := range tasks {
		onResult(pass(t))
	}
	return outcome{}, nil
}

func (p *fakeProbe) Close(context.Context) error { p.closed = true; return p.close }

func (p *fakeProbe) Describe() report.Probe {
	return report.Probe{Container: "netlook-abcde", Namespace: "shop", StartedIn: check.Duration(600 * time.Millisecond)}
}

// ran is a finished command line.
type ran struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// fakeRegistry has a check that sends packets to three places, and one that reads.
func fakeRegistry() *check.Registry {
	var r check.Registry
	type nothing struct{}
	r.Add(check.Define(check.Spec[nothing]{
		ID: "dns.fake", Area: "dns", Summary: "ask for a name",
		Plan: func(*facts.Facts) (list []check.Planned[nothing]) {
			for _, ip := range []string{"10.96.0.10", "10.244.0.2", "10.244.1.3"} {
				list = append(list, check.Planned[nothing]{Label: check.Label{Title: "name", Target: ip}})
			}
			return list
		},
		Run: func(context.Context, check.Task, nothing) check.Result { panic("checks run in the probe") },
	}))
	r.Add(check.Define(check.Spec[nothing]{
		ID: "state.fake", Area: "state", Summary: "look at the object",
		Read: func(f *facts.Facts) []check.Result {
			return []check.Result{{Label: check.Label{Title: "state", Target: f.Vantage.String()}, Status: check.Pass, Summary: "it is there"}}
		},
	}))
	return &r
}

// runWith runs a command line against a fake.
func runWith(t *testing.T, ctx context.Context, f *fakeBackend, args ...string) ran {
	t.Helper()
	return runOn(t, ctx, f, func(*seams) {}, args...)
}

// runOn is runWith on another machine.
func runOn(t *testing.T, ctx context.Context, f *fakeBackend, change func(*seams), args ...string) ran {
	t.Helper()
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	var stdout, stderr bytes.Buffer
	s := &seams{
		IOStreams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &stdout, ErrOut: &stderr},
		connect:   func(genericclioptions.RESTClientGetter) (backend, error) { return f, nil },
		getenv:    func(string) string { return "" },
		columns:   func(io.Writer) int { return 0 },
		now:       time.Now,
		registry:  fakeRegistry(),
		causes:    &diagnose.Registry{},
	}
	change(s)
	began := time.Now()
	code := run(ctx, args, s)
	return ran{code, stdout.String(), stderr.String(), time.Since(began)}
}
