package probe

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// outcome is what came of a task.
type outcome struct {
	session *session
	index   int
	result  check.Result
}

// launch starts a task of s and returns what frees its timers. The outcome, or the
// news that there is none in time, goes to the loop; the first one counts.
func launch(s *session, l *loop, index int) (free func()) {
	task := s.tasks[index]
	parent := s.ctx
	tell := func(r check.Result) {
		select {
		case l.outcomes <- outcome{s, index, r}:
		case <-parent.Done():
			// Either the session is over, and nobody wants it, or its deadline just
			// passed, and the loop still collects for a moment.
			select {
			case l.outcomes <- outcome{s, index, r}:
			case <-time.After(taskGrace):
			}
		}
	}
	timeout := task.Timeout.D()
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(parent, timeout)
	// The grace begins when the task can have heard of its deadline: on a node that gives the
	// probe no time for a while, both would be over at once, and what the task knows lost.
	var grace atomic.Pointer[time.Timer]
	heard := context.AfterFunc(ctx, func() {
		grace.Store(time.AfterFunc(taskGrace, func() {
			tell(check.Errorf("the check did not return within %s", timeout+taskGrace))
		}))
	})
	// A thousand of these wait at the same time, and a stack that grows past 8 KiB takes
	// 16: what stands between here and a system call keeps large values off it.
	go func() { tell(l.cfg.execute(ctx, task)) }()
	return func() {
		heard()
		cancel()
		if guard := grace.Load(); guard != nil {
			guard.Stop()
		}
	}
}

// execute runs a task's check, whatever it does.
func (cfg *Config) execute(ctx context.Context, task check.Task) (r check.Result) {
	began := time.Now()
	run, refused := cfg.runner(task.Check)
	if refused != nil {
		return *refused
	}
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(cfg.Log, "netlook-probe: check %s panicked: %v\n%s", task.Check, p, debug.Stack())
			r = check.Errorf("the check panicked: %v", p)
		}
		if r.Status == check.Unknown {
			r.Status = check.Error
			if r.Summary == "" {
				r.Summary = "the check gave no status"
			}
		}
		if r.Duration == 0 {
			r.Duration = check.Duration(time.Since(began))
		}
	}()
	return run(ctx, task)
}

// runner is what runs the check of that ID, or else the result which says why not.
func (cfg *Config) runner(id string) (run func(context.Context, check.Task) check.Result, refused *check.Result) {
	c, known := cfg.Registry.Get(id)
	if !known || c.Run == nil {
		r := check.Errorf("check %.80q is unknown to this probe build (%s %s)", id, cfg.Version, cfg.Build)
		return nil, &r
	}
	if skip, missing := cfg.missing(c.Needs); missing {
		return nil, &skip
	}
	return c.Run, nil
}

// missing gives the skipped result of a check whose needs are not all held.
func (cfg *Config) missing(needs []check.Capability) (check.Result, bool) {
	var lack []string
	unlock := "--profile netraw"
	for _, n := range needs {
		if !slices.Contains(cfg.Capabilities, string(n)) {
			lack = append(lack, string(n))
			if n != check.NetRaw {
				unlock = "--profile netadmin"
			}
		}
	}
	if len(lack) == 0 {
		return check.Result{}, false
	}
	if cfg.CapabilitiesErr != nil {
		return check.Errorf("needs %s, and which capabilities are held cannot be read: %v", strings.Join(lack, " and "), cfg.CapabilitiesErr), true
	}
	return check.Skipf(unlock, "needs %s, which this probe does not hold", strings.Join(lack, " and ")), true
}

// emit numbers a result, keeps it and sends it. What the plugin knows from its own
// plan is left out.
func (l *loop) emit(s *session, task check.Task, r check.Result) {
	r.TaskID, r.Check, r.Vantage = task.ID, task.Check, ""
	r.Label = differing(r.Label, task.Label)
	s.seq++
	line, err := encodeResult(s, r)
	if err != nil {
		l.logf("task %s: %v", task.ID, err)
		small := check.Errorf("the result cannot be sent: %v", err)
		small.TaskID, small.Check = r.TaskID, r.Check
		line, err = encodeResult(s, small)
	}
	if err != nil {
		// Not even the error fits: the ID is too long. The gap in seq tells.
		l.logf("task %.80q: %v", task.ID, err)
		return
	}
	s.keep(line)
	l.write(line)
}

// encodeResult makes the frame of a result. One that is too long loses the kernel's
// tables first, and says so.
func encodeResult(s *session, r check.Result) ([]byte, error) {
	line, err := wire.Encode(&wire.Result{Head: wire.Head{Session: s.id}, Seq: s.seq, Result: r})
	if errors.Is(err, wire.ErrTooLong) && r.Kernel != nil {
		r.Kernel = nil
		r.With("truncated", "the kernel's tables were too large to send")
		return encodeResult(s, r)
	}
	return line, err
}

// differing keeps what a result may say of itself, where it differs from the task's.
func differing(l, from check.Label) check.Label {
	var d check.Label
	for _, f := range []struct {
		to       *string
		is, task string
	}{{&d.Title, l.Title, from.Title}, {&d.Target, l.Target, from.Target}, {&d.Object, l.Object, from.Object}, {&d.Subject, l.Subject, from.Subject}} {
		if f.is != f.task {
			*f.to = f.is
		}
	}
	return d
}
