package inject

import (
	"context"
	"errors"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// logPoll is the pause between two reads of the log while the session still runs
// there, but no attach works.
const logPoll = time.Second

// logLate is how often a log is read again that should be whole.
const logLate = 2

// lost replaces an attach that has ended or hangs. When that has no prospect, or was
// tried too often, the log is what is left.
func (d *driver) lost(ctx context.Context) {
	if ctx.Err() != nil {
		return // run sees it too
	}
	if !d.heard {
		// It never worked. Perhaps there is nothing left to attach to.
		if err := d.p.ended(ctx); err != nil {
			d.giveUp(ctx, message(err))
			return
		}
		select {
		case <-time.After(d.pause):
		case <-ctx.Done():
			return
		}
		d.pause = min(2*d.pause, resumeMost)
	}
	if d.resumed >= maxResumes {
		d.giveUp(ctx, "no attach to the probe holds")
		return
	}
	d.resumed++
	d.redial(ctx)
	if d.acked {
		d.send(&wire.Resume{Head: d.head(), After: d.asm.State().After})
	} else {
		d.planned = time.Time{} // the hello is to be answered with the plan
		d.send(&wire.Open{Head: d.head()})
	}
}

func (d *driver) redial(ctx context.Context) {
	if d.p.conn != nil {
		d.p.conn.close()
	}
	d.heard = false
	// As the first attach: it ends by close, so that a cancel can still be sent.
	d.p.conn = dial(context.WithoutCancel(ctx), d.p.env, d.p.place())
}

// giveUp takes what the container's log has, and ends the session. When results may
// still come there, it waits for them until the deadline.
func (d *driver) giveUp(ctx context.Context, reason string) {
	d.finished = true
	d.reason = reason
	d.p.event(EventLog, "%s: reading the log of %s in %s", reason, d.p.Container, d.p.where())
	d.fromLog = true
	end := d.began.Add(d.deadline + deadlineSpare)
	for late := 0; ; {
		over := d.p.ended(ctx) // asked first: what is written until then is in the log
		if err := d.p.readLog(ctx, d.began, d.take); err != nil {
			if !errors.Is(over, ErrGone) { // its log went with the pod
				d.reason += "; " + message(err)
				d.kubelet = d.p.unlogged(ctx, err)
			}
			return
		}
		state := d.asm.State()
		if state.Ended || d.forgotten {
			late++ // no more is written, and the log is but a moment behind
		}
		if state.Complete || state.Ended && !state.Gap || late > logLate || over != nil || time.Now().After(end) || ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(logPoll):
		case <-ctx.Done():
		}
	}
}
