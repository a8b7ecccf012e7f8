package inject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/netlook/kubectl-netlook/pkg/version"
)

const (
	// DefaultShellLifetime ends a toolbox that nobody leaves.
	DefaultShellLifetime = time.Hour
	// shellNoun is what errors and events call it.
	shellNoun = "toolbox"
	// statusWait is how long the kubelet may take to report how the command ended: it
	// looks every second, and more seldom when it has much to do.
	statusWait = 15 * time.Second
)

// ErrLost says that the connection ended and the command did not.
var ErrLost = errors.New("connection lost")

// ShellOptions say what runs in the toolbox, and who talks to it. Of the Options
// KeepAlive, Longest and First mean nothing here; Image is the toolbox's, "" means
// version.ToolboxImage, and Lifetime 0 means DefaultShellLifetime.
type ShellOptions struct {
	Options
	// Command runs instead of a shell.
	Command []string
	// TTY gives it a terminal, whose type is Term and whose size Sizes tells.
	TTY   bool
	Term  string
	Sizes remotecommand.TerminalSizeQueue
	// Stdin hands In to it. Without, and without a TTY, its stdin is empty.
	Stdin bool
	// In is never closed here, not read before EventStarted, and may be read from a
	// moment longer than the shell lasts.
	In          io.Reader
	Out, ErrOut io.Writer
}

// ShellEnd is how a shell ended.
type ShellEnd struct {
	// Status is the exit status of the command.
	Status int
	// Pod and Container are where it ran.
	Namespace, Pod, Container string
	// Expired says that its lifetime ended it.
	Expired bool
	// Killed says of what, where it was killed.
	Killed string
}

// ShellInPod puts a toolbox into a running pod as an ephemeral container, connects the
// streams to it, and returns when its command has ended. When ctx ends first, a shell
// is asked to end too; what does not listen ends with its lifetime.
//
// The error is an *Error, or that of ctx. The end is filled in as far as it is known.
func ShellInPod(ctx context.Context, client kubernetes.Interface, config *rest.Config, pod *corev1.Pod, opts ShellOptions) (ShellEnd, error) {
	return shellInPod(ctx, realEnv(client, config), pod, opts)
}

// ShellOnNode is ShellInPod in a pod of its own on the node's network, which is gone
// when it returns.
func ShellOnNode(ctx context.Context, client kubernetes.Interface, config *rest.Config, namespace string, node *corev1.Node, opts ShellOptions) (ShellEnd, error) {
	return shellOnNode(ctx, realEnv(client, config), namespace, node, opts)
}

func (o ShellOptions) complete(profile string) (ShellOptions, error) {
	if o.Image == "" {
		o.Image = version.ToolboxImage
	}
	if o.Lifetime <= 0 {
		o.Lifetime = DefaultShellLifetime
	}
	o.Stdin = o.Stdin || o.TTY
	var err error
	o.Options, err = o.Options.complete(profile)
	return o, err
}

func shellInPod(ctx context.Context, e env, pod *corev1.Pod, opts ShellOptions) (ShellEnd, error) {
	opts, err := opts.complete(Restricted)
	if err != nil {
		return ShellEnd{}, err
	}
	wanted, err := ShellEphemeralContainer(pod, opts)
	if err != nil {
		return ShellEnd{}, err
	}
	wanted.Name = containerName("shell", e.suffix)
	s := &shell{opts: opts, Probe: &Probe{
		Namespace: pod.Namespace, Pod: pod.Name, Container: wanted.Name, uid: pod.UID,
		env: e, opts: opts.Options, noun: shellNoun, began: time.Now(),
	}}
	start, cancel := context.WithTimeoutCause(ctx, opts.Timeout, errStartTimeout)
	defer cancel()
	patched, err := s.patch(start, wanted)
	if err != nil {
		return ShellEnd{}, err
	}
	s.event(EventInject, "ephemeral container %s added to %s", s.Container, s.where())
	return s.talk(ctx, start, patched)
}

func shellOnNode(ctx context.Context, e env, namespace string, node *corev1.Node, opts ShellOptions) (end ShellEnd, err error) {
	opts, err = opts.complete(NodeBasic)
	if err != nil {
		return ShellEnd{}, err
	}
	wanted, err := ShellNodePod(namespace, node.Name, opts)
	if err != nil {
		return ShellEnd{}, err
	}
	wanted.Name = nodePodName(node.Name, e.suffix)
	s := &shell{opts: opts, Probe: &Probe{
		Namespace: namespace, Pod: wanted.Name, Container: shellContainer,
		env: e, opts: opts.Options, node: true, noun: shellNoun, began: time.Now(),
	}}
	start, cancel := context.WithTimeoutCause(ctx, opts.Timeout, errStartTimeout)
	defer cancel()
	created, err := s.createPod(ctx, start, wanted, node.Name)
	if err != nil {
		return ShellEnd{}, err
	}
	// What is over is deleted at once: whoever interrupts waits for little more than a
	// moment, and the end of the pod is the end of the shell too.
	removed := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { removed <- s.deletePod(ctx) })
	end, err = s.talk(ctx, start, created)
	if stop() {
		removed <- s.deletePod(ctx)
	}
	if gone := <-removed; gone != nil {
		if err == nil {
			return end, gone
		}
		err = fmt.Errorf("%w; and then: %w", err, gone)
	}
	return end, err
}

// shell is a toolbox in place.
type shell struct {
	*Probe
	opts ShellOptions
}

// outcome reads how the command ended.
func (s *shell) outcome(ctx context.Context, end ShellEnd) (ShellEnd, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, statusWait, errStatusWait)
	defer cancel()
	pause := time.NewTicker(attachFirst)
	defer pause.Stop()
	for {
		pod, err := s.env.client.CoreV1().Pods(s.Namespace).Get(ctx, s.Pod, metav1.GetOptions{})
		switch {
		case err == nil:
			if pod.UID != s.uid && s.uid != "" {
				return end, s.gone()
			}
			if status, found := containerStatus(pod, s.Container); found && status.State.Terminated != nil {
				t := status.State.Terminated
				end.Status = int(t.ExitCode)
				// timeout(1) says so with 124, or 137 where it had to kill.
				end.Expired = slices.Contains([]int32{124, 129, 137}, t.ExitCode) && !t.StartedAt.IsZero() &&
					t.FinishedAt.Sub(t.StartedAt.Time) >= s.opts.Lifetime-time.Second
				if !end.Expired {
					end.Killed = killed(t)
				}
				return end, nil
			}
		case apierrors.IsNotFound(err):
			return end, s.gone()
		case apierrors.IsForbidden(err):
			return end, apiError(err, "", "read how the command ended in "+s.where())
		}
		select {
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errStatusWait) {
				return end, s.lost()
			}
			return end, fmt.Errorf("the shell in %s: %w", s.where(), context.Cause(ctx))
		case <-pause.C:
		}
	}
}

// lost is the error for a connection that ended before the command. A pod of its own on
// a node is deleted with it (shellOnNode), so that nothing is left to go on with.
func (s *shell) lost() error {
	if s.node {
		return fail(ErrLost, "run it again", "the connection to the toolbox in %s was lost; its pod is deleted, and what ran in it ends", s.where())
	}
	attach := " attach "
	switch {
	case s.opts.TTY:
		attach += "-it "
	case s.opts.Stdin:
		attach += "-i "
	}
	return fail(ErrLost, "go on with: kubectl -n "+s.Namespace+attach+s.Pod+" -c "+s.Container,
		"the connection to the toolbox in %s was lost; it ends by itself within %s", s.where(), s.opts.Lifetime)
}

var errStatusWait = errors.New("status wait")
