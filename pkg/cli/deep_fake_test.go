package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/checks"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
)

// deepCluster is pod shop/web-0 on node w1, which tries a pod on each of the nodes w1,
// w2 ... and fails where it is told to. It remembers who was asked what.
type deepCluster struct {
	*fakeBackend
	nodes int
	fails []string // the nodes whose pod does not answer
	asks  string   // the node whose pod somebody asked for
	// breaks are the nodes on which no probe can be placed, unread those whose facts
	// cannot be had, and closes those whose probe cannot be removed.
	breaks, unread, closes []string
	onWitness              func()         // called when a node's probe is asked
	refuses                error          // why no probe can be placed on those of breaks
	cuts                   string         // why a node's probe ends its sessions early
	kubelet                *facts.Kubelet // the one that is why
	cutFails               error          // why a node's probe cannot be talked to
	hangs                  bool           // a node\'s probe does not answer
	lost                   []string       // what of a node could not be read
	finds                  diagnose.Cause // what is diagnosed

	mu       sync.Mutex
	sessions map[string][]string // by vantage point: the checks of each session
	probes   map[string]*fakeProbe
	options  map[string]inject.Options
	repeated []check.Task
	asked    []checks.Flow
	last     *diagnose.Case
}

func newDeepCluster(nodes int, fails ...string) *deepCluster {
	d := &deepCluster{fakeBackend: &fakeBackend{}, nodes: nodes, fails: fails,
		sessions: map[string][]string{}, probes: map[string]*fakeProbe{}, options: map[string]inject.Options{}}
	d.gatherFor, d.injectAt = d.facts, d.place
	return d
}

func (d *deepCluster) facts(req cluster.Request) (*facts.Facts, error) {
	f := &facts.Facts{Ask: facts.Ask{Attempts: req.Attempts, Timeout: req.Timeout}}
	for i := 1; i <= d.nodes; i++ {
		f.Nodes = append(f.Nodes, facts.Node{Name: fmt.Sprintf("w%d", i), PodCIDRs: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 244, byte(i), 0}), 24)}})
	}
	if req.Pod != nil {
		f.Vantage = facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{Namespace: "shop", Name: "web-0", Node: "w1", IPs: []netip.Addr{netip.MustParseAddr("10.244.1.12")}}}
		return f, nil
	}
	if slices.Contains(d.unread, req.Node.Name) {
		return nil, fmt.Errorf("get nodes: %w", cluster.ErrForbidden)
	}
	f.Lost = d.lost
	f.Vantage = facts.Vantage{Kind: facts.VantageNode, Node: &facts.Node{Name: req.Node.Name}}
	return f, nil
}

