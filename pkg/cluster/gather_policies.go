package cluster

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/policy"
)

const (
	maxPolicies    = 1000 // NetworkPolicies of one namespace
	maxPolicyFlows = 2000 // flows that are judged
)

// policyReader is what judging flows needs of the API: the policies of the namespaces at
// both ends, those namespaces' labels, and the pods behind services.
type policyReader struct {
	*gatherer
	policies   []networkingv1.NetworkPolicy
	namespaces map[string]map[string]string
	pods       map[facts.Ref]facts.Pod
}

// policySteps judges what NetworkPolicies say of the flows from the vantage pod to its
// targets. Where no policy is in either namespace, which is the rule, that costs one list
// a namespace and nothing else. It is a round of its own: it reads what the others write.
func (g *gatherer) policySteps() []step {
	if g.facts.Vantage.Pod == nil {
		return []step{g.network}
	}
	return []step{g.readPolicies, g.network}
}

func (g *gatherer) readPolicies(ctx context.Context) error {
	r := policyReader{gatherer: g, namespaces: map[string]map[string]string{}, pods: map[facts.Ref]facts.Pod{}}
	flows := r.flows()
	names := []string{g.facts.Vantage.Pod.Namespace}
	for _, f := range flows {
		if f.pod != nil && !slices.Contains(names, f.pod.Namespace) {
			names = append(names, f.pod.Namespace)
		}
	}
	g.facts.Policies.Read = true
	for _, name := range names {
		if err := r.list(ctx, name); err != nil {
			g.facts.Policies.Read = false
			if dns := g.facts.DNS.Service; dns != nil && dns.Namespace == name && name != names[0] {
				continue // few may read there, and few have policies there
			}
			if err := g.unread(ctx, "networkpolicies in namespace "+name, err); err != nil {
				return err
			}
		}
	}
	if len(r.policies) == 0 {
		return nil
	}
	for _, name := range names {
		r.namespace(ctx, name)
	}
	r.readPods(ctx)
	set := policy.New(r.policies)
	g.facts.Policies.Notes = set.Notes()
	g.facts.Policies.Count = len(r.policies)
	source := r.peer(g.facts.Vantage.Pod, netip.Addr{})
	if !r.discerns() {
		flow := facts.PolicyFlow{To: outside, Protocol: facts.TCP, Subject: "the outside"}
		flow.Decision = set.Evaluate(policy.Flow{Source: source, Destination: policy.Peer{Addr: outside.Addr()}, Port: outside.Port(), Protocol: flow.Protocol})
		g.facts.Policies.Outside = &flow
	}
	for _, f := range flows[:min(len(flows), maxPolicyFlows)] {
		destination := policy.Peer{Addr: f.addr}
		if f.subject == facts.APIService {
			// A node's address, or one that plugins know for the API server's all the same.
			destination.Node = "the API server"
		}
		if f.pod != nil {
			pod, known := r.pods[*f.pod]
			if !known {
				continue // its labels are not known: nothing can be said
			}
			destination = r.peer(&pod, f.addr)
		}
		g.facts.Policies.Flows = append(g.facts.Policies.Flows, facts.PolicyFlow{
			To: netip.AddrPortFrom(f.addr, f.port), Protocol: f.protocol, Object: f.object, Subject: f.subject,
			Decision: set.Evaluate(policy.Flow{Source: source, Destination: destination, Port: f.port, Protocol: f.protocol}),
		})
	}
	return nil
}

// outside stands for every address outside the cluster: TEST-NET-1, which is nobody's
// (RFC 5737), at the port of HTTPS.
var outside = netip.MustParseAddrPort("192.0.2.1:443")

// discerns reports whether a policy of the vantage pod's namespace lets it out to some
// addresses, or to every address by some ports, so that not all outside are alike.
func (r *policyReader) discerns() bool {
	return slices.ContainsFunc(r.policies, func(p networkingv1.NetworkPolicy) bool {
		return p.Namespace == r.facts.Vantage.Pod.Namespace && slices.ContainsFunc(p.Spec.Egress, func(rule networkingv1.NetworkPolicyEgressRule) bool {
			return len(rule.To) == 0 && len(rule.Ports) > 0 || slices.ContainsFunc(rule.To, func(peer networkingv1.NetworkPolicyPeer) bool { return peer.IPBlock != nil })
		})
	})
}

func (r *policyReader) list(ctx context.Context, namespace string) error {
	seen := 0
	return each(ctx, r.Client, "list networkpolicies in namespace "+namespace, metav1.ListOptions{}, r.clientset.NetworkingV1().NetworkPolicies(namespace).List,
		func(p *networkingv1.NetworkPolicy) error {
			if seen++; seen > maxPolicies {
				r.note("networkpolicies in namespace %s: only the first %d are evaluated", namespace, maxPolicies)
				return errEnough
			}
			r.policies = append(r.policies, *p)
			return nil
		})
}

// namespace reads a namespace's labels. Where they may not be read they stay nil, and
// only what depends on them is not evaluated.
func (r *policyReader) namespace(ctx context.Context, name string) {
	ns, err := get(ctx, r.Client, "get namespace "+name, func(ctx context.Context) (*corev1.Namespace, error) {
		return r.clientset.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	})
	if err != nil {
		return
	}
	r.namespaces[name] = ns.Labels
	if r.namespaces[name] == nil {
		r.namespaces[name] = map[string]string{}
	}
}

