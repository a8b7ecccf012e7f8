// Package inject puts a probe where checks are to run from - an ephemeral container
// in a pod, or a pod on a node - waits for it, talks to it over an attach, and takes
// away what can be taken away. With pkg/cluster it is the only package that talks to
// the API.
//
// It may import client-go, pkg/check, pkg/facts, pkg/wire and pkg/version. It prints nothing:
// what happens on the way is told through Options.Events.
package inject

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/version"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// Defaults of Options.
const (
	DefaultTimeout   = 60 * time.Second
	DefaultKeepAlive = 2 * time.Minute
	DefaultLifetime  = 15 * time.Minute
	DefaultLongest   = time.Minute
)

// Options say what to inject and how long to wait for it.
type Options struct {
	// Image is the probe's; "" means version.Image.
	Image string
	// PullPolicy is Always, IfNotPresent or Never; "" leaves it to the API server.
	PullPolicy string
	// PullSecrets are names of secrets for node pods. An ephemeral container can only
	// use those of its pod.
	PullSecrets []string
	// Profile is one of Profiles; "" means restricted for a pod and node for a node.
	Profile string
	// Timeout is how long the probe may take to start and to answer; 0 means
	// DefaultTimeout.
	Timeout time.Duration
	// KeepAlive is how long the probe waits for another run; 0 means not at all.
	KeepAlive time.Duration
	// Lifetime ends the probe whatever happens; 0 means DefaultLifetime.
	Lifetime time.Duration
	// Longest is how long a run may last; 0 means DefaultLongest. A warm probe that
	// does not live so long is left alone: its end would cut the run.
	Longest time.Duration
	// First, when set, is the plan of the first Run, which must be given the same: it
	// travels with a node's pod, and is begun before anybody attaches. A node that
	// carries no attach is then read by its log.
	First         []check.Task
	FirstDeadline time.Duration
	// Events, when set, hears of progress. It is called from one goroutine at a time.
	Events func(Event)
}

// The kinds of Event.
const (
	EventWarm    = "warm"    // a probe of an earlier run was found
	EventInject  = "inject"  // an ephemeral container or a pod was asked for
	EventWait    = "wait"    // why it does not run yet
	EventStarted = "started" // the probe answers
	EventBusy    = "busy"    // another run has the probe
	EventResume  = "resume"  // the attach was lost and is made again
	EventLog     = "log"     // results are read from the container's log
	EventWarning = "warning" // something a person should know
	EventRemoved = "removed" // the node pod was deleted
)

// Event is progress, for people.
type Event struct {
	Kind    string
	Text    string // one line, harmless on a terminal
	Elapsed time.Duration
}

// Probe is a probe that answers, with a session of it that is open.
type Probe struct {
	// Namespace, Pod and Container are where it runs.
	Namespace, Pod, Container string
	// Warm says that it was there before.
	Warm bool
	// StartedIn is how long it took until it answered.
	StartedIn time.Duration
	// Hello is what it said of itself, sanitised.
	Hello wire.Hello

	env  env
	opts Options
	uid  types.UID // of the pod, "" when unknown
	// nodeName is the node's that it runs on, for messages.
	nodeName string
	node     bool   // a pod of ours, to be deleted
	noun     string // what it is called, "" for a probe
	began    time.Time
	session  string
	used     bool // the session had its plan
	ahead    bool // the plan of the first run went with the pod
	mute     bool // no attach works: only the log can be read
	conn     *conn
	release  func() // ends the goroutine that holds the session
	eventMu  sync.Mutex
}

// Pod makes a probe in a running pod: the warm one of an earlier run, or a new
// ephemeral container. The pod is taken as it was read; what is decided from it is
// checked by the API server again. Call Close when done.
//
// The error is an *Error: see its Kind.
func Pod(ctx context.Context, client kubernetes.Interface, config *rest.Config, pod *corev1.Pod, opts Options) (*Probe, error) {
	return startInPod(ctx, realEnv(client, config), pod, opts)
}

// Node makes a probe pod in the network namespace of a node. Close deletes it; on an
// error it has been deleted already.
//
// The error is an *Error: see its Kind.
func Node(ctx context.Context, client kubernetes.Interface, config *rest.Config, namespace string, node *corev1.Node, opts Options) (*Probe, error) {
	return startOnNode(ctx, realEnv(client, config), namespace, node, opts)
}

