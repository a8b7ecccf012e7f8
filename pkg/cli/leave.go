package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// leave removes what must not stay, and says what became of the probe. It is called
// however the run ended, so it has a deadline of its own: that of a farewell.
func (d *diagnosis) leave() (said string) {
	if len(d.witnesses) > 0 || d.probe != nil && d.vantage.kind == facts.VantageNode {
		d.bar.say("removing the probes from the nodes")
	}
	if len(d.witnesses) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), farewell-100*time.Millisecond)
		defer cancel()
		for _, text := range d.dismiss(ctx) {
			d.notice(report.Notice{Kind: report.Note, Message: text, Unlock: "kubectl netlook cleanup -n " + d.probeNamespace()})
		}
	}
	if d.probe != nil {
		about := d.probe.Describe()
		ctx, cancel := context.WithTimeout(context.Background(), farewell-100*time.Millisecond)
		defer cancel()
		err := d.probe.Close(ctx)
		switch {
		case err != nil:
			n := report.Notice{
				Kind:    report.Note,
				Message: fmt.Sprintf("the probe's pod %s/%s may be left: %v", about.Namespace, about.Container, err),
				Unlock:  "kubectl netlook cleanup -n " + about.Namespace,
			}
			d.notice(n)
			return n.Message + "; remove it with: " + n.Unlock
		case d.vantage.kind == facts.VantageNode:
			return fmt.Sprintf("the probe's pod %s/%s was removed", about.Namespace, about.Container)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.placed == "" && d.probe == nil:
		return "nothing was left behind"
	case d.vantage.kind == facts.VantageNode:
		return d.placed
	case d.probe != nil && d.flags.KeepAlive == 0:
		return fmt.Sprintf("the probe container %s ends now; it cannot be removed from %s", d.probe.Describe().Container, d.vantage)
	case d.probe != nil:
		return fmt.Sprintf("the probe container %s stays in %s until its keep-alive (%s) ends: it cannot be removed from a pod",
			d.probe.Describe().Container, d.vantage, d.flags.KeepAlive)
	}
	return d.placed + "; it ends by itself, and cannot be removed from a pod"
}