func (d *deepCluster) place(v vantage, o inject.Options) (prober, error) {
	name := v.String()
	if slices.Contains(d.breaks, v.name) {
		return nil, cmp.Or[error](d.refuses, &inject.Error{Kind: inject.ErrRefused, Text: "create pod: exceeded quota"})
	}
	p := &fakeProbe{}
	if slices.Contains(d.closes, v.name) {
		p.close = errors.New("forbidden")
	}
	p.run = func(ctx context.Context, tasks []check.Task, onResult func(check.Result)) (outcome, error) {
		d.mu.Lock()
		var ids []string
		for _, task := range tasks {
			ids = append(ids, task.Check)
		}
		slices.Sort(ids)
		session := len(d.sessions[name])
		d.sessions[name] = append(d.sessions[name], strings.Join(slices.Compact(ids), " "))
		if v.kind == facts.VantagePod && session > 0 {
			d.repeated = tasks
		}
		d.mu.Unlock()
		if v.kind == facts.VantageNode && d.onWitness != nil {
			d.onWitness()
		}
		if v.kind == facts.VantageNode && d.hangs {
			<-ctx.Done()
		}
		if v.kind == facts.VantageNode && (d.cuts != "" || d.cutFails != nil) {
			return outcome{incomplete: d.cuts, kubelet: d.kubelet}, d.cutFails
		}
		for i, task := range tasks {
			onResult(d.answer(task, session, i))
		}
		return outcome{}, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.probes[name], d.options[name] = p, o
	return p, nil
}

// answer is what came of a task; each session sees the counters ten further.
func (d *deepCluster) answer(task check.Task, session, i int) check.Result {
	r := pass(task)
	switch task.Check {
	case "service.endpoint":
		for _, node := range d.fails {
			if strings.HasPrefix(task.Target, "10.244."+node[1:]+".") {
				r.Status, r.Failure, r.Summary = check.Fail, check.Timeout, "no answer"
				r.Attempts = []check.Attempt{{Failure: check.Timeout, Local: fmt.Sprintf("10.244.1.12:%d", 40000+100*session+i)}, {Failure: check.Timeout}}
			}
		}
	case "node.counters":
		r.Kernel = &facts.Kernel{Counters: map[string]uint64{"ip.InReceives": uint64(100 + 10*session), "ip.InNoRoutes": 7}}
	case "node.flows":
		var p struct{ Flows []checks.Flow }
		if err := json.Unmarshal(task.Params, &p); err != nil {
			panic(err)
		}
		r.Kernel = &facts.Kernel{}
		for _, f := range p.Flows {
			r.Kernel.Flows = append(r.Kernel.Flows, facts.Flow{Protocol: string(f.Protocol), Orig: facts.Tuple{Src: f.Src.String(), Dst: f.Dst.String()}})
		}
		d.mu.Lock()
		d.asked = p.Flows
		d.mu.Unlock()
	}
	return r
}

// run runs the command line, with checks that suit the nodes, and a cause.
func (d *deepCluster) run(t *testing.T, ctx context.Context, args ...string) ran {
	t.Helper()
	type nothing struct{}
	registry := &check.Registry{}
	asked := netip.Prefix{}
	if d.asks != "" {
		asked = netip.MustParsePrefix("10.244." + d.asks[1:] + ".0/24")
	}
	add := func(id, area string, targets func(*facts.Facts) []string) {
		registry.Add(check.Define(check.Spec[nothing]{ID: id, Area: area, Summary: "s",
			Plan: func(f *facts.Facts) (list []check.Planned[nothing]) {
				for _, target := range targets(f) {
					label := check.Label{Title: id, Target: target}
					if at, err := netip.ParseAddrPort(target); err == nil && asked.Contains(at.Addr()) {
						label.Asked = "pod/far"
					}
					list = append(list, check.Planned[nothing]{Label: label})
				}
				return list
			},
			Run: func(context.Context, check.Task, nothing) check.Result { panic("checks run in the probe") },
		}))
	}
	add("service.endpoint", "service", func(f *facts.Facts) (list []string) {
		for _, n := range f.Nodes {
			list = append(list, n.PodCIDRs[0].Addr().Next().Next().String()+":80")
		}
		return list
	})
	add("external.host", "external", func(*facts.Facts) []string { return []string{"example.com:443"} })
	add("node.counters", "node", func(f *facts.Facts) []string {
		if f.Vantage.Kind != facts.VantageNode {
			return nil
		}
		return []string{f.Vantage.Node.Name}
	})
	causes := &diagnose.Registry{}
	causes.Add(diagnose.Cause{Code: "NL-TEST", Summary: "s", Signal: "s", Meaning: "m", Find: func(c *diagnose.Case) []diagnose.Finding {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.last = c
		if d.finds.Find == nil {
			return nil
		}
		return d.finds.Find(c)
	}})
	return runOn(t, ctx, d.fakeBackend, func(s *seams) { s.registry, s.causes = registry, causes }, args...)
}

// witnessed are the nodes that a probe was placed on for the second look.
func (d *deepCluster) witnessed() []string {
	var nodes []string
	for at := range d.probes {
		if node, ok := strings.CutPrefix(at, "node "); ok {
			nodes = append(nodes, node)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// found is a cause that knows all that fails, as surely as that.
func found(c diagnose.Confidence) diagnose.Cause {
	return diagnose.Cause{Find: func(k *diagnose.Case) []diagnose.Finding {
		if len(k.Failed()) == 0 {
			return nil
		}
		return []diagnose.Finding{{Headline: "the cause of it", Confidence: c, Explains: k.Failed()}}
	}}
}

// deny lets a review for node probes find that rights are missing.
func (d *deepCluster) deny(missing []cluster.Rule, err error) {
	d.preflight = func() ([]cluster.Rule, error) {
		d.fakeBackend.mu.Lock()
		defer d.fakeBackend.mu.Unlock()
		if d.access.For != cluster.ForNode {
			return nil, nil
		}
		return missing, err
	}
}
