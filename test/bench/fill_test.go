package bench

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
)

// realPods and services are what the test cluster gives addresses from.
var realPods, services = netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("10.96.0.0/16")

func TestFakeNodesAreApart(t *testing.T) {
	f := Fill{Nodes: maxFakeNodes, Pods: 1}
	blocks, addresses := map[netip.Prefix]bool{}, map[netip.Addr]bool{}
	for i := range f.Nodes {
		node := f.node(i)
		block, err := netip.ParsePrefix(node.Spec.PodCIDR)
		if err != nil {
			t.Fatal(err)
		}
		if block.Overlaps(realPods) || block.Overlaps(services) || blocks[block] {
			t.Fatalf("%s has %s, which is another's", node.Name, block)
		}
		address, err := netip.ParseAddr(node.Status.Addresses[0].Address)
		if err != nil {
			t.Fatal(err)
		}
		if addresses[address] {
			t.Fatalf("%s has %s, which is another's", node.Name, address)
		}
		blocks[block], addresses[address] = true, true
		if node.Annotations[fake] != "fake" || node.Labels[fake] != "fake" || len(node.Spec.Taints) != 1 {
			t.Fatalf("%s would not be kwok's alone, or not be found again: %v %v", node.Name, node.ObjectMeta, node.Spec.Taints)
		}
	}
}

func TestFakePods(t *testing.T) {
	f := Fill{Nodes: 10, Pods: 100}
	perNode, perService := map[string]int{}, map[string]int{}
	for i := range f.Pods {
		pod := f.pod(i)
		perNode[pod.Spec.NodeName]++
		if name := pod.Labels["service"]; name != "" {
			perService[name]++
		}
	}
	for i := range f.Nodes {
		if name := f.node(i).Name; perNode[name] != 10 {
			t.Errorf("%d pods on %s", perNode[name], name)
		}
	}
	for i := range f.services() {
		if s := f.service(i); perService[s.Spec.Selector["service"]] != podsPerService {
			t.Errorf("%d pods behind %s", perService[s.Name], s.Name)
		}
	}
	if len(perService) != f.services() {
		t.Errorf("pods of %d services, want %d", len(perService), f.services())
	}
}

func TestFillValid(t *testing.T) {
	for _, tt := range []struct {
		fill Fill
		ok   bool
	}{
		{Fill{1000, 10000}, true},
		{Fill{5000, 50000}, true},
		{Fill{0, 0}, true},
		{Fill{0, 1}, false},
		{Fill{1, 111}, false},
		{Fill{-1, 0}, false},
		{Fill{maxFakeNodes + 1, 0}, false},
	} {
		if err := tt.fill.Valid(); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt.fill, err)
		}
	}
}

func TestParallel(t *testing.T) {
	var done atomic.Int64
	if err := parallel(1000, func(int) error { done.Add(1); return nil }); err != nil || done.Load() != 1000 {
		t.Errorf("%d of 1000 done: %v", done.Load(), err)
	}
	broken := errors.New("broken")
	done.Store(0)
	err := parallel(1_000_000, func(i int) error {
		done.Add(1)
		return broken
	})
	if !errors.Is(err, broken) || done.Load() > writers {
		t.Errorf("%d done after the first error: %v", done.Load(), err)
	}
}
