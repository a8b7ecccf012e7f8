package cli

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// waysIn are the checks that are repeated from this machine.
var waysIn = []string{"service.nodeport", "service.lbaddress", "service.entry"}

// maxFromHere is how many ways in are tried at once from this machine.
const maxFromHere = 16

// fromOutside tries the ways in from this machine as well. The checks are those that the
// probe ran: both binaries have them.
func (d *diagnosis) fromOutside(ctx context.Context) {
	if !d.flags.Outside || ctx.Err() != nil {
		return
	}
	tasks := slices.DeleteFunc(d.registry.Plan(d.facts), func(t check.Task) bool { return !slices.Contains(waysIn, t.Check) })
	if len(tasks) == 0 {
		d.notice(report.Notice{Kind: report.Note, Message: "no way in from outside: the service has no node port, no balancer address, no external IP and no rule with an address that could be tried"})
		return
	}
	d.bar.say("trying ways in from this machine")
	d.bar.expect("this machine", tasks)
	var group errgroup.Group
	group.SetLimit(maxFromHere)
	for _, t := range tasks {
		c, known := d.registry.Get(t.Check)
		if !known || c.Run == nil {
			continue
		}
		group.Go(func() error {
			r := c.Run(ctx, t)
			d.bar.got("this machine", t.ID)
			r.TaskID, r.Check, r.Label, r.Vantage = t.ID, t.Check, t.Label, report.VantageMachine
			d.mu.Lock()
			defer d.mu.Unlock()
			d.results = append(d.results, r)
			return nil
		})
	}
	_ = group.Wait() // results carry the errors
}
