package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/checks"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// The values of --deep.
const (
	deepOff    = "false"
	deepAlways = "true"
	deepAuto   = "auto"
)

// maxDeepNodes bounds how many nodes are looked at: the vantage point's own, and
// those of what fails.
const maxDeepNodes = 4

// witness is a probe on a node that joins a run from elsewhere.
type witness struct {
	node  string
	probe prober
	tasks []check.Task
	// before are the kernel's counters before the failing checks were repeated.
	before map[string]uint64
}

// deepen asks the kernels of the nodes at both ends, when that was asked for or is
// what it takes to tell causes apart. What fails here leaves the shallow verdict, which
// is not a whole one then where the look was asked for (unseen).
func (d *diagnosis) deepen(ctx context.Context) {
	if d.probe == nil || d.flags.Deep == deepOff {
		return
	}
	if d.flags.Deep == deepAuto && d.decided() {
		return
	}
	if ctx.Err() != nil {
		d.unseen(ctx, "no look at the nodes", ctx.Err())
		return
	}
	if why := d.deepRefusal(ctx); why != "" {
		who, unlock := d.unlock(ctx, cluster.ForNode, d.probeNamespace())
		d.notice(report.Notice{Kind: report.Note, Message: "no look at the nodes: " + why + who, Unlock: unlock})
		return
	}
	nodes := d.deepNodes()
	d.bar.say("waiting for probes on %s", strings.Join(nodes, ", "))
	d.witnesses = d.summon(ctx, nodes)
	watching := d.watching()
	if len(watching) == 0 {
		return
	}
	names := named(watching)
	if len(d.witnesses) > 0 {
		d.bar.say("asking the kernels of %s", named(d.witnesses))
	}
	for _, w := range d.witnesses {
		d.bar.expect(w.node, w.tasks)
	}
	each(d.witnesses, func(w *witness) { d.ask(ctx, w, w.tasks, d.collectAt(w)) })
	d.lookInside(ctx)
	if again := d.again(); len(again) > 0 {
		start := time.Now()
		d.bar.say("repeating what fails, while %s are watched", names)
		d.bar.expect("", again)
		flows := d.repeat(ctx, again)
		d.moved = map[string]map[string]uint64{}
		d.bar.say("asking %s what became of it", names)
		each(watching, func(w *witness) { d.look2(ctx, w, flows, time.Since(start)) })
	}
}

// decided reports whether the shallow rung knows the cause of everything that fails.
func (d *diagnosis) decided() bool {
	v := d.verdict()
	return len(v.Candidates) == 0 && len(v.Unexplained) == 0
}

// deepRefusal says which right is missing for node probes, "" when none is known to be.
func (d *diagnosis) deepRefusal(ctx context.Context) string {
	missing, err := d.backend.Preflight(ctx, cluster.Access{
		For: cluster.ForNode, Namespace: d.vantage.namespace, ProbeNamespace: d.probeNamespace(), SkipOptional: true,
	})
	if missing = cluster.Required(missing); err != nil || len(missing) == 0 {
		return ""
	}
	return "no right to " + missing[0].String()
}

func (d *diagnosis) probeNamespace() string {
	if d.flags.Namespace != "" {
		return d.flags.Namespace
	}
	return d.vantage.namespace
}

// deepNodes are the nodes at both ends: the vantage point's own, unless it is looked
// from already, and those of what fails; without failures those of what was asked for.
func (d *diagnosis) deepNodes() []string {
	var nodes []string
	add := func(node string) {
		if node != "" && !slices.Contains(nodes, node) && len(nodes) < maxDeepNodes {
			nodes = append(nodes, node)
		}
	}
	c := diagnose.NewCase(d.facts, d.results)
	if d.vantage.kind == facts.VantagePod {
		add(c.Home())
	}
	for _, r := range d.results {
		if diagnose.Bad(r) {
			add(c.NodeOf(r))
		}
		if diagnose.Bad(r) && (r.Check == "target.hostport" || r.Check == "service.nodeport") {
			add(c.HostOf(r)) // its rules are that node's
		}
	}
	if s := d.facts.DNS.Service; s != nil && len(d.names) > 0 {
		for _, e := range s.Endpoints {
			add(e.Node) // whom CoreDNS forwards to can be asked there only
		}
	}
	if len(nodes) < 2 {
		for _, r := range d.results {
			if r.Asked != "" {
				add(c.NodeOf(r))
			}
		}
	}
	if d.vantage.kind == facts.VantageNode {
		nodes = slices.DeleteFunc(nodes, func(n string) bool { return n == d.vantage.name })
	}
	return nodes
}

