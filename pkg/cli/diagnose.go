package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// nodeProfile is the profile of a node probe that does not look deep.
const nodeProfile = "node"

// errDeadline is the cause of a context that --deadline ended.
var errDeadline = errors.New("the run's deadline has passed")

// diagnosis is one run of `pod` or `node`. Its methods are called in the order in
// which they stand here.
type diagnosis struct {
	*seams
	options
	backend backend
	context string // the kubeconfig's, by name
	vantage vantage
	service *target.Target // the one that is walked, nil for `pod` and `node`
	// askedPolicy says that what policies say is the question, and to be shown whatever.
	askedPolicy bool
	// names are to be resolved, where DNS is the question; only are the checks to run
	// then, by the beginning of their names, none for all.
	names, only []string
	bar         *progress

	// What the run has come to know. What stands behind mu is written while it waits.
	facts   *facts.Facts
	probe   prober
	tasks   []check.Task
	resumed int
	// witnesses are the node probes of --deep; moved are the counters that grew on
	// their nodes while what fails was repeated, by node.
	witnesses []*witness
	moved     map[string]map[string]uint64
	failure   error // the tool's own: a probe that could not be started
	// webhook is what keeps probes from being made, and kubelet what the API server does
	// not reach to talk to one.
	webhook *facts.Webhook
	kubelet *facts.Kubelet

	mu      sync.Mutex
	notices []report.Notice
	results []check.Result
	placed  string // says that the probe is in the cluster, as soon as it is
}

// Run diagnoses and prints. The error carries the exit status.
func (d *diagnosis) Run(ctx context.Context) error {
	started := d.now()
	bounded, cancel := context.WithTimeoutCause(ctx, d.flags.Deadline, errDeadline)
	defer cancel()
	d.bar = startProgress(d.seams, d.printer.Name == "plain")
	defer d.bar.stop()

	err := d.look(bounded)
	if err == nil {
		err = d.prepare(bounded)
	}
	if err == nil {
		d.check(bounded)
		d.fromOutside(bounded)
		d.secondLook(bounded)
		d.deepen(bounded)
	}
	left := d.leave()
	d.bar.stop()
	switch {
	case ctx.Err() != nil:
		return d.interrupted(started, left)
	case err != nil:
		return err
	}
	return d.print(started)
}

