package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

const (
	// maxDoubts is how many addresses that did not answer are asked about.
	maxDoubts = 16
	// staleFor is how long an EndpointSlice must go on naming a pod that is not there: its
	// controller hears of a deletion within milliseconds, and gathers what it writes for
	// some more. After a rollout of this moment nothing is stale.
	staleFor = 3 * time.Second
	// stalePause is the pause between two looks at it.
	stalePause = 500 * time.Millisecond
	// controllerLease is what kube-controller-manager renews while it works (leader
	// election: k/k cmd/kube-controller-manager/app/controllermanager.go).
	controllerLease = "kube-controller-manager"
	controllerSpace = "kube-system"
	// selectorsController writes pods' own addresses into slices. Others may write what
	// is no address in the pod's status: multus-service those of secondary networks.
	selectorsController = "endpointslice-controller.k8s.io"
)

// Second asks the API once more, about addresses that did not answer: is the pod there
// that they are said to be of? What may not be read is left out, for it only explains.
func (c *Client) Second(ctx context.Context, doubts []facts.Doubt) facts.Second {
	doubts = foremost(doubts)
	found := make([]string, len(doubts))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, d := range doubts {
		if d.Endpoint.Pod != nil && d.Service != (facts.Ref{}) {
			group.Go(func() error {
				found[i] = c.notBehind(ctx, d.Endpoint)
				return nil
			})
		}
	}
	_ = group.Wait() // none fails
	var stale []facts.Stale
	for i, why := range found {
		if why != "" {
			stale = append(stale, facts.Stale{Doubt: doubts[i], Why: why})
		}
	}
	var second facts.Second
	var beside errgroup.Group
	beside.Go(func() error {
		second.Shared = c.shared(ctx, doubts)
		return nil
	})
	second.Stale, second.Left = c.stillNamed(ctx, stale)
	_ = beside.Wait()
	if len(second.Stale) > 0 {
		second.Controllers = c.lease(ctx, controllerSpace, controllerLease)
	}
	return second
}

// foremost are as many doubts as are asked about: what fails goes first.
func foremost(doubts []facts.Doubt) []facts.Doubt {
	list := slices.Clone(doubts)
	slices.SortStableFunc(list, func(a, b facts.Doubt) int {
		switch {
		case a.Silent == b.Silent:
			return 0
		case a.Silent:
			return -1
		}
		return 1
	})
	return list[:min(len(list), maxDoubts)]
}

// notBehind asks for the pod of an endpoint by name, and says why it cannot be behind it:
// "" when it is, and when that cannot be told.
func (c *Client) notBehind(ctx context.Context, e facts.Endpoint) string {
	if checkNames("pod", e.Pod.Namespace, e.Pod.Name) != nil {
		return ""
	}
	pod, err := get(ctx, c, "get pod "+e.Pod.String(), func(ctx context.Context) (*corev1.Pod, error) {
		return c.clientset.CoreV1().Pods(e.Pod.Namespace).Get(ctx, e.Pod.Name, metav1.GetOptions{})
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return "is gone"
	case err != nil:
		return ""
	}
	f := podFacts(pod)
	switch {
	case e.PodUID != "" && f.UID != "" && e.PodUID != f.UID:
		return "was replaced by another of that name"
	case f.Phase == string(corev1.PodSucceeded), f.Phase == string(corev1.PodFailed):
		return "has ended (" + f.Phase + ")" // a pod in its last phase is no endpoint's
	case e.Writer == selectorsController && len(f.IPs) > 0 && !slices.Contains(f.IPs, e.Addr.Unmap()):
		texts := make([]string, len(f.IPs))
		for i, ip := range f.IPs {
			texts[i] = ip.String()
		}
		return "has another address now, " + strings.Join(texts, " and ")
	}
	return ""
}

// stillNamed reads the EndpointSlices of stale endpoints until they have named them for
// long enough. Left are those that they do not name any more; what cannot be read is
// neither.
func (c *Client) stillNamed(ctx context.Context, suspects []facts.Stale) (stale, left []facts.Stale) {
	began := time.Now()
	for len(suspects) > 0 {
		held := time.Since(began)
		services := map[facts.Ref][]facts.Endpoint{}
		for _, s := range suspects {
			if _, read := services[s.Service]; read {
				continue
			}
			now, _, err := c.endpointsOf(ctx, s.Service)
			if err != nil {
				return nil, left
			}
			services[s.Service] = now
		}
		var named []facts.Stale
		for _, s := range suspects {
			if slices.ContainsFunc(services[s.Service], func(e facts.Endpoint) bool { return sameEndpoint(e, s.Endpoint) }) {
				s.Held = held
				named = append(named, s)
			} else {
				left = append(left, s)
			}
		}
		if held >= staleFor {
			return named, left
		}
		suspects = named
		select {
		case <-time.After(stalePause):
		case <-ctx.Done():
			return nil, left
		}
	}
	return nil, left
}

func sameEndpoint(a, b facts.Endpoint) bool {
	return a.Addr == b.Addr && a.Pod != nil && *a.Pod == *b.Pod && a.PodUID == b.PodUID
}

// lease reads a lease, nil where it may not be read or was never renewed.
func (c *Client) lease(ctx context.Context, namespace, name string) *facts.Lease {
	l, err := get(ctx, c, "get lease "+name, func(ctx context.Context) (*coordinationv1.Lease, error) {
		return c.clientset.CoordinationV1().Leases(namespace).Get(ctx, name, metav1.GetOptions{})
	})
	if err != nil || l.Spec.RenewTime == nil {
		return nil
	}
	now, _ := c.clock.read()
	f := &facts.Lease{Namespace: namespace, Name: name, Age: max(now.Sub(l.Spec.RenewTime.Time), 0)}
	if l.Spec.HolderIdentity != nil {
		f.Holder = plain(*l.Spec.HolderIdentity, maxWord)
	}
	if seconds := l.Spec.LeaseDurationSeconds; seconds != nil {
		f.Lasts = time.Duration(*seconds) * time.Second
	}
	return f
}
