package inject

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
)

// watchPause is the least time between two watches, and between two reads where
// watching is not allowed: a watch that ends at once must not become a spin.
const watchPause = 300 * time.Millisecond

// observed is what observe says of a state of the pod.
type observed struct {
	running bool
	waiting string
	err     error
}

// follow reports the state of the probe's container as the pod changes, from the
// state given, until ctx ends. After an error it reports no more.
func (p *Probe) follow(ctx context.Context, pod *corev1.Pod) <-chan observed {
	states := make(chan observed)
	report := func(pod *corev1.Pod) (more bool) {
		o := observed{}
		o.running, o.waiting, o.err = p.observe(pod)
		select {
		case states <- o:
			return o.err == nil
		case <-ctx.Done():
			return false
		}
	}
	lost := func(err error) {
		select {
		case states <- observed{err: err}:
		case <-ctx.Done():
		}
	}
	go func() {
		version := pod.ResourceVersion
		if !report(pod) {
			return
		}
		for {
			next, more, err := p.watchOnce(ctx, version, report)
			if err != nil {
				lost(err)
			}
			if !more || err != nil {
				return
			}
			version = next
			select {
			case <-time.After(watchPause):
			case <-ctx.Done():
				return
			}
		}
	}()
	return states
}

// watchOnce reports states until the watch ends. It returns the version to go on
// from. Where the watch cannot be had it reads the pod once instead.
func (p *Probe) watchOnce(ctx context.Context, version string, report func(*corev1.Pod) bool) (next string, more bool, err error) {
	w, err := p.env.client.CoreV1().Pods(p.Namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", p.Pod).String(),
		ResourceVersion: version,
	})
	if err != nil {
		return p.readOnce(ctx, report)
	}
	defer w.Stop()
	for {
		var event watch.Event
		var open bool
		select {
		case event, open = <-w.ResultChan():
		case <-ctx.Done():
			return version, false, nil
		}
		if !open {
			return version, true, nil
		}
		switch event.Type {
		case watch.Deleted:
			return version, false, p.gone()
		case watch.Error:
			// Too old a version, most of all: the state of now is as good.
			return p.readOnce(ctx, report)
		}
		pod, ok := event.Object.(*corev1.Pod)
		if !ok || pod.Name != p.Pod {
			continue
		}
		version = pod.ResourceVersion
		if !report(pod) {
			return version, false, nil
		}
	}
}

// readOnce reports the pod's state as it is now. An API server that does not answer
// may answer the next time: the deadline bounds it.
func (p *Probe) readOnce(ctx context.Context, report func(*corev1.Pod) bool) (next string, more bool, err error) {
	pod, err := p.env.client.CoreV1().Pods(p.Namespace).Get(ctx, p.Pod, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return "", false, p.gone()
	case apierrors.IsForbidden(err):
		return "", false, apiError(err, "", "wait for the probe in "+p.where())
	case err != nil:
		return "", ctx.Err() == nil, nil
	}
	return pod.ResourceVersion, report(pod), nil
}

// observe is the function of that name, for a pod that may be another by now: a
// StatefulSet makes its pods anew under their names.
func (p *Probe) observe(pod *corev1.Pod) (running bool, waiting string, err error) {
	if pod.UID != p.uid && p.uid != "" {
		return false, "", fail(ErrGone, "", "%s was replaced by another pod of that name", p.where())
	}
	return observe(pod, p.Container, p.opts.Image, p.noun)
}

func (p *Probe) gone() error {
	return fail(ErrGone, "", "%s was deleted", p.where())
}
