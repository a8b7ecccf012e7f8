package probe

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// loop is the one goroutine that owns all state. Its session goes from opened to
// running to ended; nil is idle.
type loop struct {
	cfg        Config
	out        *wire.Writer
	frames     chan wire.Frame
	skips      chan string
	outcomes   chan outcome
	born       time.Time
	idle       *time.Timer // stopped while a session runs
	current    *session
	last       *session // the one before, for a late resume
	served     int
	lastReject time.Time
	broken     error // of stdout
}

func newLoop(cfg Config) *loop {
	return &loop{
		cfg:      cfg,
		out:      wire.NewWriter(cfg.Out),
		frames:   make(chan wire.Frame),
		skips:    make(chan string),
		outcomes: make(chan outcome),
		born:     time.Now(),
	}
}

func (l *loop) logf(format string, args ...any) {
	fmt.Fprintf(l.cfg.Log, "netlook-probe: "+format+"\n", args...)
}

func (l *loop) run(ctx context.Context) Reason {
	l.idle = time.NewTimer(l.cfg.Wait)
	defer l.idle.Stop()
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	l.send(l.hello(""))
	for l.broken == nil {
		select {
		case <-ctx.Done():
			l.stop()
			return stopReason(ctx)
		case <-l.idle.C:
			if l.served == 0 {
				return ReasonNoPlan
			}
			return ReasonDone
		case frame := <-l.frames:
			l.handle(ctx, frame)
		case reason := <-l.skips:
			l.unreadable(reason)
		case o := <-l.outcomes:
			l.take(o)
		case <-l.deadline():
			l.expire()
		case <-beat.C:
			if l.running() {
				l.send(l.current.beat())
			}
		}
		if s := l.current; s != nil && s.state == running && s.finished() {
			l.end(false)
		}
	}
	l.logf("writing stdout: %v", l.broken)
	l.stop()
	return ReasonOutput
}

func (l *loop) running() bool { return l.current != nil && l.current.state == running }

func (l *loop) deadline() <-chan time.Time {
	if l.running() {
		return l.current.deadline.C
	}
	return nil
}

// handle answers one frame. Frames that only a probe sends are ignored: a stdin may
// echo.
func (l *loop) handle(ctx context.Context, frame wire.Frame) {
	id := frame.SessionID()
	if id == "" {
		return
	}
	switch f := frame.(type) {
	case *wire.Open:
		l.open(id)
	case *wire.Plan:
		l.plan(ctx, f)
	case *wire.Resume:
		l.resume(f)
	case *wire.Cancel:
		if l.current == nil || l.current.id != id {
			return
		}
		switch l.current.state {
		case opened:
			l.current = nil
		case running:
			l.end(true)
		}
	}
}

func (l *loop) open(id string) {
	if s := l.current; s == nil || s.id != id {
		if left := s.occupied(); left > 0 {
			l.send(&wire.Busy{Head: wire.Head{Session: id}, Left: check.Duration(left)})
			return
		}
		if s != nil && s.state == ended {
			l.last = s
		}
		l.current = &session{id: id}
	}
	if l.current.state == opened {
		l.current.claimed = time.Now()
		l.idle.Reset(l.cfg.Wait)
	}
	l.send(l.hello(id))
}

func (l *loop) plan(ctx context.Context, p *wire.Plan) {
	s := l.current
	if s == nil || s.id != p.Session {
		l.reject(p.Session, wire.CodeNotOpen, "open the session first")
		return
	}
	if s.state != opened {
		// Sent again because the answer was late or lost.
		l.send(s.beat())
		if s.state == ended {
			l.send(s.end)
		}
		return
	}
	s.claimed = time.Now()
	l.idle.Reset(l.cfg.Wait)
	whole, err := s.addPart(p)
	if err != nil {
		l.reject(p.Session, wire.CodeBadPlan, err.Error())
		return
	}
	if !whole {
		return
	}
	l.idle.Stop()
	s.start(ctx, l, p)
	l.send(s.beat())
}

// take accepts the outcome of a task, unless the task or its session is over.
func (l *loop) take(o outcome) {
	s := o.session
	if s != l.current || s.state != running || !s.settle(o.index) {
		return
	}
	l.emit(s, s.tasks[o.index], o.result)
	s.fill(l)
}

// expire ends a session at its deadline: what did not end is told as an error.
func (l *loop) expire() {
	s := l.current
	for _, i := range s.unsettled() {
		r := check.Errorf("not finished when the plan's deadline of %s ended", s.limit)
		if s.settle(i) {
			r.Duration = check.Duration(time.Since(s.began))
		} else {
			r.Summary = fmt.Sprintf("not started when the plan's deadline of %s ended", s.limit)
		}
		l.emit(s, s.tasks[i], r)
	}
	l.end(false)
}

// end closes the running session and begins to wait for another.
func (l *loop) end(cancelled bool) {
	s := l.current
	s.close(cancelled)
	l.served++
	l.idle.Reset(min(s.keepAlive, l.cfg.MaxIdle))
	l.send(s.end)
	// A warm probe waits in somebody's pod: what the plan took goes back to it.
	debug.FreeOSMemory()
}

func (l *loop) stop() {
	if l.running() {
		l.current.close(true)
	}
}

func (l *loop) resume(f *wire.Resume) {
	for _, s := range []*session{l.current, l.last} {
		if s == nil || s.id != f.Session {
			continue
		}
		for _, line := range s.after(f.After) {
			l.write(line)
		}
		switch s.state {
		case opened:
			l.send(l.hello(s.id))
		case running:
			l.send(s.beat())
		case ended:
			l.send(s.end)
		}
		return
	}
	l.reject(f.Session, wire.CodeUnknownSession, "this probe knows nothing of that session")
}

// unreadable tells whoever sent a line that it has to be sent again. Whose it was
// cannot be known. A flood of them is not answered line by line.
func (l *loop) unreadable(reason string) {
	if now := time.Now(); now.Sub(l.lastReject) >= rejectPause {
		l.lastReject = now
		l.reject("", wire.CodeUnreadable, reason)
	}
}

func (l *loop) reject(session, code, reason string) {
	l.send(&wire.Reject{Head: wire.Head{Session: session}, Code: code, Reason: reason})
}

func (l *loop) hello(session string) *wire.Hello {
	return &wire.Hello{
		Head:    wire.Head{Session: session},
		Version: l.cfg.Version, Build: l.cfg.Build,
		Capabilities: append([]string{}, l.cfg.Capabilities...),
		Netns:        l.cfg.Netns, UID: l.cfg.UID,
		Left:   check.Duration(max(0, l.left())),
		Served: l.served,
	}
}

// left is how long the probe may still live.
func (l *loop) left() time.Duration { return l.cfg.Lifetime - time.Since(l.born) }

func (l *loop) send(f wire.Frame) {
	line, err := wire.Encode(f)
	if err != nil {
		l.logf("%v", err)
		return
	}
	l.write(line)
}

func (l *loop) write(line []byte) {
	if err := l.out.WriteLine(line); err != nil && l.broken == nil {
		l.broken = err
	}
}
