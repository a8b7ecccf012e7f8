package inject

import (
	"io"
	"sync"
	"time"
)

// shellInput is what the user types, for the one attach that the container has heard
// of. Each attach that is tried has streams of its own: what was read for one that
// fails is lost, and its copier still reads when the next one is tried.
type shellInput struct {
	user io.Reader // nil when there is nothing to hand over
	// begin is called once, before anything of the user's is read and before anything
	// that the container says is passed on.
	begin func()

	mu     sync.Mutex
	last   *attempt
	chosen *attempt // the last one, once it has been heard
	over   bool
}

// attempt is the stdin of an attach: first the line that the toolbox's entry waits for,
// and what the user types once the container is known to listen.
type attempt struct {
	in *shellInput
	r  *io.PipeReader
	w  *io.PipeWriter
	// asked is closed when the line was taken: streams are copied when they are there.
	asked chan struct{}
	once  sync.Once
}

func newShellInput(user io.Reader, forward bool, begin func()) *shellInput {
	in := &shellInput{begin: begin}
	if forward {
		in.user = user
	}
	return in
}

// attempt makes the streams of one more attach.
func (in *shellInput) attempt() *attempt {
	a := &attempt{in: in, asked: make(chan struct{})}
	a.r, a.w = io.Pipe()
	in.mu.Lock()
	defer in.mu.Unlock()
	in.last = a
	if in.over {
		a.w.Close()
	}
	return a
}

// Read implements io.Reader.
func (a *attempt) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	first := false
	a.once.Do(func() { first = true; close(a.asked) })
	if !first {
		return a.r.Read(p)
	}
	p[0] = '\n'
	return 1, nil
}

// live says that there are streams, as far as it is known.
func (a *attempt) live() bool {
	if a == nil {
		return false
	}
	select {
	case <-a.asked:
		return true
	default:
		return false
	}
}

// confirm says that the container listens: from now on it gets what the user types.
func (a *attempt) confirm() {
	in := a.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.chosen != nil || in.last != a {
		return
	}
	in.chosen = a
	in.begin()
	if in.user != nil {
		go func() {
			_, err := io.Copy(a.w, in.user)
			a.w.CloseWithError(err) // nil is io.EOF
		}()
	}
}

// output passes on what the container says, and takes it for a sign of life.
func (a *attempt) output(w io.Writer) io.Writer { return heard{a, w} }

type heard struct {
	a *attempt
	w io.Writer
}

func (h heard) Write(p []byte) (int, error) {
	if len(p) > 0 {
		h.a.confirm()
	}
	return h.w.Write(p)
}

// close ends the stdin of an attach that is over.
func (a *attempt) close() {
	a.w.Close()
	a.r.Close()
}

// taken says that the container has been heard.
func (in *shellInput) taken() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.chosen != nil
}

// bye tells a shell that it is over: with Ctrl-C and Ctrl-D where it has a terminal,
// whose end it would not notice, else with the end of its stdin.
func (in *shellInput) bye(tty bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.over = true
	last := in.last
	if last == nil {
		return
	}
	go func() {
		if tty && last.live() {
			_, _ = last.w.Write([]byte{'\x03'})
			// Typed at once it would be for the program that just ends, and be lost when
			// the shell takes its terminal back.
			time.Sleep(byePause)
			_, _ = last.w.Write([]byte{'\x04'})
		}
		last.w.Close()
	}()
}

func (in *shellInput) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.over = true
	if in.last != nil {
		in.last.close()
	}
}