// look reads the vantage point, asks what is allowed there, and refuses what cannot
// work before anything is put anywhere.
func (d *diagnosis) look(ctx context.Context) error {
	if err := d.resolveVantage(ctx); err != nil {
		return d.explain(ctx, err)
	}
	d.bar.say("reading %s", d.vantage)
	group, groupCtx := errgroup.WithContext(ctx)
	refused := ""
	group.Go(func() error { return d.read(groupCtx) })
	if !d.flags.NoInject {
		group.Go(func() error {
			refused = d.refusal(groupCtx)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return d.explain(ctx, err)
	}
	switch {
	case d.flags.NoInject:
		return nil // the API can be read whatever state the object is in
	case refused != "":
		d.fallback(ctx, refused)
		return nil
	case d.vantage.kind == facts.VantageNode:
		return cluster.CheckNodeVantage(d.vantage.node)
	}
	return cluster.CheckPodVantage(d.vantage.pod, d.vantage.node)
}

func (d *diagnosis) read(ctx context.Context) error {
	var err error
	if d.vantage.kind == facts.VantageNode {
		d.vantage.node, err = d.backend.Node(ctx, d.vantage.name)
		return err
	}
	pod, err := d.backend.Pod(ctx, d.vantage.namespace, d.vantage.name)
	if err != nil {
		return err
	}
	if pod.Spec.NodeName != "" {
		// Only to refuse early; without the right to read nodes the probe must try.
		d.vantage.node, _ = d.backend.Node(ctx, pod.Spec.NodeName)
	}
	d.vantage.pod = pod
	return nil
}

// injects says whether a probe is still to be placed.
func (d *diagnosis) injects() bool {
	return !d.flags.NoInject && !slices.ContainsFunc(d.notices, func(n report.Notice) bool { return n.Kind == report.Fallback })
}

// prepare places the probe and gathers the facts, at the same time. With targets
// that may not exist the facts come first: a typing mistake must not leave a
// container in a pod for good.
func (d *diagnosis) prepare(ctx context.Context) error {
	if slices.ContainsFunc(d.targets, namesObject) {
		if err := d.gather(ctx); err != nil {
			return err
		}
	}
	group, groupCtx := errgroup.WithContext(ctx)
	if d.injects() {
		group.Go(func() error { return d.place(groupCtx) })
	}
	if d.facts == nil {
		group.Go(func() error { return d.gather(groupCtx) })
	}
	return group.Wait()
}

func namesObject(t target.Target) bool {
	return t.Kind != target.IP && t.Kind != target.Host && t.Kind != target.URL
}

func (d *diagnosis) gather(ctx context.Context) error {
	f, err := d.backend.Gather(ctx, d.request())
	if err != nil {
		return d.explain(ctx, err)
	}
	d.facts = f
	return nil
}

// place puts the probe there. That the user has no right, or that the probe does not
// start, ends nothing: the API alone may know what is wrong.
func (d *diagnosis) place(ctx context.Context) error {
	d.bar.say("waiting for the probe on %s", d.vantage.host())
	probe, err := d.backend.Inject(ctx, d.vantage, d.probeOptions())
	switch {
	case err == nil:
		d.probe = probe
	case ctx.Err() != nil:
		return d.explain(ctx, err)
	case errors.Is(err, inject.ErrNotAllowed):
		d.fallback(ctx, err.Error())
	default:
		d.failed(err)
	}
	return nil
}

// check asks the API's facts, and then the probe.
func (d *diagnosis) check(ctx context.Context) {
	d.results = slices.DeleteFunc(d.registry.Read(d.facts), func(r check.Result) bool { return !d.wanted(r.Check) })
	if d.probe == nil {
		return
	}
	about := d.probe.Describe()
	how := "started on " + d.vantage.host() + " in " + report.FormatTime(about.StartedIn.D())
	if about.Warm {
		how = "found warm on " + d.vantage.host()
	}
	d.bar.say("probe %s", how)
	d.tasks = slices.DeleteFunc(d.registry.Plan(d.facts), func(t check.Task) bool { return !d.wanted(t.Check) })
	d.bar.expect("", d.tasks)
	out, err := d.probe.Run(ctx, d.tasks, d.remaining(ctx), d.collect)
	d.resumed, d.kubelet = out.resumed, out.kubelet
	d.weigh()
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled): // interrupted says so
	case err != nil:
		d.notice(report.Notice{Kind: report.Cut, Message: d.explain(ctx, err).Error()})
	case out.incomplete != "":
		d.notice(report.Notice{Kind: report.Cut, Message: out.incomplete})
	}
}

// remaining is what the probe may use of the deadline: what is left, less the time
// that its last results need to arrive.
func (d *diagnosis) remaining(ctx context.Context) time.Duration {
	const transfer = 500 * time.Millisecond
	deadline, _ := ctx.Deadline()
	return max(time.Until(deadline)-transfer, transfer)
}

// collect takes a result in. Where it ran is for the plugin to say.
func (d *diagnosis) collect(r check.Result) {
	r.Vantage = d.facts.Vantage.String()
	if r.Skip != nil && d.vantage.kind == facts.VantageNode {
		r.Skip.Unlock = strings.Replace(r.Skip.Unlock, "--profile netadmin", "--deep", 1)
	}
	d.mu.Lock()
	d.results = append(d.results, r)
	d.mu.Unlock()
	d.bar.got("", r.TaskID)
}

// explain names the deadline when it is what ended a call.
func (d *diagnosis) explain(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errDeadline) {
		if told, found := strings.CutSuffix(err.Error(), ": "+errDeadline.Error()); found {
			err = errors.New(told) // it has the cause at its end already
		}
		return fmt.Errorf("%w (--deadline %s): %w", errDeadline, d.flags.Deadline, err)
	}
	return err
}

func (d *diagnosis) notice(n report.Notice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notices = append(d.notices, n)
}

// event hears of what happens to the probe.
func (d *diagnosis) event(e inject.Event) {
	switch e.Kind {
	case inject.EventStarted:
		return // said with the results
	case inject.EventInject, inject.EventRemoved:
		d.mu.Lock()
		d.placed = e.Text
		d.mu.Unlock()
	case inject.EventWarning:
		d.notice(report.Notice{Kind: report.Note, Message: e.Text})
	}
	d.bar.hear("%s", e.Text)
}
