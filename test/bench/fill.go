package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	fillNamespace = "netlook-bench-fill"
	// fake is the annotation by which kwok knows its nodes, and their taint.
	fake = "kwok.x-k8s.io/node"
	// writers is how many objects are created or deleted at a time.
	writers = 32
	// nodesPerService makes services beside the pods: one for so many nodes.
	nodesPerService = 5
	podsPerService  = 10
	fillLimit       = 15 * time.Minute // on a quiet machine it takes a fraction
	emptyLimit      = 15 * time.Minute
	maxFakeNodes    = 1 << 14
)

// Fill is how many objects a cluster is filled with.
type Fill struct{ Nodes, Pods int }

func (f Fill) services() int { return f.Nodes / nodesPerService }

func (f Fill) String() string {
	return fmt.Sprintf("%d nodes and %d pods of kwok, and %d services with %d endpoints each", f.Nodes, f.Pods, f.services(), podsPerService)
}

// node is a fake node. Its pods' addresses are outside of those that the cluster gives to
// its real nodes, and real pods do not tolerate its taint.
func (f Fill) node(i int) *corev1.Node {
	block := fmt.Sprintf("10.%d.%d.0/24", 128+i>>8, i&0xff)
	capacity := corev1.ResourceList{"cpu": resource.MustParse("32"), "memory": resource.MustParse("256Gi"), "pods": resource.MustParse("110")}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        fmt.Sprintf("fake-%05d", i),
			Annotations: map[string]string{fake: "fake"},
			Labels: map[string]string{
				fake: "fake", corev1.LabelHostname: fmt.Sprintf("fake-%05d", i), corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
			},
		},
		Spec: corev1.NodeSpec{
			PodCIDR: block, PodCIDRs: []string{block},
			Taints: []corev1.Taint{{Key: fake, Value: "fake", Effect: corev1.TaintEffectNoSchedule}},
		},
		Status: corev1.NodeStatus{
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("100.64.%d.%d", i>>8, i&0xff)}},
			Capacity:  capacity, Allocatable: capacity,
		},
	}
}

// pod is a fake pod, put onto its node without the scheduler.
func (f Fill) pod(i int) *corev1.Pod {
	no := false
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("fake-%06d", i), Namespace: fillNamespace, Labels: map[string]string{"app": "fake"}},
		Spec: corev1.PodSpec{
			NodeName: fmt.Sprintf("fake-%05d", i%f.Nodes), AutomountServiceAccountToken: &no,
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers:  []corev1.Container{{Name: "app", Image: appImage, Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}}},
		},
	}
	if service := i / podsPerService; service < f.services() {
		pod.Labels["service"] = fmt.Sprint("fake-", service)
	}
	return pod
}

func (f Fill) service(i int) *corev1.Service {
	name := fmt.Sprint("fake-", i)
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: fillNamespace},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"service": name}, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
	}
}

// Valid says what is wrong with the numbers.
func (f Fill) Valid() error {
	switch {
	case f.Nodes < 0 || f.Nodes > maxFakeNodes:
		return fmt.Errorf("%d fake nodes: 0 to %d can be made", f.Nodes, maxFakeNodes)
	case f.Pods < 0 || f.Pods > f.Nodes*110:
		return fmt.Errorf("%d fake pods do not fit on %d nodes of 110 pods each", f.Pods, f.Nodes)
	}
	return nil
}

