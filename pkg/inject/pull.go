package inject

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

const (
	// creating is what a container waits for while its image is pulled: its status has
	// no word for that (kubelet: pkg/kubelet/kubelet_pods.go), only events do.
	creating = "ContainerCreating"
	// eventsWait bounds the look at the events, after all the time is over.
	eventsWait = 2 * time.Second
	maxEvents  = 100
)

// slowPull is the error of a container that was still being created when the time was
// over. In a pod that runs this is nearly always the image, which the pod's events tell
// to those who may read them.
func (p *Probe) slowPull(ctx context.Context) error {
	const hint = "give it longer with --start-timeout, or name a mirror of it near the nodes with --image (see kubectl netlook image)"
	switch pulling, failed := p.pullEvents(ctx); {
	case failed != "":
		e := fail(ErrImage, hint, "image %s cannot be pulled for %s: %s", p.opts.Image, p.where(), failed)
		e.Short = fail(ErrImage, "", "image %s cannot be pulled for %s", p.opts.Image, p.where()).Text
		return e
	case pulling:
		return fail(ErrImage, hint, "pulling the image %s for %s is not done after %s", p.opts.Image, p.where(), p.opts.Timeout)
	}
	return fail(ErrTimeout, "if its image is still being pulled, "+hint, "no %s in %s after %s: %s", p.what(), p.where(), p.opts.Timeout, creating)
}

// pullEvents says from the pod's events whether the image of the probe's container is
// being pulled, and what went wrong with that last. Both are empty where no event tells.
func (p *Probe) pullEvents(ctx context.Context) (pulling bool, failed string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventsWait)
	defer cancel()
	list, err := p.env.client.CoreV1().Events(p.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.kind": "Pod", "involvedObject.name": p.Pod}.String(), Limit: maxEvents,
	})
	if err != nil {
		return false, "" // a right that is only good to have
	}
	for _, e := range list.Items {
		if e.InvolvedObject.Name != p.Pod || !strings.HasSuffix(e.InvolvedObject.FieldPath, "{"+p.Container+"}") {
			continue
		}
		switch {
		case e.Reason == "Pulled":
			return false, ""
		case e.Reason == "Pulling":
			pulling = true
		case e.Reason == "Failed" && e.Type == corev1.EventTypeWarning && strings.Contains(e.Message, "pull"):
			failed = e.Message
		}
	}
	return pulling, failed
}
