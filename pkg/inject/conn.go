package inject

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/wire"
)

const (
	// frameBuffer lets a probe run ahead of the plugin a little.
	frameBuffer = 64
	// cancelWait is how long a cancel may take to leave.
	cancelWait = 300 * time.Millisecond
)

// conn is one attach.
type conn struct {
	// frames is closed when the attach has ended; err says why then.
	frames chan wire.Frame
	err    error
	// foreign gets the version of frames that are not of ours, once.
	foreign chan int
	out     *outbox
	cancel  context.CancelFunc
	once    sync.Once
}

// dial begins an attach. It does not wait: frames may be sent at once, and go out
// when the stream is there.
func dial(ctx context.Context, e env, at place) *conn {
	ctx, cancel := context.WithCancel(ctx)
	c := &conn{frames: make(chan wire.Frame, frameBuffer), foreign: make(chan int, 1), out: newOutbox(), cancel: cancel}
	stdout, feed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := e.attach(ctx, at, streams{stdin: c.out, stdout: feed, stderr: io.Discard})
		c.out.close()
		feed.Close()
		ended <- err
	}()
	go func() {
		defer cancel()
		defer close(c.frames)
		reader := wire.NewReader(stdout)
		reader.OnVersion = func(version int) {
			select {
			case c.foreign <- version:
			default:
			}
		}
		for {
			frame, err := reader.Next()
			if err != nil {
				stdout.CloseWithError(err)
				if !errors.Is(err, io.EOF) {
					c.err = err
					return
				}
				break
			}
			select {
			case c.frames <- frame:
			case <-ctx.Done():
				stdout.CloseWithError(ctx.Err())
				c.err = ctx.Err()
				return
			}
		}
		c.err = <-ended
	}()
	return c
}

// send queues a frame. A frame that cannot be encoded is a mistake of ours, and is
// returned as an error.
func (c *conn) send(f wire.Frame) error {
	line, err := wire.Encode(f)
	if err != nil {
		return err
	}
	c.out.put(line)
	return nil
}

// drain waits until what was sent has left, at most for d.
func (c *conn) drain(d time.Duration) {
	select {
	case <-c.out.empty():
	case <-time.After(d):
	}
}

// close ends the attach at once.
func (c *conn) close() {
	c.once.Do(func() {
		c.cancel()
		c.out.close()
	})
}

// outbox is the stdin of an attach: a queue of lines that Read takes from. It never
// ends by itself, because the end of an attach's stdin ends the attach.
type outbox struct {
	mu     sync.Mutex
	ready  *sync.Cond
	lines  [][]byte
	taken  bool // Read has a line that the stream has not asked beyond yet
	closed bool
	idle   chan struct{} // closed while nothing is queued
}

func newOutbox() *outbox {
	o := &outbox{idle: make(chan struct{})}
	o.ready = sync.NewCond(&o.mu)
	close(o.idle)
	return o
}

func (o *outbox) put(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	if len(o.lines) == 0 && !o.taken {
		o.idle = make(chan struct{})
	}
	o.lines = append(o.lines, line)
	o.ready.Signal()
}

// left reports whether the stream has taken all that was put in.
func (o *outbox) left() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.lines) == 0
}

// Read implements io.Reader. Being called again means that what it gave was written.
func (o *outbox) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.taken && len(o.lines) == 0 {
		o.taken = false
		o.settle()
	}
	for len(o.lines) == 0 && !o.closed {
		o.ready.Wait()
	}
	if o.closed {
		return 0, io.EOF
	}
	n := copy(p, o.lines[0])
	o.lines[0] = o.lines[0][n:]
	if len(o.lines[0]) == 0 {
		o.lines = o.lines[1:]
	}
	o.taken = true
	return n, nil
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.closed = true
	o.lines = nil
	o.settle()
	o.ready.Broadcast()
}

// settle closes idle when it is open. The lock is held.
func (o *outbox) settle() {
	select {
	case <-o.idle:
	default:
		close(o.idle)
	}
}

// empty is closed when nothing is queued.
func (o *outbox) empty() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.idle
}
