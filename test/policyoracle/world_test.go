package policyoracle

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mattfenwick/cyclonus/pkg/generator"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/policy"
)

// podIP is the address that cyclonus makes its ipBlocks around: its /24 and its /28.
const podIP = "192.168.1.1"

var (
	ports     = []uint16{79, 80, 81}
	protocols = []facts.Protocol{facts.TCP, facts.UDP, facts.SCTP}
)

// world is the cluster that cyclonus tests on, as a test case's steps change it:
// namespaces x, y and z, pods a, b and c in each.
type world struct {
	namespaces map[string]map[string]string
	pods       map[string]*facts.Pod
	policies   map[string]*networkingv1.NetworkPolicy
}

func newWorld() *world {
	w := &world{namespaces: map[string]map[string]string{}, pods: map[string]*facts.Pod{}, policies: map[string]*networkingv1.NetworkPolicy{}}
	for _, ns := range []string{"x", "y", "z"} {
		w.label(ns, map[string]string{"ns": ns})
		for _, name := range []string{"a", "b", "c"} {
			w.addPod(ns, name, map[string]string{"pod": name})
		}
	}
	return w
}

// label sets a namespace's labels, and that which the API server adds.
func (w *world) label(ns string, labels map[string]string) {
	labels = maps.Clone(labels)
	labels["kubernetes.io/metadata.name"] = ns
	w.namespaces[ns] = labels
}

// addPod gives the pods of x addresses within podIP's /28, those of y within its /24,
// and the others elsewhere.
func (w *world) addPod(ns, name string, labels map[string]string) {
	prefix := map[string]string{"x": "192.168.1.", "y": "192.168.1.10"}[ns]
	if prefix == "" {
		prefix = fmt.Sprintf("192.168.%d.", 2+strings.Index("z", ns)+len(ns))
	}
	p := &facts.Pod{Namespace: ns, Name: name, UID: ns + "/" + name, Labels: labels,
		IPs: []netip.Addr{netip.MustParseAddr(prefix + fmt.Sprint(1+strings.Index("abc", name)))}}
	for _, port := range ports[1:] { // nothing is declared at the first
		for _, protocol := range protocols {
			p.Containers = append(p.Containers, facts.Container{Ports: []facts.ContainerPort{{
				Name: fmt.Sprintf("serve-%d-%s", port, strings.ToLower(string(protocol))), Port: port, Protocol: protocol}}})
		}
	}
	w.pods[p.UID] = p
}

// act does what a step of a test case does to the cluster.
func (w *world) act(t *testing.T, a *generator.Action) {
	switch {
	case a.CreatePolicy != nil:
		w.policies[key(a.CreatePolicy.Policy)] = a.CreatePolicy.Policy
	case a.UpdatePolicy != nil:
		w.policies[key(a.UpdatePolicy.Policy)] = a.UpdatePolicy.Policy
	case a.DeletePolicy != nil:
		delete(w.policies, a.DeletePolicy.Namespace+"/"+a.DeletePolicy.Name)
	case a.CreateNamespace != nil:
		w.label(a.CreateNamespace.Namespace, a.CreateNamespace.Labels)
	case a.SetNamespaceLabels != nil:
		w.label(a.SetNamespaceLabels.Namespace, a.SetNamespaceLabels.Labels)
	case a.DeleteNamespace != nil:
		delete(w.namespaces, a.DeleteNamespace.Namespace)
		maps.DeleteFunc(w.pods, func(_ string, p *facts.Pod) bool { return p.Namespace == a.DeleteNamespace.Namespace })
	case a.CreatePod != nil:
		w.addPod(a.CreatePod.Namespace, a.CreatePod.Pod, a.CreatePod.Labels)
	case a.SetPodLabels != nil:
		w.pods[a.SetPodLabels.Namespace+"/"+a.SetPodLabels.Pod].Labels = a.SetPodLabels.Labels
	case a.DeletePod != nil:
		delete(w.pods, a.DeletePod.Namespace+"/"+a.DeletePod.Pod)
	default:
		t.Fatalf("an action that is not known: %+v", a)
	}
}

func key(p *networkingv1.NetworkPolicy) string { return p.Namespace + "/" + p.Name }

func (w *world) list() []*networkingv1.NetworkPolicy {
	var list []*networkingv1.NetworkPolicy
	for _, name := range slices.Sorted(maps.Keys(w.policies)) {
		list = append(list, w.policies[name])
	}
	return list
}

// ends are all pods, and two addresses outside.
func (w *world) ends() []policy.Peer {
	var ends []policy.Peer
	for _, name := range slices.Sorted(maps.Keys(w.pods)) {
		p := w.pods[name]
		ends = append(ends, policy.Peer{Pod: p, NamespaceLabels: w.namespaces[p.Namespace]})
	}
	for _, ip := range []string{"192.168.1.200", "203.0.113.7"} {
		ends = append(ends, policy.Peer{Addr: netip.MustParseAddr(ip)})
	}
	return ends
}

// flows is the whole truth table: every end to every other, each port and protocol.
func (w *world) flows() []policy.Flow {
	var flows []policy.Flow
	for _, from := range w.ends() {
		for _, to := range w.ends() {
			for _, port := range ports {
				for _, protocol := range protocols {
					flows = append(flows, policy.Flow{Source: from, Destination: to, Port: port, Protocol: protocol})
				}
			}
		}
	}
	return flows
}
