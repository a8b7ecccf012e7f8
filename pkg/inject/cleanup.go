package inject

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// CleanupOptions say what Cleanup deletes.
type CleanupOptions struct {
	// Namespace is where, "" is everywhere.
	Namespace string
	// Shells deletes the toolboxes of nodes too that have not ended: somebody may be in
	// one, which cannot be seen from outside.
	Shells bool
}

// Cleaned is what Cleanup has done, each pod as "namespace/name", sorted.
type Cleaned struct {
	Removed []string
	// Shells are toolboxes that were left, because they have not ended.
	Shells []string
}

// Cleanup deletes the node pods of netlook that are left, of whichever run. What it
// returns is right also when there is an error.
func Cleanup(ctx context.Context, client kubernetes.Interface, o CleanupOptions) (Cleaned, error) {
	var done Cleaned
	list, err := client.CoreV1().Pods(o.Namespace).List(ctx, metav1.ListOptions{LabelSelector: managedByLabel + "=" + managedBy})
	if err != nil {
		return done, apiError(err, "", "list node probes in "+namespaceName(o.Namespace))
	}
	var failed []error
	for _, pod := range list.Items {
		// A fake or an old API server may not know the selector.
		if pod.Labels[managedByLabel] != managedBy {
			continue
		}
		name := pod.Namespace + "/" + pod.Name
		if liveShell(&pod) && !o.Shells {
			done.Shells = append(done.Shells, wire.Clean(name, maxMessage))
			continue
		}
		if err := deletePod(ctx, client, pod.Namespace, pod.Name); err != nil {
			failed = append(failed, apiError(err, "", "delete pod/"+name))
			continue
		}
		done.Removed = append(done.Removed, wire.Clean(name, maxMessage))
	}
	slices.Sort(done.Removed)
	slices.Sort(done.Shells)
	return done, errors.Join(failed...)
}

// liveShell says that somebody may be in it, or wait for it to start.
func liveShell(pod *corev1.Pod) bool {
	return pod.Labels[componentLabel] == shellComponent && pod.DeletionTimestamp == nil &&
		pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}
