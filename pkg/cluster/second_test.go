package cluster

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestSecondStale: an endpoint whose pod is not there is stale only where its slice goes
// on naming it.
func TestSecondStale(t *testing.T) {
	web := service("shop", "web", "10.96.0.80")
	was := pod("shop", "web-0", "w1", "10.244.1.3")
	was.UID = "one"
	changed := func(change func(*corev1.Pod)) []runtime.Object {
		p := was.DeepCopy()
		change(p)
		return []runtime.Object{p}
	}
	for _, tt := range []struct {
		name   string
		now    []runtime.Object // what is there of the pod
		forbid string           // the resource that may not be read
		mended bool             // the slice is, a second later
		ctx    time.Duration
		writer string // of the slice, where it is not the usual one
		why    string // "" for not stale
		left   bool
	}{
		{name: "the pod is there", now: []runtime.Object{was}},
		{name: "gone", why: "is gone"},
		{name: "gone, and the slice hears of it", mended: true, left: true},
		{name: "replaced", why: "was replaced by another of that name", now: changed(func(p *corev1.Pod) { p.UID = "two"; p.Status.PodIP, p.Status.PodIPs = "10.244.1.4", nil })},
		{name: "replaced, and the new one has no address yet", why: "was replaced by another of that name", now: changed(func(p *corev1.Pod) { p.UID = "two"; p.Status.PodIP, p.Status.PodIPs = "", nil })},
		{name: "another address", why: "has another address now, 10.244.1.4", now: changed(func(p *corev1.Pod) { p.Status.PodIP, p.Status.PodIPs = "10.244.1.4", nil })},
		{name: "another address, and somebody else writes the slice", writer: "multus.example.com", now: changed(func(p *corev1.Pod) { p.Status.PodIP, p.Status.PodIPs = "10.244.1.4", nil })},
		{name: "gone, and somebody else writes the slice", writer: "multus.example.com", why: "is gone"},
		{name: "no address known", now: changed(func(p *corev1.Pod) { p.Status.PodIP, p.Status.PodIPs = "", nil })},
		{name: "ended", why: "has ended (Failed)", now: changed(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed })},
		{name: "pods may not be read", forbid: "pods"},
		{name: "slices may not be read", forbid: "endpointslices"},
		{name: "too late to be sure", ctx: time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				named := slice(web, "web-x", true, was)
				named.Endpoints[0].TargetRef.UID = was.UID
				named.Labels[discoveryv1.LabelManagedBy] = cmp.Or(tt.writer, selectorsController)
				c, clientset := newFake(append(tt.now, named)...)
				if tt.forbid != "" {
					forbid(clientset, "*", tt.forbid)
				}
				if tt.mended {
					time.AfterFunc(time.Second, func() { drop(t, clientset, named) })
				}
				ctx := t.Context()
				if tt.ctx > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.ctx)
					defer cancel()
				}
				got := c.Second(ctx, []facts.Doubt{{Service: facts.Ref{Namespace: "shop", Name: "web"}, Endpoint: endpoints([]*discoveryv1.EndpointSlice{named})[0]}})
				why := ""
				for _, s := range got.Stale {
					why += s.Why
					if s.Held < staleFor {
						t.Errorf("stale after %s", s.Held)
					}
				}
				if why != tt.why || len(got.Left) > 0 != tt.left {
					t.Errorf("stale %q, left %v; want %q, %v", why, got.Left, tt.why, tt.left)
				}
			})
		})
	}
}

// drop takes the endpoints out of a slice.
func drop(t *testing.T, clientset *fake.Clientset, of *discoveryv1.EndpointSlice) {
	empty := of.DeepCopy()
	empty.Endpoints = nil
	if err := clientset.Tracker().Update(discoveryv1.SchemeGroupVersion.WithResource("endpointslices"), empty, of.Namespace); err != nil {
		t.Error(err)
	}
}

// TestSecondAsksLittle: no matter how much fails, little is asked, and of a healthy pod
// no slice is read.
func TestSecondAsksLittle(t *testing.T) {
	c, clientset := newFake()
	there := pod("shop", "web-0", "w1", "10.244.1.3")
	clientset.PrependReactor("get", "pods", func(k8stesting.Action) (bool, runtime.Object, error) { return true, there, nil })
	doubts := make([]facts.Doubt, 1000)
	for i := range doubts {
		doubts[i] = facts.Doubt{Service: facts.Ref{Namespace: "shop", Name: "web"}, Endpoint: facts.Endpoint{Addr: netip.MustParseAddr("10.244.1.3"), Pod: &facts.Ref{Namespace: "shop", Name: "web-0"}}}
	}
	c.Second(t.Context(), doubts)
	gets := 0
	for _, a := range clientset.Actions() {
		if a.GetVerb() == "get" && a.GetResource().Resource == "pods" {
			gets++
		}
		if strings.Contains(a.GetResource().Resource, "slices") {
			t.Errorf("%s %s", a.GetVerb(), a.GetResource().Resource)
		}
	}
	if gets != maxDoubts {
		t.Errorf("%d pods were asked for, want %d", gets, maxDoubts)
	}
}

// TestSecondFailingFirst: what fails is asked about even where it comes last.
func TestSecondFailingFirst(t *testing.T) {
	doubts := make([]facts.Doubt, 2*maxDoubts)
	for i := range doubts {
		doubts[i] = facts.Doubt{Endpoint: facts.Endpoint{Addr: netip.AddrFrom4([4]byte{10, 244, 1, byte(i)})}, Silent: i >= 2*maxDoubts-2}
	}
	var last []byte
	for _, d := range foremost(doubts) {
		last = append(last, d.Endpoint.Addr.As4()[3])
	}
	if want := []byte{30, 31, 0, 1}; len(last) != maxDoubts || !slices.Equal(last[:4], want) || doubts[0].Silent {
		t.Errorf("asked about %v, want %d that begin with %v", last, maxDoubts, want)
	}
}

// TestSecondLease: the lease is held against the cluster's clock.
func TestSecondLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		web := service("shop", "web", "10.96.0.80")
		was := pod("shop", "web-0", "w1", "10.244.1.3")
		seconds, holder, renewed := int32(15), "cp_1", metav1.NewMicroTime(time.Now().Add(-time.Hour))
		lease := &coordinationv1.Lease{ObjectMeta: objectMeta("kube-system", "kube-controller-manager"),
			Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds, RenewTime: &renewed}}
		named := slice(web, "web-x", true, was)
		doubts := []facts.Doubt{{Service: facts.Ref{Namespace: "shop", Name: "web"}, Endpoint: endpoints([]*discoveryv1.EndpointSlice{named})[0]}}
		c, clientset := newFake(named, lease)
		c.clock.ahead, c.clock.known = time.Hour-time.Minute, true // this machine's clock is wrong
		got := c.Second(t.Context(), doubts).Controllers
		if got == nil || got.Age.Round(time.Second) != time.Minute+3*time.Second || got.Holder != "cp_1" || !got.Expired() {
			t.Errorf("%+v", got)
		}
		forbid(clientset, "get", "leases")
		if got := c.Second(t.Context(), doubts); got.Controllers != nil || len(got.Stale) != 1 {
			t.Errorf("without the right: %+v", got)
		}
	})
}
