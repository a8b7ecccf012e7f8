package inject

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/netlook/kubectl-netlook/pkg/version"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

const (
	// helloFirst and helloMost pace the repetition of Open: the first one may be
	// answered before the attach hears stdout, so that the answer is lost.
	helloFirst = 100 * time.Millisecond
	helloMost  = time.Second
	// helloWait is how long an attached probe may take to say hello.
	helloWait = 5 * time.Second
	// lifeSpare is how much longer than the longest run a warm probe must still live:
	// facts are read before the run, and results sent again after it.
	lifeSpare = 30 * time.Second
	// holdEvery is the pause between two Opens that hold a session: well within the
	// probe's claim of 10 s.
	holdEvery = 4 * time.Second
)

var (
	errStartTimeout = errors.New("start timeout")
	errNoHello      = errors.New("the probe does not answer")
	errShortLife    = errors.New("the probe ends soon")
)

// versionError is that the other end speaks this version of the wire.
type versionError int

func (v versionError) Error() string {
	return fmt.Sprintf("the probe speaks version %d of the wire, this plugin version %d", int(v), wire.Version)
}

// handshake opens a session over an attach and returns what the probe says of itself.
// While another session has the probe it asks again until ctx ends; busy hears how
// long that may take, once.
func handshake(ctx context.Context, c *conn, session string, busy func(left time.Duration)) (*wire.Hello, error) {
	pause := helloFirst
	again := time.NewTimer(0)
	defer again.Stop()
	late := time.NewTimer(helloWait)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-late.C:
			return nil, errNoHello
		case v := <-c.foreign:
			return nil, versionError(v)
		case <-again.C:
			if err := c.send(&wire.Open{Head: wire.Head{Session: session}}); err != nil {
				return nil, err
			}
			again.Reset(pause)
			pause = min(2*pause, helloMost)
		case frame, open := <-c.frames:
			if !open {
				return nil, fmt.Errorf("attach: %w", orEnded(c.err))
			}
			if frame.SessionID() != session {
				continue
			}
			wire.SanitizeFrame(frame)
			switch f := frame.(type) {
			case *wire.Hello:
				return f, nil
			case *wire.Busy:
				late.Reset(helloWait) // it answers
				pause = helloMost
				if busy != nil {
					busy(f.Left.D())
					busy = nil
				}
			}
		}
	}
}

func orEnded(err error) error {
	if err == nil {
		return errors.New("the stream has ended")
	}
	return err
}

// contact is an attached probe with an open session.
type contact struct {
	conn    *conn
	session string
	hello   wire.Hello
}

func (p *Probe) adopt(c *contact) { p.conn, p.session, p.Hello = c.conn, c.session, c.hello }

// attempt attaches once and opens a session. Only ctx and the time of another session
// bound it. A probe that lives no longer than least is refused with errShortLife.
func (p *Probe) attempt(ctx context.Context, least time.Duration) (*contact, error) {
	// The attach outlives the start: it serves the session too.
	c := dial(context.WithoutCancel(ctx), p.env, p.place())
	session := p.newSession()
	busy := false
	hello, err := handshake(ctx, c, session, func(left time.Duration) {
		busy = true
		p.event(EventBusy, "another run of netlook uses the probe in %s, for %s at most: waiting", p.where(), left.Round(time.Second))
	})
	if err == nil && hello.Left.D() < least {
		_ = c.send(&wire.Cancel{Head: wire.Head{Session: session}}) // encodes
		c.drain(cancelWait)
		err = errShortLife
	}
	if err != nil {
		c.close()
		var other versionError
		if errors.As(err, &other) {
			err = fail(ErrVersion, "take plugin and image of one release: this plugin's is "+version.Image+" (--image, NETLOOK_IMAGE)",
				"the probe in %s is of image %s and speaks version %d of the wire, this plugin version %d", p.where(), p.opts.Image, int(other), wire.Version)
		}
		if busy && errors.Is(context.Cause(ctx), errStartTimeout) {
			err = fail(ErrBusy, "try again, or give more time with --start-timeout", "another run of netlook has used the probe in %s for %s", p.where(), p.opts.Timeout)
		}
		return nil, err
	}
	return &contact{c, session, *hello}, nil
}

// notAllowed reports whether an attach failed for good: the right is missing.
func notAllowed(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

// hold repeats Open until release is called, so that nobody else gets the session
// while the plugin still reads facts. Answers stay in the buffer of frames, which Run
// empties.
func (p *Probe) hold() {
	stop := make(chan struct{})
	c, open := p.conn, &wire.Open{Head: wire.Head{Session: p.session}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(holdEvery)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				_ = c.send(open) // it was encoded before
			}
		}
	}()
	p.release = func() {
		close(stop)
		<-done
	}
}