// Fill creates all of it and waits until kwok, which runs, has brought it to life.
func (b *Bed) Fill(ctx context.Context, f Fill, kwok *playing) error {
	ctx, cancel := context.WithTimeout(ctx, fillLimit)
	defer cancel()
	core := b.client.CoreV1()
	spaces := core.Namespaces()
	if _, err := spaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fillNamespace}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := b.kubectl(ctx, "-n", fillNamespace, "wait", "--for=create", "serviceaccount/default", "--timeout=60s"); err != nil {
		return err
	}
	if err := parallel(f.Nodes, func(i int) error {
		_, err := core.Nodes().Create(ctx, f.node(i), metav1.CreateOptions{})
		return err
	}); err != nil {
		return fmt.Errorf("create fake nodes: %w", err)
	}
	if err := parallel(f.services(), func(i int) error {
		_, err := core.Services(fillNamespace).Create(ctx, f.service(i), metav1.CreateOptions{})
		return err
	}); err != nil {
		return fmt.Errorf("create fake services: %w", err)
	}
	if err := parallel(f.Pods, func(i int) error {
		_, err := core.Pods(fillNamespace).Create(ctx, f.pod(i), metav1.CreateOptions{})
		return err
	}); err != nil {
		return fmt.Errorf("create fake pods: %w", err)
	}
	return b.settled(ctx, f, kwok)
}

// settled waits until the fake pods run and kwok has taken all fake nodes. Whether each of
// them is ready at this very moment is not asked: on a busy machine some leases are late.
func (b *Bed) settled(ctx context.Context, f Fill, kwok *playing) error {
	const pollEvery = time.Second
	for {
		taken, running, err := b.alive(ctx)
		if err != nil {
			return err
		}
		if err := kwok.err(); err != nil {
			return err
		}
		if taken == f.Nodes && running == f.Pods {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d fake nodes are taken by kwok and %d of %d fake pods run: %w", taken, f.Nodes, running, f.Pods, ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}

// alive counts. From the watch cache (resourceVersion 0), as it is asked often.
func (b *Bed) alive(ctx context.Context) (taken, running int, err error) {
	nodes, err := b.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0", LabelSelector: fakeNodes})
	if err != nil {
		return 0, 0, err
	}
	for _, node := range nodes.Items {
		if node.Status.Phase == corev1.NodeRunning { // deprecated, and thus our stage's alone
			taken++
		}
	}
	pods, err := b.client.CoreV1().Pods(fillNamespace).List(ctx, metav1.ListOptions{
		ResourceVersion: "0", FieldSelector: fields.OneTermEqualSelector("status.phase", string(corev1.PodRunning)).String(),
	})
	if err != nil {
		return 0, 0, err
	}
	return taken, len(pods.Items), nil
}

// fakeNodes selects the nodes that Empty deletes.
var fakeNodes = labels.Set{fake: "fake"}.String()

// Empty deletes everything that Fill makes, also what an earlier run left behind, and
// waits until it is gone. Pods go at once: nobody is there to end them.
func (b *Bed) Empty(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, emptyLimit)
	defer cancel()
	core := b.client.CoreV1()
	pods, err := core.Pods(fillNamespace).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return err
	}
	now := int64(0)
	podsErr := parallel(len(pods.Items), func(i int) error {
		return ignoreNotFound(core.Pods(fillNamespace).Delete(ctx, pods.Items[i].Name, metav1.DeleteOptions{GracePeriodSeconds: &now}))
	})
	nodes, err := core.Nodes().List(ctx, metav1.ListOptions{LabelSelector: fakeNodes})
	if err != nil {
		return errors.Join(podsErr, err)
	}
	nodesErr := parallel(len(nodes.Items), func(i int) error {
		return ignoreNotFound(core.Nodes().Delete(ctx, nodes.Items[i].Name, metav1.DeleteOptions{}))
	})
	_, err = b.kubectl(ctx, "delete", "namespace", fillNamespace, "--ignore-not-found")
	return errors.Join(podsErr, nodesErr, err)
}

// parallel calls do for 0 to n-1, writers at a time, and returns the first error.
func parallel(n int, do func(i int) error) error {
	var (
		group sync.WaitGroup
		once  sync.Once
		first error
	)
	work, failed := make(chan int), make(chan struct{})
	for range writers {
		group.Go(func() {
			for i := range work {
				if err := do(i); err != nil {
					once.Do(func() { first = err; close(failed) })
					return
				}
			}
		})
	}
feed:
	for i := range n {
		select {
		case work <- i:
		case <-failed:
			break feed
		}
	}
	close(work)
	group.Wait()
	return first
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
