package inject

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// envAhead holds what a probe reads before its stdin. A node whose network is ill may
// start a container and keep its log, and yet carry no attach: the kubelet reaches the
// container runtime's streams over a connection to localhost, which a full connection
// tracking table drops. A plan that travels with the pod needs none.
const envAhead = "NETLOOK_AHEAD"

// muteAfter is how long a probe that has its plan may run without an answer to an
// attach, before its log is read instead.
const muteAfter = 3 * time.Second

// sendAhead puts the plan of the first run into the pod. One that does not fit is sent
// over the attach, as any other.
func (p *Probe) sendAhead(pod *corev1.Pod) {
	if len(p.opts.First) == 0 {
		return
	}
	session := p.env.session()
	plan, err := p.split(session, p.opts.First, p.opts.FirstDeadline)
	if err != nil {
		return // Run says it
	}
	frames := []wire.Frame{&wire.Open{Head: wire.Head{Session: session}}}
	for _, part := range plan {
		frames = append(frames, part)
	}
	text, err := wire.EncodeAhead(frames...)
	if err != nil {
		return
	}
	c := &pod.Spec.Containers[0]
	c.Env = append(c.Env, corev1.EnvVar{Name: envAhead, Value: text})
	p.session, p.ahead = session, true
}

func (p *Probe) split(session string, tasks []check.Task, deadline time.Duration) ([]*wire.Plan, error) {
	plan, err := wire.Split(wire.Plan{
		Head: wire.Head{Session: session}, Tasks: tasks,
		Deadline: check.Duration(deadline), KeepAlive: check.Duration(p.opts.KeepAlive),
	})
	if err != nil {
		return nil, fmt.Errorf("send the plan to %s: %w", p.where(), err)
	}
	return plan, nil
}

// newSession is the session that an attach opens: the probe's own when it has its plan.
func (p *Probe) newSession() string {
	if p.ahead {
		return p.session
	}
	return p.env.session()
}
