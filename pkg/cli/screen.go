package cli

import (
	"os"
	"sync"

	"golang.org/x/term"
	"k8s.io/client-go/tools/remotecommand"
	kubeterm "k8s.io/kubectl/pkg/util/term"
)

// screen is the user's terminal, while a shell elsewhere has it. A nil screen is none.
type screen struct {
	in, out *os.File

	mu    sync.Mutex
	state *term.State // of before, while it is raw
	over  bool
}

// newScreen returns nil unless both stdin and stdout are a terminal: a shell's output
// that goes elsewhere should not be full of carriage returns.
func newScreen(s *seams) *screen {
	if !isTerminal(s.In) || !isTerminal(s.Out) {
		return nil
	}
	return &screen{in: s.In.(*os.File), out: s.Out.(*os.File)}
}

// isTerminal reports whether a stream is a terminal; what is one is an *os.File.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// raw hands each key to the other side. Until then Ctrl-C is ours.
func (s *screen) raw() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == nil && !s.over {
		s.state, _ = term.MakeRaw(int(s.in.Fd())) // then it echoes twice, which is better than no shell
	}
}

// restore gives the terminal back for good. It may be repeated.
func (s *screen) restore() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.state != nil {
		_ = term.Restore(int(s.in.Fd()), s.state) // a terminal that is gone
		s.state = nil
	}
}

// sizes tells the size of its window now, and whenever it changes.
func (s *screen) sizes() remotecommand.TerminalSizeQueue {
	if s == nil {
		return nil
	}
	tty := kubeterm.TTY{In: s.in, Out: s.out, Raw: true}
	return sizeQueue{tty.MonitorSize(tty.GetSize())}
}

// sizeQueue is kubectl's queue as client-go wants it.
type sizeQueue struct{ kubeterm.TerminalSizeQueue }

func (q sizeQueue) Next() *remotecommand.TerminalSize {
	size := q.TerminalSizeQueue.Next()
	if size == nil {
		return nil
	}
	return &remotecommand.TerminalSize{Width: size.Width, Height: size.Height}
}
