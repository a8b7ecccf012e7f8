// Package probe is what runs inside the pod: it takes a plan from its stdin, runs all
// tasks of it at once, each with its own deadline, and writes results to its stdout
// as they come. Between plans it waits, so that the next run finds it warm.
//
// It may import pkg/check, pkg/wire and the standard library; which checks there are
// and what the kernel allows is handed in. It uses the package time directly: its
// tests run on the fake clock of testing/synctest.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

const (
	// beatEvery is the pause between two beats of a running session.
	beatEvery = 2 * time.Second
	// taskGrace is how long after its deadline a task may take to return. Then it
	// is given up.
	taskGrace = 500 * time.Millisecond
	// defaultTimeout is the deadline of a task whose plan gives none.
	defaultTimeout = 5 * time.Second
	// defaultDeadline is that of a plan which gives none.
	defaultDeadline = time.Minute
	// claim is how long an Open keeps others out while its plan does not come. A
	// plugin that still reads facts says Open again before it ends.
	claim = 10 * time.Second
	// eofPause is the pause before a stdin that ended is read again: a later attach
	// may write to it.
	eofPause = 250 * time.Millisecond
	// rejectPause is the least time between two answers to unreadable lines.
	rejectPause = 100 * time.Millisecond
	// maxParts is the largest number of parts of a plan.
	maxParts = 512
	// stopGrace is how long Run waits for its loop, which may hang in a write.
	stopGrace = 200 * time.Millisecond
)

// Config is what a probe needs to know. All fields but Concurrency are needed.
type Config struct {
	// Ahead, when set, holds frames that are read before In: a plan that came with the
	// probe itself.
	Ahead io.Reader

	In  io.Reader // frames from plugins
	Out io.Writer // frames to plugins, nothing else
	Log io.Writer // for people

	Registry *check.Registry
	// Capabilities are those held; CapabilitiesErr says that they could not be read.
	Capabilities    []string
	CapabilitiesErr error

	Version, Build string
	Netns          string
	UID            int

	// Wait is how long to wait for a first plan, or for the plan after an Open.
	Wait time.Duration
	// MaxIdle bounds the keep-alive that a plan may ask for.
	MaxIdle time.Duration
	// Lifetime always ends the probe.
	Lifetime time.Duration
	// Concurrency is the number of tasks at a time; 0 means Concurrency().
	Concurrency int
}

// Reason says why a probe ended.
type Reason int

// The reasons, and with them the exit codes of the probe.
const (
	ReasonDone     Reason = 0 // served, and nobody came within the keep-alive
	ReasonSignal   Reason = 1 // told to stop
	ReasonNoPlan   Reason = 3 // nobody ever sent a plan
	ReasonLifetime Reason = 4 // the hard lifetime was over
	ReasonOutput   Reason = 5 // stdout cannot be written
)

// String says the reason in words.
func (r Reason) String() string {
	switch r {
	case ReasonDone:
		return "no further plan came"
	case ReasonSignal:
		return "told to stop"
	case ReasonNoPlan:
		return "no plan came"
	case ReasonLifetime:
		return "the maximum lifetime is over"
	case ReasonOutput:
		return "stdout cannot be written"
	}
	return fmt.Sprintf("reason %d", int(r))
}

// Run serves plans until there is a reason to stop. It returns within a moment of
// the lifetime's end or of ctx's, whatever checks and streams do.
func Run(ctx context.Context, cfg Config) Reason {
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = Concurrency()
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Lifetime)
	defer cancel()
	l := newLoop(cfg)
	go l.read(ctx)
	done := make(chan Reason, 1)
	go func() { done <- l.run(ctx) }()
	select {
	case reason := <-done:
		return reason
	case <-ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(stopGrace):
	}
	return stopReason(ctx)
}

func stopReason(ctx context.Context) Reason {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ReasonLifetime
	}
	return ReasonSignal
}

// read hands the frames of stdin to the loop until ctx ends, and before them those
// that came ahead.
func (l *loop) read(ctx context.Context) {
	if l.cfg.Ahead != nil {
		l.readFrom(ctx, l.cfg.Ahead)
	}
	l.readFrom(ctx, &patient{ctx, l.cfg.In})
}

func (l *loop) readFrom(ctx context.Context, in io.Reader) {
	r := wire.NewReader(in)
	r.OnSkip = func(reason string) {
		select {
		case l.skips <- reason:
		case <-ctx.Done():
		}
	}
	for {
		frame, err := r.Next()
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, io.EOF) {
				l.logf("reading frames: %v", err)
			}
			return
		}
		select {
		case l.frames <- frame:
		case <-ctx.Done():
			return
		}
	}
}

// patient is a reader that does not take EOF for the end: the attach that wrote may
// be gone, another may come.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p *patient) Read(b []byte) (int, error) {
	for {
		n, err := p.r.Read(b)
		if n > 0 || (err != nil && !errors.Is(err, io.EOF)) {
			return n, err
		}
		if err == nil {
			continue
		}
		select {
		case <-time.After(eofPause):
		case <-p.ctx.Done():
			return 0, io.EOF
		}
	}
}
