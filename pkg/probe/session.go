package probe

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

const (
	// keepBytes bounds the results kept for a resume. Beyond it the oldest go: the
	// container's log has them still.
	keepBytes = 4 << 20
	// beatNames is the number of waiting tasks that a beat names.
	beatNames = 5
)

type state int

const (
	opened state = iota // waits for its plan
	running
	ended
)

// session is one plan's life. It belongs to the loop.
type session struct {
	id      string
	state   state
	claimed time.Time // of the last sign of its plugin before the plan was whole
	parts   []*wire.Plan

	tasks     []check.Task
	next      int            // the first task not started
	open      map[int]func() // started and not settled, with what frees it
	limit     time.Duration
	keepAlive time.Duration
	began     time.Time
	ctx       context.Context
	cancel    context.CancelFunc
	deadline  *time.Timer

	seq   int
	lines [][]byte // encoded results; the first has seq dropped+1
	bytes int
	// dropped is the number of results no longer kept.
	dropped int
	end     *wire.End
}

// occupied returns how long the session may keep others out, 0 when it does not. A
// nil session does not.
func (s *session) occupied() time.Duration {
	switch {
	case s == nil || s.state == ended:
		return 0
	case s.state == opened:
		return max(0, claim-time.Since(s.claimed))
	}
	return max(time.Millisecond, s.limit-time.Since(s.began))
}

// addPart takes a part of the plan and reports whether it is whole now. Parts may
// come in any order, and again.
func (s *session) addPart(p *wire.Plan) (whole bool, err error) {
	if p.Parts < 1 || p.Parts > maxParts || p.Part < 1 || p.Part > p.Parts {
		return false, fmt.Errorf("part %d of %d", p.Part, p.Parts)
	}
	if len(s.parts) != p.Parts {
		s.parts = make([]*wire.Plan, p.Parts)
	}
	s.parts[p.Part-1] = p
	tasks := 0
	for _, part := range s.parts {
		if part == nil {
			return false, nil
		}
		tasks += len(part.Tasks)
	}
	if tasks > wire.MaxResults {
		return false, fmt.Errorf("%d tasks, at most %d are taken", tasks, wire.MaxResults)
	}
	return true, nil
}

// start runs the plan, whose parts are all there.
func (s *session) start(ctx context.Context, l *loop, p *wire.Plan) {
	seen := map[string]bool{}
	for _, part := range s.parts {
		for _, t := range part.Tasks {
			if !seen[t.ID] {
				seen[t.ID] = true
				s.tasks = append(s.tasks, t)
			}
		}
	}
	s.parts = nil
	s.state = running
	s.began = time.Now()
	s.open = map[int]func(){}
	s.keepAlive = p.KeepAlive.D()
	s.limit = p.Deadline.D()
	if s.limit == 0 {
		s.limit = defaultDeadline
	}
	// The end of the session must come before that of the probe.
	s.limit = max(min(s.limit, l.left()-time.Second), 0)
	s.ctx, s.cancel = context.WithTimeout(ctx, s.limit)
	// Tasks hear of the deadline first, and may say what they know.
	s.deadline = time.NewTimer(s.limit + taskGrace/2)
	s.fill(l)
}

// fill starts tasks up to the probe's limit.
func (s *session) fill(l *loop) {
	for s.next < len(s.tasks) && len(s.open) < l.cfg.Concurrency {
		i := s.next
		s.next++
		s.open[i] = launch(s, l, i)
	}
}

// settle marks a task as answered, and reports false when it was so already, or
// never started.
func (s *session) settle(i int) bool {
	free, found := s.open[i]
	if found {
		free()
		delete(s.open, i)
	}
	return found
}

func (s *session) finished() bool { return s.next == len(s.tasks) && len(s.open) == 0 }

// unsettled returns the tasks without an answer, in the order of the plan.
func (s *session) unsettled() []int {
	var list []int
	for i := range s.tasks {
		if _, found := s.open[i]; found || i >= s.next {
			list = append(list, i)
		}
	}
	return list
}

func (s *session) close(cancelled bool) {
	for i := range s.open {
		s.settle(i)
	}
	s.cancel()
	s.deadline.Stop()
	s.state = ended
	s.end = &wire.End{Head: wire.Head{Session: s.id}, Count: s.seq, Cancelled: cancelled}
	s.tasks, s.open = nil, nil
}

func (s *session) beat() *wire.Beat {
	b := &wire.Beat{Head: wire.Head{Session: s.id}, Seq: s.seq, Running: len(s.open), Queued: len(s.tasks) - s.next}
	if s.state == ended {
		b.Queued = 0
	}
	// Tasks start in order: the lowest index has waited for longest.
	var oldest []int
	for i := range s.open {
		oldest = append(oldest, i)
	}
	slices.Sort(oldest)
	for _, i := range oldest[:min(beatNames, len(oldest))] {
		b.Waiting = append(b.Waiting, s.tasks[i].ID)
	}
	return b
}

// keep stores an encoded result for a resume.
func (s *session) keep(line []byte) {
	s.lines = append(s.lines, line)
	s.bytes += len(line)
	for s.bytes > keepBytes && len(s.lines) > 1 {
		s.bytes -= len(s.lines[0])
		s.lines[0] = nil
		s.lines = s.lines[1:]
		s.dropped++
	}
}

// after returns the results kept whose seq is above that given.
func (s *session) after(seq int) [][]byte {
	return s.lines[min(len(s.lines), max(0, seq-s.dropped)):]
}
