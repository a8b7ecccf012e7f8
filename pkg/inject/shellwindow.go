package inject

import (
	"context"
	"sync"

	"k8s.io/client-go/tools/remotecommand"
)

// window tells the sizes of one terminal to one attach after the other. Whoever waits
// for the next size cannot be called back: an attach that is over would take it away
// from the one that follows.
type window struct {
	mu      sync.Mutex
	size    remotecommand.TerminalSize
	known   bool
	changed chan struct{} // closed, and made anew, at each change
}

// newWindow gives nil for nil: no terminal has no size.
func newWindow(sizes remotecommand.TerminalSizeQueue) *window {
	if sizes == nil {
		return nil
	}
	w := &window{changed: make(chan struct{})}
	go func() {
		for size := sizes.Next(); size != nil; size = sizes.Next() {
			w.mu.Lock()
			w.size, w.known = *size, true
			close(w.changed)
			w.changed = make(chan struct{})
			w.mu.Unlock()
		}
	}()
	return w
}

// until gives the sizes until ctx ends, beginning with that of now.
func (w *window) until(ctx context.Context) remotecommand.TerminalSizeQueue {
	if w == nil {
		return nil
	}
	return &windowSizes{w: w, ctx: ctx}
}

type windowSizes struct {
	w    *window
	ctx  context.Context
	told remotecommand.TerminalSize
	any  bool
}

// Next implements remotecommand.TerminalSizeQueue.
func (s *windowSizes) Next() *remotecommand.TerminalSize {
	for {
		s.w.mu.Lock()
		size, known, changed := s.w.size, s.w.known, s.w.changed
		s.w.mu.Unlock()
		if known && (!s.any || size != s.told) && s.ctx.Err() == nil {
			s.told, s.any = size, true
			return &size
		}
		select {
		case <-changed:
		case <-s.ctx.Done():
			return nil
		}
	}
}