// complete fills in what is left out and refuses what cannot work.
func (o Options) complete(profile string) (Options, error) {
	if o.Image == "" {
		o.Image = version.Image
	}
	if o.Profile == "" {
		o.Profile = profile
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Lifetime <= 0 {
		o.Lifetime = DefaultLifetime
	}
	if o.Longest <= 0 {
		o.Longest = DefaultLongest
	}
	// A kubelet takes its time to say so, and the container would stay.
	if _, err := name.ParseReference(o.Image, name.WeakValidation); err != nil {
		return o, fail(ErrImage, "correct --image", "image name %q is not valid: %s", o.Image, err)
	}
	return o, nil
}

func startInPod(ctx context.Context, e env, pod *corev1.Pod, opts Options) (*Probe, error) {
	opts, err := opts.complete(Restricted)
	if err != nil {
		return nil, err
	}
	p := &Probe{Namespace: pod.Namespace, Pod: pod.Name, uid: pod.UID, nodeName: pod.Spec.NodeName, env: e, opts: opts, began: time.Now()}
	ctx, cancel := context.WithTimeoutCause(ctx, opts.Timeout, errStartTimeout)
	defer cancel()
	wanted, err := EphemeralContainer(pod, opts, version.Build())
	if err != nil {
		return nil, err
	}
	if found, err := p.reuse(ctx, pod, wanted); found || err != nil {
		return p.orNothing(err)
	}
	wanted.Name = containerName(opts.Profile, e.suffix)
	p.Container = wanted.Name
	patched, err := p.patch(ctx, wanted)
	if err != nil {
		return nil, err
	}
	p.event(EventInject, "ephemeral container %s added to %s", p.Container, p.where())
	return p.orNothing(p.connect(ctx, patched, attachFirst, 0))
}

// orNothing returns the probe, which answers, or the error that says why not.
func (p *Probe) orNothing(err error) (*Probe, error) {
	if err != nil {
		return nil, err
	}
	p.started()
	return p, nil
}

// started notes that the probe answers, and holds the session until Run.
func (p *Probe) started() {
	p.StartedIn = time.Since(p.began)
	if p.mute {
		p.event(EventStarted, "probe started in %s; it cannot be attached to", p.StartedIn.Round(time.Millisecond))
		return
	}
	p.hold()
	how := "started"
	if p.Warm {
		how = "of an earlier run answered"
	}
	p.event(EventStarted, "probe %s in %s", how, p.StartedIn.Round(time.Millisecond))
	if lack := p.lack(); len(lack) > 0 {
		p.event(EventWarning, "profile %s asks for %s, and the probe does not hold it: admission or the container runtime has taken it away", p.opts.Profile, strings.Join(lack, " and "))
	}
	if own := version.Build(); p.Hello.Build != own {
		p.event(EventWarning, "the probe is of build %s, this plugin of %s: checks may differ", p.Hello.Build, own)
	}
}

// Close ends the connection. It deletes a node pod, with a fresh deadline when ctx
// has ended; an ephemeral container stays for its keep-alive. It may be repeated.
func (p *Probe) Close(ctx context.Context) error {
	p.disconnect()
	if !p.node {
		return nil
	}
	return p.deletePod(ctx)
}

func (p *Probe) disconnect() {
	if p.release != nil {
		p.release()
		p.release = nil
	}
	if p.conn == nil {
		return
	}
	if !p.used {
		// The next run need not wait until the claim on the session expires.
		_ = p.conn.send(&wire.Cancel{Head: wire.Head{Session: p.session}}) // encodes
		p.conn.drain(cancelWait)
	}
	p.conn.close()
	p.conn = nil
}

func (p *Probe) where() string { return fmt.Sprintf("pod/%s/%s", p.Namespace, p.Pod) }

// what is what people call it.
func (p *Probe) what() string { return cmp.Or(p.noun, "probe") }

func (p *Probe) place() place { return place{p.Namespace, p.Pod, p.Container} }

func (p *Probe) event(kind, format string, args ...any) {
	if p.opts.Events != nil {
		p.eventMu.Lock()
		defer p.eventMu.Unlock()
		text := wire.Clean(fmt.Sprintf(format, args...), maxMessage)
		p.opts.Events(Event{Kind: kind, Text: text, Elapsed: time.Since(p.began)})
	}
}
