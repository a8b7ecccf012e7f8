package policy

import (
	"net/netip"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// The world of these tests: namespaces shop and ops, pods on two nodes.

var namespaces = map[string]map[string]string{
	"shop": {"kubernetes.io/metadata.name": "shop", "team": "red"},
	"ops":  {"kubernetes.io/metadata.name": "ops", "team": "blue"},
}

func pod(name, node string, ips ...string) Peer {
	namespace, short, _ := strings.Cut(name, "/")
	p := facts.Pod{Namespace: namespace, Name: short, UID: name, Node: node, Labels: map[string]string{"app": short}}
	for _, ip := range ips {
		p.IPs = append(p.IPs, netip.MustParseAddr(ip))
	}
	p.Containers = []facts.Container{
		{Name: "main", Ports: []facts.ContainerPort{{Name: "http", Port: 8080, Protocol: facts.TCP}, {Port: 9000}}},
		{Name: "dns", Ports: []facts.ContainerPort{{Name: "dns", Port: 53, Protocol: facts.UDP}, {Name: "dns-tcp", Port: 53, Protocol: facts.TCP}}},
	}
	return Peer{Pod: &p, NamespaceLabels: namespaces[namespace]}
}

func web() Peer    { return pod("shop/web", "w1", "10.244.1.2", "fd00:1::2") }
func client() Peer { return pod("shop/client", "w2", "10.244.2.3", "fd00:2::3") }
func probe() Peer  { return pod("ops/probe", "w2", "10.244.2.4") }

func hostNetwork(p Peer) Peer {
	p.Pod.HostNetwork = true
	p.Pod.IPs = []netip.Addr{netip.MustParseAddr("172.30.0.12")}
	return p
}

func address(ip string) Peer { return Peer{Addr: netip.MustParseAddr(ip)} }

// flow goes to port 8080 of web over TCP, unless it is changed.
func flow(from, to Peer, change ...func(*Flow)) Flow {
	f := Flow{Source: from, Destination: to, Port: 8080}
	for _, c := range change {
		c(&f)
	}
	return f
}

func port(n uint16, p facts.Protocol) func(*Flow) {
	return func(f *Flow) { f.Port, f.Protocol = n, p }
}

// policies reads YAML documents, each NAMESPACE/NAME and the spec below it:
//
//	shop/deny-all: {podSelector: {}}
func policies(t testing.TB, text string) []networkingv1.NetworkPolicy {
	t.Helper()
	specs := map[string]networkingv1.NetworkPolicySpec{}
	if err := yaml.UnmarshalStrict([]byte(text), &specs); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var list []networkingv1.NetworkPolicy
	for name, spec := range specs {
		var p networkingv1.NetworkPolicy
		p.Namespace, p.Name, _ = strings.Cut(name, "/")
		p.Spec = spec
		list = append(list, p)
	}
	return list
}
