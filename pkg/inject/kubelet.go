package inject

import (
	"context"
	"errors"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

const (
	// silentAttempts is how many attaches to a container that runs must hear nothing, and
	// silentLog how long its log must not come, until the kubelet itself is suspected: the
	// API server gives up its own connection to it after 30 s only (client-go, the
	// transport's dialer).
	silentAttempts = 3
	silentLog      = 8 * time.Second
	// kubeletPort is the kubelet's usual port.
	kubeletPort = "10250"
)

var (
	// backendText is how the API server begins what it says of an attach to a kubelet that
	// it does not reach (apimachinery: pkg/util/proxy/upgradeaware.go), and logText of a log.
	backendText = regexp.MustCompile(`error dialing backend: (.+)$`)
	logText     = regexp.MustCompile(`Get "https?://([^/"]+)/containerLogs/[^"]*": (.+)$`)
	dialText    = regexp.MustCompile(`dial tcp (\S+:[0-9]+): `)
)

// kubeletOf reads out of an error of the API server that it does not reach the kubelet,
// nil when it is about something else.
func (p *Probe) kubeletOf(err error) *facts.Kubelet {
	if err == nil {
		return nil
	}
	k := p.kubelet()
	text := wire.Clean(err.Error(), 2*maxMessage)
	if m := logText.FindStringSubmatch(text); m != nil {
		k.Addr, k.Why = m[1], m[2]
	} else if m := backendText.FindStringSubmatch(text); m != nil {
		k.Why = m[1]
	} else {
		return nil
	}
	if m := dialText.FindStringSubmatch(k.Why); m != nil {
		k.Addr = m[1]
	}
	return k
}

// logAsk is a request for the container's log, which takes the way from the API server to
// the kubelet and nothing further: the kubelet reads a file.
type logAsk struct {
	began  time.Time
	answer chan error // gets one
	said   *facts.Kubelet
	came   bool
}

// askLog sends the request.
func (p *Probe) askLog(ctx context.Context) *logAsk {
	ask := &logAsk{began: time.Now(), answer: make(chan error, 1)}
	go func() {
		body, err := p.env.logs(ctx, p.place(), corev1.PodLogOptions{TailLines: new(int64(1)), LimitBytes: new(int64(1 << 10))})
		if err == nil {
			body.Close()
		}
		ask.answer <- err
	}()
	return ask
}

// silentFor is how long the log has not come.
func (a *logAsk) silentFor() time.Duration {
	if a == nil || a.came {
		return 0
	}
	return time.Since(a.began)
}

// silentKubelet is the error when attaches to a container that runs are not answered, and
// neither is a request for its log, or only by the API server, which says why; silence
// counts where the API server itself does answer.
func (p *Probe) silentKubelet(ctx context.Context, silent int, ask *logAsk) error {
	if silent >= silentAttempts && ask != nil && ask.said != nil {
		return p.kubeletError(ask.said)
	}
	if silent < silentAttempts || ask.silentFor() < silentLog {
		return nil
	}
	if !p.runs(ctx) {
		return nil
	}
	return p.kubeletError(p.kubelet())
}

func (p *Probe) kubelet() *facts.Kubelet {
	return &facts.Kubelet{Node: p.nodeName, Pod: facts.Ref{Namespace: p.Namespace, Name: p.Pod}, Container: p.Container}
}

// runs reports whether the API server says, now, that the container runs. When it says
// nothing, it is the way to the API server that is down, or itself.
func (p *Probe) runs(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, wordsWait)
	defer cancel()
	pod, err := p.env.client.CoreV1().Pods(p.Namespace).Get(ctx, p.Pod, metav1.GetOptions{})
	if err != nil {
		return false
	}
	running, _, err := p.observe(pod)
	return running && err == nil
}

// unlogged is the kubelet that is not reached, where that is why a log cannot be read:
// nil where something else is. Of a probe that no attach has reached silence is enough.
func (p *Probe) unlogged(ctx context.Context, err error) *facts.Kubelet {
	if k := p.kubeletOf(err); k != nil {
		return k
	}
	if p.mute && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && p.runs(ctx) {
		return p.kubelet()
	}
	return nil
}

func (p *Probe) kubeletError(k *facts.Kubelet) error {
	why := k.Why
	if why == "" {
		why = "neither an attach nor the log of a container that runs is answered"
	}
	fails, hint := "does not reach", "let the API server's hosts reach TCP "+kubeletPort+" of that node"
	switch k.Trouble() {
	case facts.KubeletUntrusted:
		fails, hint = "cannot talk to", "kubectl get csr: approve what that node's kubelet has asked for, or give it a certificate that the API server trusts"
	case facts.KubeletTunnel:
		hint = "mend the agent, on the nodes, of the tunnel that leads from the control plane to them (konnectivity)"
	}
	e := fail(ErrKubelet, hint, "the %s in %s runs, but the API server %s the kubelet of node %s: %s", p.what(), p.where(), fails, k.Node, why)
	e.Kubelet = k
	return e
}

// untalkable is the error for a container that runs and cannot be attached to.
func (p *Probe) untalkable(ctx context.Context, err error, ask *logAsk) error {
	if k := p.kubeletOf(err); k != nil {
		return p.kubeletError(k)
	}
	if ask != nil && ask.said != nil && errors.Is(err, errNoHello) {
		return p.kubeletError(ask.said)
	}
	return p.explain(ctx, fail(ErrStart, "", "the probe in %s runs but cannot be talked to: %s", p.where(), message(err)))
}
