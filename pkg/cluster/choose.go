package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// maxChoice is how many pods, or nodes, are looked at to find one to look from.
const maxChoice = 500

// Choice is a place to look from. Exactly one of Pod and Node is set.
type Choice struct {
	Pod, Node string
	// Why says in a few words why it was chosen.
	Why string
}

// Choose finds where to look at a service from: a running pod of its namespace that is
// not behind the service and can take a probe, else a node that is ready. Errors are
// those of a service that does not exist (ErrNotFound) or may not be read.
func (c *Client) Choose(ctx context.Context, namespace, service string) (Choice, error) {
	if err := checkNames("service", namespace, service); err != nil {
		return Choice{}, err
	}
	s, err := c.getService(ctx, facts.Ref{Namespace: namespace, Name: service})
	if err != nil {
		return Choice{}, c.unlock(c.missing(ctx, object{"services", namespace, service}, err), ForPod, namespace)
	}
	pod, err := c.choosePod(ctx, namespace, "", func(pod *corev1.Pod) bool { return selects(s, labels.Set(pod.Labels)) })
	if err != nil || pod != "" {
		return Choice{Pod: pod, Why: "it suits best of the pods of namespace " + namespace + " that run and are not behind the service"}, err
	}
	node, err := c.chooseNode(ctx)
	switch {
	case errors.Is(err, ErrForbidden):
		return Choice{}, c.unlock(fmt.Errorf("no pod of namespace %s can be looked from, and nodes may not be listed: %w", namespace, err), ForNode, "")
	case err == nil && node == "":
		err = problemf(ErrVantage, "no pod of namespace %s can be looked from, and no Linux node is ready: say from where with --from pod/NAME", namespace)
	}
	return Choice{Node: node, Why: "no pod of namespace " + namespace + " runs that is not behind the service"}, err
}

// ChoosePod finds any pod of a namespace that runs and can take a probe.
func (c *Client) ChoosePod(ctx context.Context, namespace string) (string, error) {
	pod, err := c.choosePod(ctx, namespace, "", func(*corev1.Pod) bool { return false })
	if err == nil && pod == "" {
		if err := c.CheckNamespace(ctx, namespace); err != nil {
			return "", err
		}
		err = problemf(ErrVantage, "no pod of namespace %s can be looked from: say from where with --from pod/NAME or node/NAME, or -n NAMESPACE", namespace)
	}
	return pod, err
}

// ChoosePodOf finds a pod of a workload that runs and can take a probe. Errors are those
// of a workload that does not exist (ErrNotFound), may not be read, or has no such pod
// (ErrVantage).
func (c *Client) ChoosePodOf(ctx context.Context, workload target.Target) (string, error) {
	o := object{workload.Resource, workload.Namespace, workload.Name}
	if err := checkNames(o.word(), o.namespace, o.name); err != nil {
		return "", err
	}
	selector, err := c.workloadSelector(ctx, o)
	if err != nil {
		return "", c.unlock(c.missing(ctx, o, err), ForPod, o.namespace)
	}
	pod, err := c.choosePod(ctx, o.namespace, selector, func(*corev1.Pod) bool { return false })
	if err == nil && pod == "" {
		err = problemf(ErrVantage, "no pod of %s %s/%s can be looked from: see kubectl get pods -n %s -l %s", o.word(), o.namespace, o.name, o.namespace, plain(selector, maxMessage))
	}
	return pod, err
}

// choosePod is the pod that suits best (see compareChoice) of those that the selector of
// labels takes and that are not left out, "" when there is none.
func (c *Client) choosePod(ctx context.Context, namespace, selector string, leaveOut func(*corev1.Pod) bool) (string, error) {
	var best *corev1.Pod
	looked := 0
	opts := metav1.ListOptions{FieldSelector: "status.phase=" + string(corev1.PodRunning), LabelSelector: selector}
	err := each(ctx, c, "list pods in namespace "+namespace, opts, c.clientset.CoreV1().Pods(namespace).List, func(pod *corev1.Pod) error {
		if looked++; looked > maxChoice {
			return errEnough
		}
		if pod.Spec.HostNetwork || leaveOut(pod) || CheckPodVantage(pod, nil) != nil {
			return nil
		}
		if best == nil || compareChoice(pod, best) < 0 {
			best = pod
		}
		return nil
	})
	if err != nil {
		return "", c.unlock(err, ForPod, namespace)
	}
	if best == nil {
		return "", nil
	}
	return best.Name, nil
}

// compareChoice prefers pods that are ready, then those that resolve names as the
// cluster's pods do: what one with servers of its own suffers is its own trouble, not the
// service's. Of equals it takes the one that is there longest, then goes by name, so that
// a repeat finds the probe that waits in the same pod.
func compareChoice(a, b *corev1.Pod) int {
	return cmp.Or(
		after(!podFacts(a).Ready, !podFacts(b).Ready),
		after(ownDNS(a), ownDNS(b)),
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
		strings.Compare(a.Name, b.Name),
	)
}

// after puts whatever is so behind what is not.
func after(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// ownDNS reports whether a pod resolves otherwise than the cluster's pods do, by its
// dnsPolicy or by what its dnsConfig adds.
func ownDNS(pod *corev1.Pod) bool {
	policy, more := pod.Spec.DNSPolicy, pod.Spec.DNSConfig
	usual := policy == "" || policy == corev1.DNSClusterFirst || policy == corev1.DNSClusterFirstWithHostNet
	return !usual || more != nil && (len(more.Nameservers) > 0 || len(more.Searches) > 0)
}

// chooseNode is the first ready Linux node by name, workers first.
func (c *Client) chooseNode(ctx context.Context) (string, error) {
	var nodes []*corev1.Node
	err := each(ctx, c, "list nodes", metav1.ListOptions{}, c.clientset.CoreV1().Nodes().List, func(node *corev1.Node) error {
		if CheckNodeVantage(node) == nil && nodeFacts(node).Ready {
			nodes = append(nodes, node)
		}
		if len(nodes) == maxChoice {
			return errEnough
		}
		return nil
	})
	if err != nil || len(nodes) == 0 {
		return "", err
	}
	controls := func(n *corev1.Node) int {
		if _, is := n.Labels["node-role.kubernetes.io/control-plane"]; is {
			return 1
		}
		return 0
	}
	best := slices.MinFunc(nodes, func(a, b *corev1.Node) int {
		return cmp.Or(controls(a)-controls(b), strings.Compare(a.Name, b.Name))
	})
	return best.Name, nil
}
