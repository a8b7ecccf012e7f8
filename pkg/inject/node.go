package inject

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/netlook/kubectl-netlook/pkg/version"
)

const (
	// deleteWait bounds the deletion of a node pod, which has a deadline of its own:
	// it also happens after ctx has ended.
	deleteWait = 5 * time.Second
	// createLate is how long after a create that was given up its pod may appear.
	createLate = 300 * time.Millisecond
)

func startOnNode(ctx context.Context, e env, namespace string, node *corev1.Node, opts Options) (*Probe, error) {
	opts, err := opts.complete(NodeBasic)
	if err != nil {
		return nil, err
	}
	wanted, err := NodePod(namespace, node.Name, opts, version.Build())
	if err != nil {
		return nil, err
	}
	wanted.Name = nodePodName(node.Name, e.suffix)
	p := &Probe{Namespace: namespace, Pod: wanted.Name, Container: nodeContainer, env: e, opts: opts, node: true, nodeName: node.Name, began: time.Now()}
	p.sendAhead(wanted)
	start, cancel := context.WithTimeoutCause(ctx, opts.Timeout, errStartTimeout)
	defer cancel()
	created, err := p.createPod(ctx, start, wanted, node.Name)
	if err != nil {
		return nil, err
	}
	if err := p.connect(start, created, attachFirst, 0); err != nil {
		return nil, p.undo(ctx, err, false)
	}
	p.started()
	return p, nil
}

// createPod makes the node pod, after a dry run, within start. On an error nothing is
// left of it.
func (p *Probe) createPod(ctx, start context.Context, wanted *corev1.Pod, node string) (*corev1.Pod, error) {
	doing := fmt.Sprintf("create a %s pod for node %s in namespace %s", p.what(), node, p.Namespace)
	pods := p.env.client.CoreV1().Pods(p.Namespace)
	if _, err := pods.Create(start, wanted, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		return nil, p.createError(start, err, doing)
	}
	created, err := pods.Create(start, wanted, metav1.CreateOptions{})
	if err != nil {
		// It may have been made all the same, when the answer did not come.
		return nil, p.undo(ctx, p.createError(start, err, doing), start.Err() != nil)
	}
	p.uid = created.UID
	p.event(EventInject, "pod %s created for node %s", wanted.Name, node)
	return created, nil
}

func (p *Probe) createError(ctx context.Context, err error, doing string) error {
	if ctx.Err() != nil {
		return p.startError(ctx, "no answer of the API server")
	}
	if apierrors.IsNotFound(err) {
		return fail(ErrGone, "name one that exists with --probe-namespace", "%s: there is no such namespace", doing)
	}
	return apiError(err, p.opts.Profile, doing)
}

// undo deletes the node pod after a failure and returns why, with what the deletion
// adds. A create that was given up may still make the pod a moment later.
func (p *Probe) undo(ctx context.Context, why error, late bool) error {
	err := p.deletePod(ctx)
	if err == nil && late {
		time.Sleep(createLate)
		err = p.deletePod(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w; and then: %w", why, err)
	}
	return why
}

// deletePod deletes the node pod; it is no error when it is gone.
func (p *Probe) deletePod(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteWait)
	defer cancel()
	err := deletePod(ctx, p.env.client, p.Namespace, p.Pod)
	if err != nil {
		cleanup := "kubectl netlook cleanup"
		if p.noun == shellNoun {
			cleanup += " --shells"
		}
		return fmt.Errorf("delete the node %s %s (%s does it later): %w", p.what(), p.where(), cleanup, err)
	}
	p.event(EventRemoved, "pod %s removed", p.Pod)
	return nil
}

func deletePod(ctx context.Context, client kubernetes.Interface, namespace, name string) error {
	err := client.CoreV1().Pods(namespace).Delete(ctx, name, metav1.DeleteOptions{
		GracePeriodSeconds: new(int64(0)),
		PropagationPolicy:  new(metav1.DeletePropagationBackground),
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func namespaceName(ns string) string {
	if ns == metav1.NamespaceAll {
		return "all namespaces"
	}
	return "namespace " + ns
}
