package inject

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
)

// reuse looks for a probe of an earlier run in the pod, because an ephemeral
// container can never be taken away again. It reports whether one answers. An error
// says that looking further, or adding another, would not help.
func (p *Probe) reuse(ctx context.Context, pod *corev1.Pod, wanted *corev1.EphemeralContainer) (found bool, err error) {
	running, pending := warmContainers(pod, wanted)
	// Never so long that a probe of just now would not do.
	least := min(p.opts.Longest+lifeSpare, p.opts.Lifetime/2)
	for _, name := range running {
		p.Container = name
		c, err := p.attempt(ctx, least)
		switch {
		case err == nil:
			p.adopt(c)
			p.Warm = true
			return true, nil
		case errors.Is(err, ErrBusy), errors.Is(err, ErrVersion):
			return false, err
		case notAllowed(err):
			// Nor may another one be attached to: it would be left there for nothing.
			return false, apiError(err, "", "attach to "+p.where())
		case ctx.Err() != nil:
			return false, p.startError(ctx, "the probe of an earlier run does not answer")
		}
		// One that does not answer is no reason to give up: it may just have ended.
	}
	// Of those that the kubelet has not reported as running: a run of a moment ago, or
	// one at the same time, has added it, or it cannot start. In each case another one
	// would fare no better.
	for _, name := range pending {
		p.Container = name
		err := p.connect(ctx, pod, 0, least)
		var own *Error
		switch {
		case err == nil:
			p.Warm = true
			return true, nil
		case errors.Is(err, errShortLife), errors.As(err, &own) && own.ended:
			continue
		}
		return false, err
	}
	return false, nil
}
