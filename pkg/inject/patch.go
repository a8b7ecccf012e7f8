package inject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
)

// patch adds the container to the pod and returns the pod as it is then. A dry run
// comes first: what it lets through can never be taken away again, and admission
// judges later containers of the pod by earlier ones (kubernetes issue 118961).
func (p *Probe) patch(ctx context.Context, c *corev1.EphemeralContainer) (*corev1.Pod, error) {
	body, err := json.Marshal(map[string]any{"spec": map[string]any{"ephemeralContainers": []*corev1.EphemeralContainer{c}}})
	if err != nil {
		return nil, fmt.Errorf("encode the ephemeral container: %w", err)
	}
	send := func(options metav1.PatchOptions) (pod *corev1.Pod, err error) {
		err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
			pod, err = p.env.client.CoreV1().Pods(p.Namespace).Patch(ctx, p.Pod, types.StrategicMergePatchType, body, options, "ephemeralcontainers")
			return err
		})
		return pod, err
	}
	tried, err := send(metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return nil, p.patchError(ctx, err)
	}
	if _, _, err := p.observe(tried); err != nil {
		return nil, err // what was decided was decided for another pod
	}
	pod, err := send(metav1.PatchOptions{})
	if err != nil {
		if ctx.Err() != nil {
			// Only the answer is known to be missing.
			p.event(EventInject, "ephemeral container %s may have been added to %s", p.Container, p.where())
		}
		return nil, p.patchError(ctx, err)
	}
	return pod, nil
}

// patchError explains why the container was not added. That a probe can be done
// without is no advice for anything else.
func (p *Probe) patchError(ctx context.Context, err error) error {
	err = p.whyNotAdded(ctx, err)
	var own *Error
	if p.noun != "" && errors.As(err, &own) {
		own.Hint = strings.TrimSuffix(own.Hint, ", or use --no-inject")
	}
	return err
}

func (p *Probe) whyNotAdded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return p.startError(ctx, "")
	}
	doing := fmt.Sprintf("add a %s (profile %s) to %s", p.what(), p.opts.Profile, p.where())
	var status apierrors.APIStatus
	if apierrors.IsNotFound(err) && asStatus(err, &status) {
		// The subresource is unknown, not the pod (kubectl tells them apart likewise).
		if d := status.Status().Details; d == nil || d.Name == "" {
			return fail(ErrUnsupported, "update the cluster to Kubernetes 1.25 or later, or use --no-inject", "%s: this cluster has no ephemeral containers", doing)
		}
	}
	return apiError(err, p.opts.Profile, doing)
}
