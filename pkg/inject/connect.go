package inject

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// attachFirst is when the first attach is tried, and attachMost the longest pause
	// between two tries. The kubelet reports a running container up to a second late
	// (the period of its PLEG); the attach asks the runtime itself, so it is tried
	// without waiting for the report.
	attachFirst = 150 * time.Millisecond
	attachMost  = time.Second
	// nodeCheckAfter is when silence of the kubelet makes the node itself suspect, and
	// the pause between two looks at it.
	nodeCheckAfter = 5 * time.Second
	// maxFailed is how often an attach to a container that runs may fail.
	maxFailed = 5
)

// tried is the outcome of an attempt.
type tried struct {
	contact *contact
	err     error
}

// connect waits until the new probe answers: it watches the pod for reasons to give
// up, and tries to attach meanwhile, for the first time after a pause. The pod is as
// the API server returned it. Least is as for attempt.
func (p *Probe) connect(ctx context.Context, pod *corev1.Pod, first, least time.Duration) error {
	// What is left behind - the watch, a last attempt - ends with this.
	inner, stop := context.WithCancel(ctx)
	defer stop()
	pods := p.follow(inner, pod)
	attempts := make(chan tried, 1)
	try := func() {
		go func() {
			c, err := p.attempt(inner, least)
			attempts <- tried{c, err}
		}()
	}
	pause := attachFirst
	next := time.NewTimer(first)
	defer next.Stop()
	var mute <-chan time.Time // set when the container runs
	nodeCheck := time.NewTimer(nodeCheckAfter)
	defer nodeCheck.Stop()
	var running, busy bool // the container runs; an attempt is under way
	var failed, silent int
	var ask *logAsk // once an attach to a container that runs has failed
	var answered <-chan error
	var waiting string
	defer func() {
		if busy {
			// An attempt that succeeds too late must not hold the session.
			go func() {
				if t := <-attempts; t.contact != nil {
					t.contact.conn.close()
				}
			}()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			if ask != nil && ask.said != nil && errors.Is(context.Cause(ctx), errStartTimeout) {
				return p.kubeletError(ask.said)
			}
			return p.startError(ctx, waiting)
		case o := <-pods:
			if o.err != nil {
				return p.explain(ctx, o.err)
			}
			if o.waiting != waiting && o.waiting != "" {
				p.event(EventWait, "waiting for %s: %s", p.where(), o.waiting)
			}
			waiting = o.waiting
			if o.running && !running {
				running = true
				if p.ahead {
					mute = time.After(muteAfter)
				}
				if !busy {
					busy = true
					next.Stop()
					try()
				}
			}
		case <-next.C:
			busy = true
			try()
		case t := <-attempts:
			busy = false
			if t.err == nil {
				p.adopt(t.contact)
				return nil
			}
			if errors.Is(t.err, errShortLife) || errors.Is(t.err, ErrVersion) {
				return t.err
			}
			if notAllowed(t.err) {
				return apiError(t.err, "", "attach to "+p.where())
			}
			if running {
				failed++
				if silent++; !errors.Is(t.err, errNoHello) {
					silent = 0
				}
			}
			if failed == 1 && !p.ahead && ask == nil {
				ask = p.askLog(inner)
				answered = ask.answer
			}
			if err := p.silentKubelet(ctx, silent, ask); err != nil {
				return err
			}
			if failed >= maxFailed && !p.ahead {
				return p.untalkable(ctx, t.err, ask)
			}
			next.Reset(pause)
			pause = min(pause*3/2, attachMost)
		case err := <-answered:
			ask.came, ask.said = true, p.kubeletOf(err)
		case <-mute:
			p.mute = true
			return nil
		case <-nodeCheck.C:
			if err := p.nodeDown(ctx, pod.Spec.NodeName, running); err != nil {
				return err
			}
			// A kubelet that dies is noticed 40 s later, and a node may be taken away.
			nodeCheck.Reset(nodeCheckAfter)
		}
	}
}

// nodeDown says when the node of the pod does not work, as far as it may be read.
func (p *Probe) nodeDown(ctx context.Context, name string, running bool) error {
	if running || name == "" {
		return nil
	}
	node, err := p.env.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return fail(ErrGone, "", "node %s of %s does not exist any more", name, p.where())
	case err != nil:
		return nil //nolint:nilerr // a right that is only good to have
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			return fail(ErrGone, "", "node %s is not ready and does not start the %s in %s: %s", name, p.what(), p.where(), reasonAndMessage(c.Reason, c.Message))
		}
	}
	return nil
}

// startError is the error when ctx ended before the probe answered.
func (p *Probe) startError(ctx context.Context, waiting string) error {
	if cause := context.Cause(ctx); !errors.Is(cause, errStartTimeout) {
		return fmt.Errorf("start a %s in %s: %w", p.what(), p.where(), cause)
	}
	if waiting == "" {
		waiting = "no answer"
	}
	if waiting == creating {
		return p.slowPull(ctx)
	}
	return fail(ErrTimeout, "", "no %s in %s after %s: %s", p.what(), p.where(), p.opts.Timeout, waiting)
}

// explain adds to an error what the container said last, when it has ended.
func (p *Probe) explain(ctx context.Context, err error) error {
	var own *Error
	if !errors.As(err, &own) || !errors.Is(err, ErrStart) {
		return err
	}
	if last := p.lastWords(ctx); last != "" {
		told := fail(own.Kind, own.Hint, "%s; it said: %s", own.Text, last)
		told.ended = own.ended
		return told
	}
	return err
}
