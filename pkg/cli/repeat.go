package cli

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/checks"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// What is repeated while the nodes' counters are watched: enough to move them, little
// enough to wait for.
const (
	maxRepeated    = 24
	repeatTimeout  = 800 * time.Millisecond
	repeatAttempts = 4
	maxFlows       = 256
)

// weigh judges what only all results together tell.
func (d *diagnosis) weigh() {
	d.mu.Lock()
	defer d.mu.Unlock()
	checks.AnsweredElsewhere(d.results)
	d.results = checks.WithoutTried(d.results)
}

// failing are the tasks of the plan whose results are bad. Names are asked about last:
// there may be many, and they all go to the same few addresses.
func (d *diagnosis) failing() []check.Task {
	bad := map[string]bool{}
	for _, r := range d.results {
		if diagnose.Bad(r) && r.Vantage == d.facts.Vantage.String() {
			bad[r.TaskID] = true
		}
	}
	var tasks []check.Task
	for _, t := range d.tasks {
		if !bad[t.ID] || t.Check == "path.mtu" {
			continue
		}
		t.Timeout = check.Duration(min(t.Timeout.D(), repeatTimeout))
		t.Attempts = repeatAttempts
		tasks = append(tasks, t)
	}
	slices.SortStableFunc(tasks, func(a, b check.Task) int { return cmp.Compare(late(a), late(b)) })
	return tasks[:min(len(tasks), maxRepeated)]
}

// control is one task that passed, to be repeated beside those that fail: where what is
// answered is not in connection tracking either, the lack of the others means nothing.
// It leads off the node, since packets within one may pass no packet filter.
func (d *diagnosis) control(failing []check.Task) []check.Task {
	if len(failing) == 0 {
		return nil
	}
	c := diagnose.NewCase(d.facts, d.results)
	for _, id := range []string{"service.endpoint", "target.tcp", "api.endpoint", "dns.cluster"} {
		for _, r := range c.Find(diagnose.Match{Check: id, Status: []check.Status{check.Pass}, Vantage: d.facts.Vantage.String()}) {
			_, protocol, ok := diagnose.TargetPort(r)
			if !ok || protocol != facts.TCP || c.NodeOf(r) == c.Home() || c.HostOf(r) == c.Home() {
				continue
			}
			for _, t := range d.tasks {
				if t.ID == r.TaskID && r.Vantage == d.facts.Vantage.String() {
					t.Attempts, t.Timeout = 1, check.Duration(min(t.Timeout.D(), repeatTimeout))
					return []check.Task{t}
				}
			}
		}
	}
	return nil
}

func late(t check.Task) int {
	if strings.HasPrefix(t.Check, "dns.") {
		return 1
	}
	return 0
}

// repeat runs tasks once more and returns the flows that they made, for the nodes to
// look up. The results themselves are of no further use: the first run has told them.
func (d *diagnosis) repeat(ctx context.Context, tasks []check.Task) []checks.Flow {
	var flows []checks.Flow
	_, _ = d.probe.Run(ctx, tasks, min(d.remaining(ctx), 2*repeatTimeout), func(r check.Result) {
		d.bar.got("", r.TaskID)
		for _, a := range r.Attempts {
			if flow, ok := flowOf(r, a); ok && len(flows) < maxFlows {
				flows = append(flows, flow)
			}
		}
	})
	return flows
}

// flowOf is the flow of an attempt, when it tells its own address.
func flowOf(r check.Result, a check.Attempt) (checks.Flow, bool) {
	src, err := netip.ParseAddrPort(a.Local)
	if err != nil {
		return checks.Flow{}, false
	}
	dst, protocol, ok := diagnose.TargetPort(r)
	return checks.Flow{Protocol: protocol, Src: src, Dst: dst}, ok
}

// look2 asks a witness where the kernel sent the flows, the first of them so long ago,
// and what has moved.
func (d *diagnosis) look2(ctx context.Context, w *witness, flows []checks.Flow, ago time.Duration) {
	d.ask(ctx, w, checks.WitnessTasks(flows, ago), func(r check.Result) {
		r.Vantage = "node/" + w.node
		d.mu.Lock()
		defer d.mu.Unlock()
		if r.Kernel == nil {
			return
		}
		if r.Kernel.Counters != nil && w.before != nil { // else nothing is known, which is not nothing moved
			d.moved[w.node] = facts.Moved(w.before, r.Kernel.Counters)
		}
		if len(r.Kernel.Flows) > 0 && !slices.ContainsFunc(d.results, func(o check.Result) bool { return o.Vantage == r.Vantage && o.TaskID == r.TaskID }) {
			d.results = append(d.results, r)
		}
	})
}