// summon places a probe on each node, and reads the facts of one. A node that cannot
// be had is told, and left out.
func (d *diagnosis) summon(ctx context.Context, nodes []string) []*witness {
	var (
		mu    sync.Mutex
		found []*witness
		wait  sync.WaitGroup

		blocked []string // by a webhook, as any node may be: that is told once
	)
	for _, name := range nodes {
		wait.Go(func() {
			w, err := d.summonOne(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case d.blocked(err):
				blocked = append(blocked, name)
				return
			case err != nil:
				d.unseen(ctx, "no look at node "+name, err)
				return
			}
			found = append(found, w)
		})
	}
	wait.Wait()
	if len(blocked) > 0 {
		what := "the nodes"
		if len(found) > 0 || d.vantage.kind == facts.VantageNode {
			slices.Sort(blocked)
			if what = "node " + blocked[0]; len(blocked) > 1 {
				what = "nodes " + strings.Join(blocked, ", ")
			}
		}
		d.unseen(ctx, "no look at "+what, fmt.Errorf("the API server cannot ask admission webhook %q", d.webhook.Name))
	}
	slices.SortFunc(found, func(a, b *witness) int { return strings.Compare(a.node, b.node) })
	return found
}

func (d *diagnosis) summonOne(ctx context.Context, name string) (*witness, error) {
	node, err := d.backend.Node(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := cluster.CheckNodeVantage(node); err != nil {
		return nil, err
	}
	f, err := d.backend.Gather(ctx, cluster.Request{
		Node: node, Attempts: d.flags.Attempts, Timeout: d.flags.Timeout, Profile: inject.NetAdmin,
		External: d.external, ExternalDefault: d.externalDefault,
	})
	if err != nil {
		return nil, err
	}
	for _, lost := range f.Lost {
		d.unseen(ctx, "node "+name, errors.New(lost))
	}
	f.Services, f.Doubted = d.facts.Services, d.doubted() // to hold against what the node does with them
	// Only CoreDNS's own node can ask those that it forwards to as it does.
	f.DNS.Corefile = d.facts.DNS.Corefile
	w := &witness{node: name, tasks: d.nodePlan(f)}
	o := d.probeOptions()
	// conntrack and the packet filter's tables are read over netlink, with NET_ADMIN.
	o.Profile, o.KeepAlive, o.Lifetime = inject.NetAdmin, time.Minute, d.flags.Deadline+2*time.Minute
	o.First, o.FirstDeadline = w.tasks, d.remaining(ctx)
	o.Events = func(inject.Event) {} // the pod's probe has the line
	w.probe, err = d.backend.Inject(ctx, vantage{kind: facts.VantageNode, namespace: d.probeNamespace(), name: name, node: node}, o)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// nodePlan is what a witness checks: its own kernel, the way out, and on CoreDNS's node
// the servers that it forwards to.
func (d *diagnosis) nodePlan(f *facts.Facts) []check.Task {
	return slices.DeleteFunc(d.registry.Plan(f), func(t check.Task) bool {
		return !strings.HasPrefix(t.Check, "node.") && t.Check != "external.host" && (t.Check != "dns.upstream" || !checks.AtDNS(f))
	})
}

// watching are those who watch the repeat: the witnesses, and where it is looked from a
// node its own probe, which alone has what that node's kernel did with our connections.
func (d *diagnosis) watching() []*witness {
	if d.vantage.kind != facts.VantageNode {
		return d.witnesses
	}
	own := &witness{node: d.vantage.name, probe: d.probe}
	for _, r := range d.results {
		if r.Vantage == d.facts.Vantage.String() && r.Kernel != nil && r.Kernel.Counters != nil {
			own.before = r.Kernel.Counters
		}
	}
	return append(slices.Clone(d.witnesses), own)
}

// named are the nodes of witnesses, to be read.
func named(list []*witness) string {
	nodes := make([]string, len(list))
	for i, w := range list {
		nodes[i] = w.node
	}
	return strings.Join(nodes, ", ")
}

// each runs f for all witnesses at once.
func each(list []*witness, f func(*witness)) {
	var wait sync.WaitGroup
	for _, w := range list {
		wait.Go(func() { f(w) })
	}
	wait.Wait()
}

// collectAt takes a node's results in, and remembers its counters.
func (d *diagnosis) collectAt(w *witness) func(check.Result) {
	return func(r check.Result) {
		r.Vantage = "node/" + w.node
		d.bar.got(w.node, r.TaskID)
		if r.Kernel != nil && r.Kernel.Counters != nil {
			w.before = r.Kernel.Counters
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.results = append(d.results, r)
	}
}

// dismiss deletes the witnesses' pods.
func (d *diagnosis) dismiss(ctx context.Context) (left []string) {
	var mu sync.Mutex
	each(d.witnesses, func(w *witness) {
		if err := w.probe.Close(ctx); err != nil {
			mu.Lock()
			defer mu.Unlock()
			left = append(left, fmt.Sprintf("the probe's pod on node %s may be left: %v", w.node, err))
		}
	})
	return left
}
