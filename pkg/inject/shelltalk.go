package inject

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/netlook/kubectl-netlook/pkg/version"
)

const (
	// byePause is between the Ctrl-C for what runs in a shell and the Ctrl-D for the
	// shell, and byeWait how long it has to hear both.
	byePause = 200 * time.Millisecond
	byeWait  = 400 * time.Millisecond
	// quietWait is how long the streams to a container that runs must have held before
	// it is believed to listen although it says nothing, as a script's shell does.
	quietWait = 500 * time.Millisecond
)

// talk attaches as soon as the container runs, and returns when it has ended.
func (s *shell) talk(ctx, start context.Context, pod *corev1.Pod) (ShellEnd, error) {
	end := ShellEnd{Namespace: s.Namespace, Pod: s.Pod, Container: s.Container}
	in := newShellInput(s.opts.In, s.opts.Stdin, func() {
		s.event(EventStarted, "toolbox started in %s", time.Since(s.began).Round(time.Millisecond))
	})
	defer in.close()
	attached, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	// The container cannot hear that ctx has ended; its stdin can.
	defer context.AfterFunc(ctx, func() {
		in.bye(s.opts.TTY)
		time.AfterFunc(byeWait, stop)
	})()
	if err := s.attachWhenRunning(attached, start, pod, in); err != nil {
		return end, err
	}
	if ctx.Err() != nil {
		return end, fmt.Errorf("the shell in %s: %w", s.where(), context.Cause(ctx))
	}
	return s.outcome(ctx, end)
}

// attachWhenRunning returns when the attach has ended that the container has heard of.
// An attach is tried before the kubelet has reported that the container runs: see
// attachFirst. API servers from 1.30 on may answer one as if it were there and refuse
// it on its streams after that, so that a stream says nothing until the container does.
func (s *shell) attachWhenRunning(ctx, start context.Context, pod *corev1.Pod, in *shellInput) error {
	following, stop := context.WithCancel(start)
	defer stop()
	states := s.follow(following, pod)
	var now *attempt // the attach that is under way
	ended := make(chan error, 1)
	sizes := newWindow(s.opts.Sizes)
	try := func() {
		now = in.attempt()
		go func(a *attempt) {
			within, stop := context.WithCancel(ctx)
			defer stop()
			err := s.env.attach(within, s.place(), streams{
				stdin: a, stdout: a.output(s.opts.Out), stderr: a.output(s.opts.ErrOut), tty: s.opts.TTY, sizes: sizes.until(within),
			})
			a.close()
			ended <- err
		}(now)
	}
	next, quiet := time.NewTimer(attachFirst), time.NewTimer(time.Hour)
	defer next.Stop()
	defer quiet.Stop()
	quiet.Stop()
	var asked <-chan struct{} // closed when the streams of now are there
	pause, failed, running, waiting := attachFirst, 0, false, ""
	var over error // why the container runs no more, or is not heard of
	for {
		select {
		case <-start.Done():
			if in.taken() { // it has started in time
				start = context.WithoutCancel(start)
				continue
			}
			return s.startError(start, waiting)
		case o := <-states:
			if o.err != nil {
				if now.live() { // the end of the attach says more
					states, over = nil, o.err
					continue
				}
				return s.explain(start, o.err)
			}
			if o.waiting != waiting && o.waiting != "" {
				s.event(EventWait, "waiting for %s: %s", s.where(), o.waiting)
			}
			if o.running && !running && now.live() && asked == nil {
				quiet.Reset(quietWait)
			}
			running, waiting = running || o.running, o.waiting
		case <-next.C:
			try()
			asked = now.asked
		case <-asked:
			asked = nil
			if running {
				quiet.Reset(quietWait)
			}
		case <-quiet.C:
			now.confirm()
		case err := <-ended:
			quiet.Stop()
			// A command may be silent, and over at once.
			if in.taken() || now.live() && (err == nil || over != nil) {
				return nil
			}
			now, asked = nil, nil
			if over != nil {
				return s.explain(start, over)
			}
			if notAllowed(err) {
				return apiError(err, "", "attach to "+s.where())
			}
			if running {
				failed++
			}
			if failed >= maxFailed {
				return fail(ErrStart, "", "the toolbox in %s runs but cannot be talked to: %s", s.where(), message(orEnded(err)))
			}
			next.Reset(pause)
			pause = min(pause*3/2, attachMost)
		}
	}
}

// notAttached is the exit status of the toolbox's entry when nobody came.
const notAttached = 125

// shellHint advises where a toolbox has ended before anybody was in it.
func shellHint(image string, t *corev1.ContainerStateTerminated) string {
	switch {
	case killed(t) != "":
		return "what it runs counts against the memory limits of its pod and node"
	case t.ExitCode == notAttached:
		return "run it again, with a longer --start-timeout"
	}
	return fmt.Sprintf("image %s seems to have no entry for a shell: leave out --image, or give a copy of %s", image, version.ToolboxImage)
}

// killed says of what something was killed, "" when it was not.
func killed(t *corev1.ContainerStateTerminated) string {
	switch {
	case t.Reason == "OOMKilled":
		return "for lack of memory (OOMKilled)"
	case t.ExitCode == sigkill || t.Signal == 9:
		return "(SIGKILL): by somebody, or by the kernel for lack of memory in the pod or on the node"
	}
	return ""
}
