package dial

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// maxAttempts bounds what a plan may ask of one task.
const maxAttempts = 1000

// maxStagger is how long an attempt may be pending before the next one starts.
const maxStagger = 100 * time.Millisecond

// Try is one attempt and what was seen in it.
type Try struct {
	check.Attempt
	// Seen is evidence; Summarise merges that of all tries by key.
	Seen []check.Evidence
	// Soft says that Failure is worth a warning only.
	Soft bool
	// Spoke says that the peer answered in the protocol it was asked in; Cut is how it
	// ended a connection on which a guessed one was spoken, and kept one on which nothing was.
	Spoke bool
	Cut   check.Failure
	// Err says that the attempt could not be made (no file descriptor left, run
	// cancelled): nothing was learnt about the target.
	Err error
}

// See appends a piece of evidence.
func (t *Try) See(key, format string, args ...any) {
	t.Seen = append(t.Seen, check.Evidence{Key: key, Value: fmt.Sprintf(format, args...)})
}

func (t *Try) phase(name string, since time.Time) {
	t.Phases = append(t.Phases, check.Phase{Name: name, Duration: check.Duration(time.Since(since))})
}

// Attempts calls try n times within one timeout and returns what came of each, in
// the order they were started. The next attempt starts when the one before has
// ended, or after a stagger when it is still pending; all share one deadline. So a
// healthy target is asked one after the other, and n dead attempts cost one timeout,
// not n. The stagger shrinks with n, so that even the last attempt has at least
// three quarters of the timeout. A timeout of 0 leaves it to ctx.
//
// try must return soon after its context ends. A panic in it becomes Try.Err: it
// parses what strangers send, and the probe must outlive that.
func Attempts(ctx context.Context, n int, timeout time.Duration, try func(ctx context.Context, i int) Try) []Try {
	n = min(max(n, 1), maxAttempts)
	stagger := maxStagger
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
		stagger = min(stagger, timeout/time.Duration(4*n))
	}

	tries := make([]Try, n)
	var pending sync.WaitGroup
	started := 0
	for started < n && (started == 0 || ctx.Err() == nil) {
		i, ended := started, make(chan struct{})
		started++
		if started == n {
			// Nothing is left to be started meanwhile. A goroutine less counts where a
			// thousand tasks wait at once.
			tries[i] = guarded(ctx, i, try)
			break
		}
		pending.Go(func() {
			defer close(ended)
			tries[i] = guarded(ctx, i, try)
		})
		wait := time.NewTimer(stagger)
		select {
		case <-ended:
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
	}
	pending.Wait()
	return tries[:started]
}

func guarded(ctx context.Context, i int, try func(context.Context, int) Try) (t Try) {
	defer func() {
		if r := recover(); r != nil {
			t = Try{Err: fmt.Errorf("the probe broke down on attempt %d: %v", i+1, r)}
		}
	}()
	return try(ctx, i)
}
