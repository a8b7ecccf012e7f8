package inject

import (
	"context"
	"fmt"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

const (
	// askAgain is how long an answer to the plan may take before it is asked for.
	askAgain = time.Second
	// repeatPause is the least time between two answers to refusals: that of an honest
	// probe between two refusals of what it cannot read.
	repeatPause = 100 * time.Millisecond
	// silence is how long a running session may say nothing: three beats, and some.
	silence = 6500 * time.Millisecond
	// deadlineSpare is how much longer than the plan's deadline its end may take.
	deadlineSpare = 5 * time.Second
	// maxResumes bounds how often an attach is made again.
	maxResumes = 20
	// resumeFirst and resumeMost pace it.
	resumeFirst = 100 * time.Millisecond
	resumeMost  = 2 * time.Second
	// maxGaps is how often missing results are asked for after the end.
	maxGaps = 3
)

// driver runs one session over as many attaches as it takes.
type driver struct {
	p          *Probe
	tasks      []check.Task
	plan       []*wire.Plan
	began      time.Time
	deadline   time.Duration
	asm        *wire.Assembler
	onResult   func(check.Result)
	onProgress func(Progress)

	acked   bool // the probe runs the plan
	planned time.Time
	// repeated is when something was last sent again because it was refused.
	repeated time.Time
	got      int
	heard    bool // something of the session came over the present attach
	heardAt  time.Time
	resumed  int
	gap      bool // results are known to be missing
	gaps     int  // how often they were asked for
	asked    time.Time
	pause    time.Duration
	fromLog  bool
	// forgotten: the probe knows nothing of the session any more.
	forgotten bool
	reason    string
	finished  bool
	kubelet   *facts.Kubelet // that is not reached
}

func (d *driver) head() wire.Head { return wire.Head{Session: d.p.session} }

// run drives the session to its end: complete, given up with a reason, or cancelled.
func (d *driver) run(ctx context.Context) error {
	if d.p.mute {
		d.giveUp(ctx, "no attach to the probe works")
		return d.aborted(ctx)
	}
	limit := time.NewTimer(d.deadline + deadlineSpare)
	defer limit.Stop()
	d.pause = resumeFirst
	if d.p.conn == nil {
		d.redial(ctx)
	}
	if d.acked { // the plan went ahead, and some results were told to nobody
		d.send(&wire.Resume{Head: d.head()})
	} else if err := d.sendPlan(); err != nil {
		// The session is open since the probe was started, as a rule: a plan that finds
		// it closed is answered so at once.
		return err
	}
	quiet := time.NewTimer(askAgain)
	defer quiet.Stop()
	for !d.finished {
		select {
		case <-ctx.Done():
			d.cancel()
			return errCancelled
		case <-limit.C:
			d.giveUp(ctx, fmt.Sprintf("the probe had not ended %s after its deadline of %s%s", deadlineSpare, d.deadline, d.silent()))
		case <-quiet.C:
			switch {
			case d.gap:
				d.judge(ctx, nil)
			case d.acked:
				d.p.event(EventResume, "no sign of life from the probe in %s for %s: attaching again", d.p.where(), silence)
				d.p.conn.close()
				d.lost(ctx)
			default:
				d.send(&wire.Open{Head: d.head()})
			}
		case frame, open := <-d.p.conn.frames:
			if !open {
				d.p.event(EventResume, "the attach to %s has ended (%s): attaching again", d.p.where(), message(orEnded(d.p.conn.err)))
				d.lost(ctx)
				break
			}
			if frame.SessionID() != d.p.session && frame.SessionID() != "" {
				continue // somebody else's: it says nothing about this session
			}
			if err := d.handle(ctx, frame); err != nil {
				return err
			}
		}
		switch {
		case d.acked && !d.gap:
			quiet.Reset(silence)
		default:
			quiet.Reset(askAgain)
		}
	}
	return d.aborted(ctx)
}

// aborted is the error of a run whose context ended while the log was read.
func (d *driver) aborted(ctx context.Context) error {
	if ctx.Err() != nil && !d.asm.State().Complete {
		return errCancelled
	}
	return nil
}

// handle takes one frame of the session, or one without a session.
func (d *driver) handle(ctx context.Context, frame wire.Frame) error {
	if frame.SessionID() == d.p.session {
		d.heard, d.heardAt, d.pause = true, time.Now(), resumeFirst
	}
	switch f := frame.(type) {
	case *wire.Hello:
		if !d.acked && f.Session != "" && time.Since(d.planned) >= askAgain/2 {
			return d.sendPlan()
		}
	case *wire.Busy:
		d.p.event(EventBusy, "another run of netlook has taken the probe in %s, for %s at most: waiting", d.p.where(), f.Left.D().Round(time.Second))
	case *wire.Result, *wire.Beat, *wire.End:
		if f.SessionID() == d.p.session {
			d.acked = true
			d.take(frame)
			d.progress(frame)
			d.judge(ctx, frame)
		}
	case *wire.Reject:
		return d.rejected(ctx, f)
	}
	return nil
}

func (d *driver) take(frame wire.Frame) {
	if r, ok := d.asm.Add(frame); ok {
		d.got++
		d.onResult(r)
	}
}

func (d *driver) progress(frame wire.Frame) {
	beat, ok := frame.(*wire.Beat)
	if !ok || d.onProgress == nil {
		return
	}
	wire.SanitizeFrame(beat)
	d.onProgress(Progress{Done: d.got, Total: len(d.tasks), Waiting: beat.Waiting})
}

// judge decides, at a beat or the end, whether all has come, and asks for what has
// not. A nil frame means that an answer to that is late.
func (d *driver) judge(ctx context.Context, frame wire.Frame) {
	if _, result := frame.(*wire.Result); result {
		return
	}
	state := d.asm.State()
	d.gap = state.Gap
	switch {
	case state.Complete:
		d.finished = true
	case d.gap:
		if time.Since(d.asked) < askAgain/2 {
			return
		}
		if d.gaps++; d.gaps > maxGaps {
			d.giveUp(ctx, "results were lost on the way")
			return
		}
		d.asked = time.Now()
		d.send(&wire.Resume{Head: d.head(), After: state.After})
	case state.Ended:
		// All that was sent is here, and yet tasks have no answer.
		d.finished = true
		if end, ok := frame.(*wire.End); ok && end.Cancelled {
			d.reason = "the session was cancelled"
		}
	}
}

func (d *driver) rejected(ctx context.Context, r *wire.Reject) error {
	wire.SanitizeFrame(r)
	switch r.Code {
	case wire.CodeUnreadable:
		// Perhaps our plan, joined with another client's line.
		if !d.acked && d.again() {
			return d.sendPlan()
		}
	case wire.CodeNotOpen:
		if !d.acked && d.again() {
			d.planned = time.Time{} // the hello that follows is to be answered
			d.send(&wire.Open{Head: d.head()})
		}
	case wire.CodeUnknownSession:
		if d.acked {
			d.forgotten = true
			d.giveUp(ctx, "the probe was replaced: it knows nothing of this session")
		}
	case wire.CodeBadPlan:
		return fmt.Errorf("the probe in %s refuses the plan: %s", d.p.where(), r.Reason)
	}
	return nil
}

// again reports whether something may be sent once more: all that was sent before has
// left, and not just now. Otherwise a probe that refuses whatever it is sent, or what it
// was never sent, would fill the queue.
func (d *driver) again() bool {
	if time.Since(d.repeated) < repeatPause || !d.p.conn.out.left() {
		return false
	}
	d.repeated = time.Now()
	return true
}

// sendPlan sends all parts of the plan.
func (d *driver) sendPlan() error {
	d.planned = time.Now()
	for _, part := range d.plan {
		if err := d.p.conn.send(part); err != nil {
			return fmt.Errorf("send the plan to %s: %w", d.p.where(), err)
		}
	}
	return nil
}

// send sends a small frame, which always encodes.
func (d *driver) send(f wire.Frame) { _ = d.p.conn.send(f) }

// silent says that nothing was heard from the probe for longer than it may be silent,
// "" when it was. No attach helps then: what is on the way to it is down.
func (d *driver) silent() string {
	lasts := time.Since(d.heardAt)
	if lasts < silence {
		return ""
	}
	on := ""
	if d.p.nodeName != "" {
		on = " of node " + d.p.nodeName
	}
	return fmt.Sprintf(", silent for %s: the kubelet%s, or the way to it, may be down", lasts.Round(time.Second), on)
}

// cancel tells the probe to stop, and waits a moment until it has heard.
func (d *driver) cancel() {
	d.send(&wire.Cancel{Head: d.head()})
	d.p.conn.drain(cancelWait)
}
