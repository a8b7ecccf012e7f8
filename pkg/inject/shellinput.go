package inject

import (
	"io"
	"sync"
	"time"
)

// shellInput is the stdin of a toolbox: first the line that its entry waits for, then
// what the user types. The line is taken by an attach that works, and by none that
// fails: streams are copied when they are there.
type shellInput struct {
	r    *io.PipeReader
	w    *io.PipeWriter
	user io.Reader // nil when there is nothing to hand over
	// begin is called once, before anything of the user's is read.
	begin func()

	mu    sync.Mutex
	begun bool
}

func newShellInput(user io.Reader, forward bool, begin func()) *shellInput {
	in := &shellInput{begin: begin}
	in.r, in.w = io.Pipe()
	if forward {
		in.user = user
	}
	return in
}

// Read implements io.Reader.
func (in *shellInput) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	in.mu.Lock()
	begun := in.begun
	in.begun = true
	in.mu.Unlock()
	if begun {
		return in.r.Read(p)
	}
	in.begin()
	if in.user != nil {
		go func() {
			_, err := io.Copy(in.w, in.user)
			in.w.CloseWithError(err) // nil is io.EOF
		}()
	}
	p[0] = '\n'
	return 1, nil
}

// taken says that the container has heard of an attach.
func (in *shellInput) taken() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.begun
}

// bye tells a shell that it is over: with Ctrl-C and Ctrl-D where it has a terminal,
// whose end it would not notice, else with the end of its stdin.
func (in *shellInput) bye(tty bool) {
	go func() {
		if tty && in.taken() {
			_, _ = in.w.Write([]byte{'\x03'})
			// Typed at once it would be for the program that just ends, and be lost when
			// the shell takes its terminal back.
			time.Sleep(byePause)
			_, _ = in.w.Write([]byte{'\x04'})
		}
		in.w.Close()
	}()
}

func (in *shellInput) close() {
	in.w.Close()
	in.r.Close()
}
