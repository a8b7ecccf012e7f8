package wire

import (
	"cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// Assembler collects the results of one session from frames in any order, with
// duplicates and gaps, from an attach or from the log, and says what is missing. It
// is pure, and for one goroutine.
type Assembler struct {
	session string
	tasks   map[string]check.Task
	open    map[string]bool // tasks without a result so far
	seen    map[int]bool
	prefix  int // every seq up to here was seen
	highest int
	count   int // of the End frame, -1 before it
	strange int
	held    int // bytes of the results handed out, about
}

// NewAssembler makes an Assembler for the results of tasks in a session.
func NewAssembler(session string, tasks []check.Task) *Assembler {
	a := &Assembler{session: session, count: -1, seen: map[int]bool{}, tasks: map[string]check.Task{}, open: map[string]bool{}}
	for _, t := range tasks {
		a.tasks[t.ID] = t
		a.open[t.ID] = true
	}
	return a
}

// Add takes a frame. When it carries a result that was not there before, Add returns
// it, sanitised and with the check and label of its task. Frames of other sessions
// and kinds are ignored. A second result with a seq or for a task that has one, and a
// result for a task that was not planned, is not returned: the first one stands.
func (a *Assembler) Add(f Frame) (check.Result, bool) {
	if f.SessionID() != a.session {
		return check.Result{}, false
	}
	switch f := f.(type) {
	case *End:
		// The first End stands: a probe says the same one again after a resume.
		if a.count < 0 && f.Count >= 0 && f.Count <= MaxResults {
			a.count = f.Count
		}
	case *Beat:
		if f.Seq > a.highest && f.Seq <= MaxResults {
			a.highest = f.Seq
		}
	case *Result:
		return a.result(f)
	}
	return check.Result{}, false
}

func (a *Assembler) result(f *Result) (check.Result, bool) {
	if f.Seq < 1 || f.Seq > MaxResults {
		a.strange++
		return check.Result{}, false
	}
	if a.seen[f.Seq] {
		return check.Result{}, false
	}
	a.seen[f.Seq] = true
	a.highest = max(a.highest, f.Seq)
	for a.seen[a.prefix+1] {
		a.prefix++
	}
	task, planned := a.tasks[f.Result.TaskID]
	if !planned || !a.open[task.ID] {
		a.strange++
		return check.Result{}, false
	}
	delete(a.open, task.ID)
	r := f.Result
	if size := sanitize(&r); a.held+size <= MaxHeld {
		a.held += size
	} else {
		r = check.Errorf("the probe's results are too large: %d MB are taken at most, and this one is beyond that", MaxHeld>>20)
	}
	r.TaskID, r.Check, r.Vantage = task.ID, task.Check, ""
	r.Label = inherit(r.Label, task.Label)
	return r, true
}

// inherit returns the task's label with what the result's says of title and target: a
// probe sends only what differs, and the rest is not for it to say. Objects least of all:
// they become part of commands that people paste.
func inherit(l, from check.Label) check.Label {
	from.Title, from.Target = cmp.Or(l.Title, from.Title), cmp.Or(l.Target, from.Target)
	return from
}

// State is what an Assembler knows.
type State struct {
	// Complete: the End was seen, every seq up to its count, none above, and every
	// planned task has its result.
	Complete bool
	Ended    bool
	// After is the seq up to which nothing is missing: where to resume.
	After int
	// Gap: a seq is known to exist that was not seen; Missing tells which.
	Gap bool
	// Unanswered is the number of tasks without a result.
	Unanswered int
	// Strange is the number of results that fit no task, or a task that has one.
	Strange int
}

// State returns what is known so far. It costs the same however large the gaps are: a
// probe may lie about them a million times.
func (a *Assembler) State() State {
	s := State{Ended: a.count >= 0, After: a.prefix, Unanswered: len(a.open), Strange: a.strange}
	s.Gap = a.prefix < max(a.highest, a.count)
	s.Complete = s.Ended && !s.Gap && a.highest <= a.count && len(a.open) == 0
	return s
}

// Missing returns the seqs known to exist but not seen, ascending.
func (a *Assembler) Missing() []int {
	var list []int
	for seq := a.prefix + 1; seq <= max(a.highest, a.count); seq++ {
		if !a.seen[seq] {
			list = append(list, seq)
		}
	}
	return list
}

// Unanswered returns the tasks without a result, in the order of the given plan.
func (a *Assembler) Unanswered(plan []check.Task) []check.Task {
	var tasks []check.Task
	for _, t := range plan {
		if a.open[t.ID] {
			tasks = append(tasks, t)
		}
	}
	return tasks
}
