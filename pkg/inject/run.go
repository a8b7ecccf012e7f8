package inject

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// Outcome says how a run ended.
type Outcome struct {
	// Complete: the probe said that it was done, and every task has its result. Not
	// complete is never healthy.
	Complete bool
	// Reason says why it is not complete, "" otherwise.
	Reason string
	// Unanswered are the tasks without a result, in the plan's order.
	Unanswered []check.Task
	// Missing are the results known to have been sent that did not arrive, by number.
	Missing []int
	// Resumed is how often the attach was made again.
	Resumed int
	// FromLog says that the container's log was read for results.
	FromLog bool
	// Kubelet is the one that the API server does not reach, where that is why results are
	// missing.
	Kubelet *facts.Kubelet
	// Duration is that of the session, from the plan on.
	Duration time.Duration
}

// Progress is what is known while a run lasts.
type Progress struct {
	Done, Total int
	// Waiting are the tasks that have run for longest, a few of them.
	Waiting []string
}

// errCancelled ends a driver whose context has ended.
var errCancelled = errors.New("cancelled")

// Run sends tasks to the probe and hands each result to onResult as it comes, from
// the goroutine that called. It resumes over lost attaches, and reads the container's
// log where that does not help; what is missing in the end is in the Outcome. The
// deadline is that of all tasks together, in the probe.
//
// The error is ctx's when ctx has ended - the probe was then told to stop - and
// otherwise says that the plan itself cannot be sent. A session that ends early is
// no error: it is an Outcome that is not Complete.
func (p *Probe) Run(ctx context.Context, tasks []check.Task, deadline time.Duration, onResult func(check.Result)) (Outcome, error) {
	return p.RunWithProgress(ctx, tasks, deadline, onResult, nil)
}

// RunWithProgress is Run, and also tells how far it is, at each beat of the probe.
func (p *Probe) RunWithProgress(ctx context.Context, tasks []check.Task, deadline time.Duration, onResult func(check.Result), onProgress func(Progress)) (Outcome, error) {
	if p.release != nil {
		p.release()
		p.release = nil
	}
	d := &driver{p: p, tasks: tasks, began: time.Now(), heardAt: time.Now(), deadline: deadline, onResult: onResult, onProgress: onProgress}
	switch {
	case p.ahead && !p.used:
		d.acked, d.began, d.deadline = true, p.began, p.opts.FirstDeadline
	case p.mute:
		return Outcome{Reason: "no attach to the probe works, only its log can be read", Unanswered: tasks}, nil
	case p.used:
		p.session = p.env.session()
	}
	p.used = true
	var err error
	if d.plan, err = p.split(p.session, tasks, deadline); err != nil {
		return Outcome{}, err
	}
	d.asm = wire.NewAssembler(p.session, tasks)
	err = d.run(ctx)
	outcome := d.outcome()
	if errors.Is(err, errCancelled) {
		err = fmt.Errorf("run checks in %s%s: %w", p.where(), d.silent(), context.Cause(ctx))
	}
	return outcome, err
}

func (d *driver) outcome() Outcome {
	state := d.asm.State()
	o := Outcome{
		Complete: state.Complete, Unanswered: d.asm.Unanswered(d.tasks), Missing: d.asm.Missing(),
		Resumed: d.resumed, FromLog: d.fromLog, Kubelet: d.kubelet, Duration: time.Since(d.began),
	}
	switch {
	case o.Complete:
	case d.reason != "":
		o.Reason = d.reason
	case !state.Ended:
		o.Reason = "the probe did not say that it was done"
	case state.Gap:
		o.Reason = "results were lost on the way"
	default:
		o.Reason = "the probe ended without a result for every task"
	}
	return o
}
