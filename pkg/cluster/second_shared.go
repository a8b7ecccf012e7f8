package cluster

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

const (
	// maxShared is for how many addresses all pods are looked through: the API server has
	// no index of addresses.
	maxShared = 4
	// sharedFor is for how long several pods must have an address: a kubelet reports a new
	// one with its next status.
	sharedFor = 2 * time.Second
)

// shared looks for other pods with the addresses of pods that failed as if there were some.
func (c *Client) shared(ctx context.Context, doubts []facts.Doubt) []facts.Shared {
	var addrs []netip.Addr
	pods := map[netip.Addr]facts.Ref{}
	for _, d := range doubts {
		addr := d.Endpoint.Addr.Unmap()
		if _, known := pods[addr]; d.Astray && d.Endpoint.Pod != nil && !known && len(addrs) < maxShared {
			pods[addr] = *d.Endpoint.Pod
			addrs = append(addrs, addr)
		}
	}
	found := make([][]facts.Pod, len(addrs))
	var group errgroup.Group
	for i, addr := range addrs {
		group.Go(func() error {
			found[i] = c.sharedBy(ctx, addr, pods[addr].Namespace)
			return nil
		})
	}
	_ = group.Wait() // none fails
	var list []facts.Shared
	for i, addr := range addrs {
		if len(found[i]) > 1 {
			list = append(list, facts.Shared{Addr: addr, Pods: found[i]})
		}
	}
	return list
}

// sharedBy are the pods that have an address, where several go on having it. The first look
// is at the API server's own cache, at whatever age: read of etcd, all pods of the cluster
// would be, for each address.
func (c *Client) sharedBy(ctx context.Context, addr netip.Addr, namespace string) []facts.Pod {
	first := c.podsAt(ctx, addr, namespace, "0")
	if len(first) < 2 {
		return nil
	}
	select {
	case <-time.After(sharedFor):
	case <-ctx.Done():
		return nil
	}
	then := c.podsAt(ctx, addr, namespace, "")
	return c.vouched(ctx, slices.DeleteFunc(then, func(p facts.Pod) bool {
		return !slices.ContainsFunc(first, func(o facts.Pod) bool { return o.Ref() == p.Ref() && o.UID == p.UID })
	}))
}

// vouched are those of pods whose kubelet stands by what the API says of them. On a node
// that is down DaemonSets' and static pods stay Running until the Node object goes, and
// where addresses are not the node's own they are given away again. Such pods are marked
// as not ready, which has to do where the node cannot be read.
func (c *Client) vouched(ctx context.Context, pods []facts.Pod) []facts.Pod {
	type state struct{ read, ready bool }
	nodes := map[string]state{}
	return slices.DeleteFunc(pods, func(p facts.Pod) bool {
		n, asked := nodes[p.Node]
		if !asked && len(nodes) < maxNodesByName {
			node, err := c.Node(ctx, p.Node)
			n = state{read: err == nil || errors.Is(err, ErrNotFound), ready: err == nil && nodeFacts(node).Ready}
			nodes[p.Node] = n
		}
		return n.read && !n.ready || !n.read && !p.Ready
	})
}

// settled reports whether a pod has a network to have its address in: it is ready, or not
// ready for another reason. What is left of a sandbox that is gone is an old address.
func settled(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return (c.Type == corev1.PodReady || c.Type == corev1.PodReadyToStartContainers) && c.Status == corev1.ConditionTrue
	})
}

// podsAt are the running pods with an address, in all namespaces, or where those may not be
// listed in one. One that ends may have given its address back already, and those on the
// network of their node share its address. The resource version says how new they must be.
func (c *Client) podsAt(ctx context.Context, addr netip.Addr, namespace, version string) []facts.Pod {
	opts := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("status.podIP", addr.String()).String(), ResourceVersion: version}
	var found []facts.Pod
	for _, namespace := range []string{metav1.NamespaceAll, namespace} {
		found = nil
		err := each(ctx, c, "list pods by address", opts, c.clientset.CoreV1().Pods(namespace).List, func(p *corev1.Pod) error {
			if f := podFacts(p); !f.HostNetwork && !f.Terminating && f.Phase == string(corev1.PodRunning) && settled(p) && slices.Contains(f.IPs, addr) {
				found = append(found, f)
			}
			if len(found) == maxSelectedPods {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, ErrForbidden) {
			break
		}
	}
	sortPods(found)
	return found
}
