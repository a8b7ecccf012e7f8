package cli

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/checks"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// maxInside is how many doubtful pods are looked into: each gets an ephemeral
// container, which cannot be removed again.
const maxInside = 2

// lookInside asks pods that refuse, or whose port never answers, on what they listen and
// whether they accept, from a probe in each.
func (d *diagnosis) lookInside(ctx context.Context) {
	var wait sync.WaitGroup
	pods := d.doubtful()
	if len(pods) > 0 {
		d.bar.say("looking into what does not answer: %s", refs(pods))
	}
	for _, pod := range pods {
		wait.Go(func() {
			if err := d.inside(ctx, pod); err != nil && ctx.Err() == nil {
				d.notice(report.Notice{Kind: report.Note, Message: fmt.Sprintf("no look into pod %s: %v", pod, err)})
			}
		})
	}
	wait.Wait()
}

func refs(list []facts.Ref) string {
	names := make([]string, 0, len(list))
	for _, ref := range list {
		names = append(names, "pod "+ref.String())
	}
	return strings.Join(names, ", ")
}

// doubtful are the pods behind what refuses, then those that answer but for a port which
// never does, then those that answer nothing at all; the vantage pod aside.
func (d *diagnosis) doubtful() []facts.Ref {
	var pods []facts.Ref
	c := diagnose.NewCase(d.facts, d.results)
	known := sync.OnceValue(func() []string { // dear where much was tried
		var keys []string
		for _, f := range d.verdict().Causes {
			if f.Confidence == diagnose.Certain {
				keys = append(keys, f.Explains...)
			}
		}
		return keys
	})
	for _, doubt := range []func(check.Result) bool{
		func(r check.Result) bool { return diagnose.Bad(r) && r.Failure == check.Refused },
		func(r check.Result) bool { return d.mute(c, r) && !slices.Contains(known(), diagnose.Key(r)) },
		func(r check.Result) bool { return d.dark(c, r) && !slices.Contains(known(), diagnose.Key(r)) },
	} {
		for _, r := range d.results {
			if len(pods) == maxInside {
				return pods
			}
			namespace, name, ok := strings.Cut(strings.TrimPrefix(r.Object, "pod/"), "/")
			ref := facts.Ref{Namespace: namespace, Name: name}
			if !ok || !strings.HasPrefix(r.Object, "pod/") || r.Object == d.facts.Vantage.String() || slices.Contains(pods, ref) || !doubt(r) {
				continue
			}
			pods = append(pods, ref)
		}
	}
	return pods
}

// mute reports whether a TCP port of a pod never takes what is sent to it though the pod is
// reached, and no policy denies it: then the pod itself may know why.
func (d *diagnosis) mute(c *diagnose.Case, r check.Result) bool {
	return d.lost(r, check.Timeout, check.Undelivered) && c.PeerOf(r).Answered > 0
}

// dark reports whether nothing comes back from a pod, although its node was looked at and
// is not dark as a whole. A pod on its node's network is never meant: its network is the
// node's own.
func (d *diagnosis) dark(c *diagnose.Case, r check.Result) bool {
	p := c.PeerOf(r)
	if !d.lost(r, check.Timeout, check.Unreachable) || !p.Dark() || p.Node == "" || !c.Deep(p.Node) || c.CutOffFrom(p.Vantage, p.Addr) {
		return false
	}
	hop, found := c.HopOf(r)
	return !found || len(hop.Dark) < 2
}

// lost reports whether every attempt at a TCP port of a pod ended in one of these ways, and
// no policy denies it.
func (d *diagnosis) lost(r check.Result, kinds ...check.Failure) bool {
	at, protocol, ok := diagnose.TargetPort(r)
	if !ok || protocol != facts.TCP || !diagnose.Bad(r) || !slices.Contains([]string{"service.endpoint", "target.tcp", "dns.cluster"}, r.Check) {
		return false
	}
	if len(r.Attempts) == 0 || slices.ContainsFunc(r.Attempts, func(a check.Attempt) bool { return !slices.Contains(kinds, a.Failure) }) {
		return false
	}
	denied := slices.ContainsFunc(d.facts.Policies.Flows, func(f facts.PolicyFlow) bool {
		return f.To == at && f.Decision.Verdict() == facts.PolicyDenied
	})
	return !denied
}

// inside looks into a pod. An error says why no container of ours is in it to be asked;
// what becomes of asking one is told here.
func (d *diagnosis) inside(ctx context.Context, ref facts.Ref) error {
	v := vantage{kind: facts.VantagePod, namespace: ref.Namespace, name: ref.Name}
	var err error
	if v.pod, err = d.backend.Pod(ctx, ref.Namespace, ref.Name); err != nil {
		return err
	}
	if d.unheard(v.host()) {
		return fmt.Errorf("the API server does not reach the kubelet of %s, so that nobody would hear a probe there", v.host())
	}
	if v.host() != "" {
		v.node, _ = d.backend.Node(ctx, v.host()) // without the right to read nodes the probe must try
	}
	if err := cluster.CheckPodVantage(v.pod, v.node); err != nil {
		return err
	}
	o := d.probeOptions()
	o.Profile, o.Events = inject.Restricted, func(inject.Event) {} // the first probe has the line
	probe, err := d.backend.Inject(ctx, v, o)
	if err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.blocked(err)
		return err
	}
	var ips []netip.Addr
	for _, ip := range v.pod.Status.PodIPs {
		if addr, err := netip.ParseAddr(ip.IP); err == nil {
			ips = append(ips, addr.Unmap())
		}
	}
	note := "pod %s has an ephemeral container of netlook's now, from which nothing was heard"
	d.hear(ctx, probe, "pod "+ref.String(), checks.ListenerTasks(ref, ips, v.pod.Spec.HostNetwork), func(r check.Result) {
		note = "looked into pod %s, whose port does not answer: it has an ephemeral container of netlook's now"
		r.Vantage = "pod/" + ref.String()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.results = append(d.results, r)
	})
	d.notice(report.Notice{Kind: report.Note, Message: fmt.Sprintf(note, ref)})
	return nil
}

// unheard reports whether the API server is known not to reach the kubelet of a node.
func (d *diagnosis) unheard(node string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kubelet != nil && d.kubelet.Node == node
}
