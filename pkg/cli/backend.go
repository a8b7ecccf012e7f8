package cli

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// backend is a cluster as the commands see it: what pkg/cluster reads of it, and
// where pkg/inject puts probes. Tests replace it.
type backend interface {
	// Namespace is the one that --namespace or the context chose.
	Namespace() string
	Pod(ctx context.Context, namespace, name string) (*corev1.Pod, error)
	Node(ctx context.Context, name string) (*corev1.Node, error)
	Gather(ctx context.Context, req cluster.Request) (*facts.Facts, error)
	// Second asks once more, about what did not answer.
	Second(ctx context.Context, doubts []facts.Doubt) facts.Second
	// Choose finds where to look at a service from.
	Choose(ctx context.Context, namespace, service string) (cluster.Choice, error)
	ChoosePod(ctx context.Context, namespace string) (string, error)
	// ChoosePodOf finds a pod of a workload to look from.
	ChoosePodOf(ctx context.Context, workload target.Target) (string, error)
	// CheckNamespace is an error for a namespace that certainly does not exist.
	CheckNamespace(ctx context.Context, namespace string) error
	// Preflight lists the rights that are missing.
	Preflight(ctx context.Context, access cluster.Access) ([]cluster.Rule, error)
	// WhoAmI is the user's name as the API server knows it.
	WhoAmI(ctx context.Context) (string, error)
	// Inject puts a probe there, or finds a warm one. Errors are those of pkg/inject.
	Inject(ctx context.Context, v vantage, o inject.Options) (prober, error)
	// Shell runs a toolbox there until its command has ended. Errors likewise.
	Shell(ctx context.Context, v vantage, o inject.ShellOptions) (inject.ShellEnd, error)
	// Cleanup deletes the node probes that are left.
	Cleanup(ctx context.Context, o inject.CleanupOptions) (inject.Cleaned, error)

	PodNames(ctx context.Context, namespace, prefix string) ([]string, error)
	ServiceNames(ctx context.Context, namespace, prefix string) ([]string, error)
	NodeNames(ctx context.Context, prefix string) ([]string, error)
	Namespaces(ctx context.Context, prefix string) ([]string, error)
}

// prober is a probe in place.
type prober interface {
	// Run sends the tasks and hands over each result as it comes, from one
	// goroutine. An error means that the probe could not be talked to at all.
	Run(ctx context.Context, tasks []check.Task, deadline time.Duration, onResult func(check.Result)) (outcome, error)
	// Close deletes a node probe. A probe in a pod stays, and ends by itself.
	Close(ctx context.Context) error
	Describe() report.Probe
}

// outcome is how a session ended.
type outcome struct {
	// incomplete says why results are missing, "" when none are.
	incomplete string
	resumed    int
	// kubelet is the one that the API server does not reach, where that is why.
	kubelet *facts.Kubelet
}

// vantage is where the checks are to run, as it was read from the API.
type vantage struct {
	kind facts.VantageKind
	// namespace and name are the pod's; for a node the probe pod's namespace, and
	// the node's name.
	namespace, name string
	// workload is what was named instead of a pod, whose pods are to choose from.
	workload *target.Target
	pod      *corev1.Pod  // nil for a node
	node     *corev1.Node // nil when it could not be read
}

// String is "pod shop/web-0" or "node w1".
func (v vantage) String() string {
	if v.kind == facts.VantageNode {
		return "node " + v.name
	}
	return "pod " + v.namespace + "/" + v.name
}

// host is the node's name, "" when unknown.
func (v vantage) host() string {
	switch {
	case v.kind == facts.VantageNode:
		return v.name
	case v.pod != nil:
		return v.pod.Spec.NodeName
	}
	return ""
}
