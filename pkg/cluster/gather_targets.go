package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// targetSteps makes one step for each distinct target; targets of one service (its
// ports, say) share a step, so that it is read once.
func (g *gatherer) targetSteps() []step {
	var (
		distinct []target.Target
		services = map[facts.Ref][]target.Target{}
		seen     = map[string]bool{}
	)
	for _, t := range g.req.Targets {
		if t.Namespace == "" && t.Object() != "" && t.Kind != target.Node {
			t.Namespace = g.namespace
		}
		if seen[t.String()] {
			continue
		}
		seen[t.String()] = true
		if t.Kind == target.Service {
			ref := serviceRef(t)
			services[ref] = append(services[ref], t)
			if len(services[ref]) > 1 {
				continue
			}
		}
		distinct = append(distinct, t)
	}
	steps := make([]step, len(distinct))
	for i, t := range distinct {
		steps[i] = func(ctx context.Context) error {
			if t.Kind == target.Service {
				return g.serviceTarget(ctx, services[serviceRef(t)])
			}
			return g.target(ctx, t)
		}
	}
	return steps
}

func serviceRef(t target.Target) facts.Ref {
	return facts.Ref{Namespace: t.Namespace, Name: t.Name}
}

// target resolves one target that is no service.
func (g *gatherer) target(ctx context.Context, t target.Target) error {
	resolved := facts.Target{Target: t}
	var err error
	switch t.Kind {
	case target.Pod:
		err = g.podTarget(ctx, &resolved)
	case target.Workload:
		err = g.workloadTarget(ctx, &resolved)
	case target.Node:
		err = g.nodeTarget(ctx, &resolved)
	default:
		if t.Addr.IsValid() {
			resolved.Addrs = []netip.Addr{t.Addr}
		}
		resolved.Service = g.serviceBehind(ctx, t)
	}
	if err != nil {
		return err
	}
	g.addTarget(resolved)
	return nil
}

func (g *gatherer) addTarget(t facts.Target) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.facts.Targets = append(g.facts.Targets, t)
}

// tolerate notes a target that could not be read and marks it, and passes on the
// error of one that does not exist or is of no use.
func (g *gatherer) tolerate(ctx context.Context, t *facts.Target, o object, err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return g.missingTarget(ctx, o, err)
	case errors.Is(err, ErrTarget):
		return err
	}
	what := o.word() + " " + o.name
	if o.namespace != "" {
		what = fmt.Sprintf("%s %s/%s", o.word(), o.namespace, o.name)
	}
	return g.unknown(ctx, t, what, o.namespace, err)
}

// unknown marks a target that could not be read, and says what would unlock it: the
// rights of the vantage point where it is, elsewhere those to read.
func (g *gatherer) unknown(ctx context.Context, t *facts.Target, what, namespace string, err error) error {
	t.Unknown = true
	if errors.Is(err, ErrForbidden) {
		purpose := ForAPI
		if g.req.Pod != nil && (namespace == "" || namespace == g.namespace) {
			purpose = ForPod
		}
		t.Unlock = g.unlocking(err, purpose, cmp.Or(namespace, g.namespace))
	}
	return g.unread(ctx, what, err)
}