// readPods reads the pods behind the services, by their selectors, for their labels and
// named ports.
func (r *policyReader) readPods(ctx context.Context) {
	for _, t := range r.facts.Targets {
		for _, p := range t.Pods {
			r.pods[p.Ref()] = p
		}
	}
	for _, s := range r.services() {
		for _, p := range s.SelectedPods {
			r.pods[p.Ref()] = p
		}
		if len(s.Selector) == 0 || s.SelectorRead {
			continue
		}
		seen := 0
		opts := metav1.ListOptions{LabelSelector: labels.SelectorFromSet(s.Selector).String()}
		err := each(ctx, r.Client, "list pods of service "+s.Ref().String(), opts, r.clientset.CoreV1().Pods(s.Namespace).List, func(p *corev1.Pod) error {
			if seen++; seen > maxSelectedPods {
				return errEnough
			}
			r.pods[facts.Ref{Namespace: p.Namespace, Name: p.Name}] = podFacts(p)
			return nil
		})
		if err != nil {
			_ = r.unread(ctx, fmt.Sprintf("pods of service %s, to judge policies", s.Ref()), err)
		}
	}
}

// services are those that are tried, that of DNS first: it has few endpoints, and those
// of the others may be more than are judged.
func (r *policyReader) services() []facts.Service {
	var list []facts.Service
	if r.facts.DNS.Service != nil {
		list = append(list, *r.facts.DNS.Service)
	}
	return append(list, r.facts.Services...)
}

func (r *policyReader) peer(pod *facts.Pod, addr netip.Addr) policy.Peer {
	return policy.Peer{Pod: pod, NamespaceLabels: r.namespaces[pod.Namespace], Addr: addr}
}

// asked is a flow to be judged. pod is nil for an address that is no pod's.
type askedFlow struct {
	addr            netip.Addr
	port            uint16
	protocol        facts.Protocol
	pod             *facts.Ref
	object, subject string
}

// flows are those of the checks: to each port of each ready endpoint and target pod, and
// to addresses given with a port.
func (r *policyReader) flows() []askedFlow {
	var list []askedFlow
	// First, as in services.
	if api := r.facts.API.Service; api != nil {
		for _, e := range api.Ready() {
			for _, port := range e.Ports {
				list = append(list, askedFlow{addr: e.Addr.Unmap(), port: port.Port, protocol: port.Protocol, subject: "service/" + api.Ref().String()})
			}
		}
	}
	for _, s := range r.services() {
		for _, e := range s.Ready() {
			for _, port := range e.Ports {
				f := askedFlow{addr: e.Addr.Unmap(), port: port.Port, protocol: port.Protocol, subject: "service/" + s.Ref().String()}
				if e.Pod != nil {
					f.pod, f.object = e.Pod, "pod/"+e.Pod.String()
				}
				list = append(list, f)
			}
		}
	}
	for _, t := range r.facts.Targets {
		protocol := facts.Protocol(cmp.Or(strings.ToUpper(t.Protocol), string(facts.TCP)))
		for _, p := range t.Pods {
			ref := p.Ref()
			for _, ip := range p.IPs {
				for _, port := range portsOf(t, p) {
					list = append(list, askedFlow{addr: ip.Unmap(), port: port.Port, protocol: port.Protocol, pod: &ref, object: "pod/" + ref.String(), subject: t.Object()})
				}
			}
		}
		if len(t.Pods) == 0 && t.Port != 0 {
			for _, ip := range t.Addrs {
				list = append(list, askedFlow{addr: ip.Unmap(), port: t.Port, protocol: protocol, object: ip.String()})
			}
		}
	}
	return list
}

// portsOf are the ports of a target pod: the one that was given, by number or by name,
// or all that its containers declare.
func portsOf(t facts.Target, p facts.Pod) []facts.ContainerPort {
	if t.Port != 0 {
		return []facts.ContainerPort{{Port: t.Port, Protocol: facts.Protocol(cmp.Or(strings.ToUpper(t.Protocol), string(facts.TCP)))}}
	}
	var list []facts.ContainerPort
	for _, c := range p.Containers {
		for _, port := range c.Ports {
			if t.PortName == "" || t.PortName == port.Name {
				list = append(list, port)
			}
		}
	}
	return list
}

// k3sGroup is an API group of k3s. Its network is flannel's, and it enforces policies
// itself (a part of kube-router is built in), unless it is told not to.
const k3sGroup = "k3s.cattle.io"

// network tells the network plugin, by what it says on nodes, else by its API.
func (g *gatherer) network(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	groups, err := g.apiGroups(ctx)
	if err != nil {
		_ = g.unanswered(ctx, groupsServed, err)
		return nil // NetworkPolicies are read all the same
	}
	p := &g.facts.Policies
	var names []string
	for _, group := range groups.Groups {
		names = append(names, group.Name)
	}
	served := facts.PluginOfGroups(names)
	for _, n := range g.facts.Nodes {
		if g.facts.Network = n.Network; g.facts.Network.Plugin != "" {
			break
		}
	}
	if g.facts.Network.Plugin == "" {
		g.facts.Network = served
	}
	// Calico and Cilium may also enforce policies on top of flannel's network.
	for _, name := range []string{g.facts.Network.Plugin, served.Plugin} {
		if known := facts.PluginNamed(name); known != nil && known.Enforces {
			p.Engine = cmp.Or(p.Engine, known.Name)
		}
	}
	p.Unenforced = g.facts.Network.Plugin == "flannel" && p.Engine == "" && !slices.Contains(names, k3sGroup)
	return nil
}
