package causes

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// BenchmarkThousandDead is a verdict on 1,000 endpoints over 20 nodes of which none
// answers, beside DNS that does.
func BenchmarkThousandDead(b *testing.B) {
	f := facts.Facts{Vantage: facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{Namespace: "shop", Name: "client", Node: "n0", IPs: []netip.Addr{netip.MustParseAddr("10.100.0.9")}}}}
	s := facts.Service{Namespace: "shop", Name: "web", ClusterIPs: []netip.Addr{netip.MustParseAddr("10.96.0.80")}}
	var results []check.Result
	add := func(id, target, object string, status check.Status, failure check.Failure) {
		results = append(results, check.Result{TaskID: id + " " + target, Check: id, Vantage: "pod/shop/client", Status: status, Failure: failure,
			Attempts: []check.Attempt{{Failure: failure}, {Failure: failure}, {Failure: failure}},
			Label:    check.Label{Area: "service", Title: id, Target: target, Object: object, Subject: "service/shop/web"}})
	}
	for i := range 1000 {
		addr := netip.AddrFrom4([4]byte{10, byte(i % 20), byte(i / 200), byte(i%200 + 1)})
		node, pod := fmt.Sprintf("n%d", i%20), facts.Ref{Namespace: "shop", Name: fmt.Sprintf("web-%d", i)}
		s.Endpoints = append(s.Endpoints, facts.Endpoint{Addr: addr, Node: node, Ready: true, Pod: &pod, Ports: []facts.EndpointPort{{Protocol: facts.TCP, Port: 8080}}})
		add("service.endpoint", addr.String()+":8080", "pod/"+pod.String(), check.Fail, check.Timeout)
	}
	f.Services = []facts.Service{s}
	add("service.vip", "10.96.0.80:80", "service/shop/web", check.Fail, check.Timeout)
	add("dns.cluster", "10.0.9.53 udp A", "", check.Pass, "")
	for b.Loop() {
		Registry.Diagnose(diagnose.NewCase(&f, results))
	}
}