func (g *gatherer) podTarget(ctx context.Context, t *facts.Target) error {
	pod, err := get(ctx, g.Client, fmt.Sprintf("get pod %s/%s", t.Namespace, t.Name), func(ctx context.Context) (*corev1.Pod, error) {
		return g.clientset.CoreV1().Pods(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	})
	if err != nil {
		return g.tolerate(ctx, t, object{"pods", t.Namespace, t.Name}, err)
	}
	t.Pods = []facts.Pod{podFacts(pod)}
	if t.Addrs = t.Pods[0].IPs; len(t.Addrs) == 0 {
		g.note("pod %s/%s has no address: %s", t.Namespace, t.Name, because(phase(pod), whyPending(pod)))
	}
	return checkPort(t)
}

func (g *gatherer) nodeTarget(ctx context.Context, t *facts.Target) error {
	node, err := g.getNode(ctx, t.Name)
	if err != nil {
		return g.tolerate(ctx, t, object{"nodes", "", t.Name}, err)
	}
	converted := nodeFacts(node)
	t.Node, t.Addrs = &converted, converted.IPs
	return nil
}

// serviceTarget reads a service for all targets that name it.
func (g *gatherer) serviceTarget(ctx context.Context, targets []target.Target) error {
	ref := serviceRef(targets[0])
	service, err := g.service(ctx, ref)
	if err != nil {
		unread := facts.Target{Target: targets[0]}
		unread.Raw = asked(targets)
		if err := g.tolerate(ctx, &unread, object{"services", ref.Namespace, ref.Name}, err); err != nil {
			return err
		}
		g.addTarget(unread)
		return nil
	}
	if err := filterPorts(&service, targets); err != nil {
		return err
	}
	service.Asked = asked(targets)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.facts.Services = append(g.facts.Services, service)
	return nil
}

// asked is what was typed to name a service, once or for several of its ports.
func asked(targets []target.Target) string {
	typed := make([]string, len(targets))
	for i, t := range targets {
		typed[i] = t.Raw
	}
	return strings.Join(typed, ", ")
}

// workloadTarget resolves a workload to its running pods. When none runs it keeps
// those there are, so that the report can say what they wait for.
func (g *gatherer) workloadTarget(ctx context.Context, t *facts.Target) error {
	o := object{t.Resource, t.Namespace, t.Name}
	name := fmt.Sprintf("%s %s/%s", o.word(), o.namespace, o.name)
	selector, err := g.workloadSelector(ctx, o)
	if err != nil {
		return g.tolerate(ctx, t, o, err)
	}
	var running, others []facts.Pod
	list := g.clientset.CoreV1().Pods(o.namespace).List
	err = each(ctx, g.Client, "list pods of "+name, metav1.ListOptions{LabelSelector: selector}, list, func(p *corev1.Pod) error {
		switch {
		case p.Status.Phase != corev1.PodRunning || p.DeletionTimestamp != nil:
			if len(others) < maxWorkloadPods {
				others = append(others, podFacts(p))
			}
		case len(running) == maxWorkloadPods:
			g.note("%s: only %d of its pods are tested", name, maxWorkloadPods)
			return errEnough
		default:
			running = append(running, podFacts(p))
		}
		return nil
	})
	switch {
	case err != nil:
		return g.unknown(ctx, t, "pods in namespace "+o.namespace, o.namespace, err)
	case len(running)+len(others) == 0:
		return problemf(ErrTarget, "%s has no pods: see kubectl describe %s %s -n %s", name, o.word(), o.name, o.namespace)
	case len(running) == 0:
		g.note("%s: none of its %s runs", name, plural(len(others), "pod"))
		t.Pods = others
	default:
		t.Pods = running
	}
	sortPods(t.Pods)
	for _, pod := range running {
		t.Addrs = append(t.Addrs, pod.IPs...)
	}
	slices.SortFunc(t.Addrs, netip.Addr.Compare)
	t.Addrs = slices.Compact(t.Addrs)
	return checkPort(t)
}

// workloadSelector reads a workload and returns the selector of its pods.
func (c *Client) workloadSelector(ctx context.Context, o object) (string, error) {
	selector, err := get(ctx, c, fmt.Sprintf("get %s %s/%s", o.word(), o.namespace, o.name), func(ctx context.Context) (*metav1.LabelSelector, error) {
		return c.readSelector(ctx, o)
	})
	if err != nil {
		return "", err
	}
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	switch {
	case err != nil:
		return "", fmt.Errorf("read the selector of %s %s/%s: %w", o.word(), o.namespace, o.name, err)
	case parsed.Empty():
		// It would select every pod of the namespace; the API refuses such workloads.
		return "", problemf(ErrTarget, "%s %s/%s has no selector", o.word(), o.namespace, o.name)
	}
	return parsed.String(), nil
}

func (c *Client) readSelector(ctx context.Context, o object) (*metav1.LabelSelector, error) {
	apps, opts := c.clientset.AppsV1(), metav1.GetOptions{}
	switch o.resource {
	case "deployments":
		w, err := apps.Deployments(o.namespace).Get(ctx, o.name, opts)
		return selectorOf(err, func() *metav1.LabelSelector { return w.Spec.Selector })
	case "statefulsets":
		w, err := apps.StatefulSets(o.namespace).Get(ctx, o.name, opts)
		return selectorOf(err, func() *metav1.LabelSelector { return w.Spec.Selector })
	case "daemonsets":
		w, err := apps.DaemonSets(o.namespace).Get(ctx, o.name, opts)
		return selectorOf(err, func() *metav1.LabelSelector { return w.Spec.Selector })
	case "replicasets":
		w, err := apps.ReplicaSets(o.namespace).Get(ctx, o.name, opts)
		return selectorOf(err, func() *metav1.LabelSelector { return w.Spec.Selector })
	case "jobs":
		w, err := c.clientset.BatchV1().Jobs(o.namespace).Get(ctx, o.name, opts)
		return selectorOf(err, func() *metav1.LabelSelector { return w.Spec.Selector })
	}
	return nil, fmt.Errorf("%s are no workloads", o.resource)
}

func selectorOf(err error, selector func() *metav1.LabelSelector) (*metav1.LabelSelector, error) {
	if err != nil {
		return nil, err
	}
	return selector(), nil
}

func sortPods(pods []facts.Pod) {
	slices.SortFunc(pods, func(a, b facts.Pod) int { return strings.Compare(a.Ref().String(), b.Ref().String()) })
}
