package cli

import (
	"context"
	"fmt"
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

// maxInside is how many pods that refuse are looked into: each gets an ephemeral
// container, which cannot be removed again.
const maxInside = 2

// lookInside asks pods that refuse on what they listen, from a probe in each.
func (d *diagnosis) lookInside(ctx context.Context) {
	var wait sync.WaitGroup
	pods := d.refusing()
	if len(pods) > 0 {
		d.bar.say("looking into what refuses: %s", refs(pods))
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

// refusing are the pods behind what refuses, the vantage pod aside.
func (d *diagnosis) refusing() []facts.Ref {
	var pods []facts.Ref
	for _, r := range d.results {
		namespace, name, ok := strings.Cut(strings.TrimPrefix(r.Object, "pod/"), "/")
		ref := facts.Ref{Namespace: namespace, Name: name}
		if !ok || !strings.HasPrefix(r.Object, "pod/") || !diagnose.Bad(r) || r.Failure != check.Refused || r.Object == d.facts.Vantage.String() {
			continue
		}
		if !slices.Contains(pods, ref) && len(pods) < maxInside {
			pods = append(pods, ref)
		}
	}
	return pods
}

func (d *diagnosis) inside(ctx context.Context, ref facts.Ref) error {
	pod, err := d.backend.Pod(ctx, ref.Namespace, ref.Name)
	if err != nil {
		return err
	}
	if err := cluster.CheckPodVantage(pod, nil); err != nil {
		return err
	}
	o := d.probeOptions()
	o.Profile, o.Events = inject.Restricted, func(inject.Event) {} // the first probe has the line
	probe, err := d.backend.Inject(ctx, vantage{kind: facts.VantagePod, namespace: ref.Namespace, name: ref.Name, pod: pod}, o)
	if err != nil {
		return err
	}
	d.notice(report.Notice{Kind: report.Note, Message: fmt.Sprintf("looked into pod %s, which refuses: it has an ephemeral container of netlook's now", ref)})
	_, err = probe.Run(ctx, checks.ListenerTasks(ref), d.remaining(ctx), func(r check.Result) {
		r.Vantage = "pod/" + ref.String()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.results = append(d.results, r)
	})
	return err
}
