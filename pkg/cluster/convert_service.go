package cluster

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// maxBalancers is how many addresses of a load balancer are kept.
const maxBalancers = 16

// maxFamilies is how many address families there are.
const maxFamilies = 2

// maxHints is how many hints of one endpoint are kept: the API allows 8.
const maxHints = 8

// distribution is what the service asks of topology (KEP-4444, KEP-2433).
func distribution(s *corev1.Service) string {
	if d := s.Spec.TrafficDistribution; d != nil {
		return plain(*d, maxWord)
	}
	if mode := s.Annotations[corev1.AnnotationTopologyMode]; mode != "" {
		return "topology mode " + plain(mode, maxWord)
	}
	return ""
}

// serviceFacts converts a service, without its endpoints.
func serviceFacts(s *corev1.Service) facts.Service {
	f := facts.Service{
		Namespace:    s.Namespace,
		Name:         s.Name,
		Type:         plain(string(s.Spec.Type), maxWord),
		ClusterIPs:   addrs(append([]string{s.Spec.ClusterIP}, s.Spec.ClusterIPs...)),
		Headless:     s.Spec.ClusterIP == corev1.ClusterIPNone,
		ExternalName: plain(s.Spec.ExternalName, maxWord),
		Distribution: distribution(s),
		Selector:     maps.Clone(s.Spec.Selector),

		ExternalLocal:   s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal,
		InternalLocal:   s.Spec.InternalTrafficPolicy != nil && *s.Spec.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyLocal,
		SessionAffinity: s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP,
		ExternalIPs:     addrs(s.Spec.ExternalIPs),
	}
	for _, family := range s.Spec.IPFamilies[:min(len(s.Spec.IPFamilies), maxFamilies)] {
		f.Families = append(f.Families, plain(string(family), maxWord))
	}
	for _, ingress := range s.Status.LoadBalancer.Ingress[:min(len(s.Status.LoadBalancer.Ingress), maxBalancers)] {
		if name := cmp.Or(ingress.IP, ingress.Hostname); name != "" {
			f.Balancers = append(f.Balancers, plain(name, maxWord))
		}
	}
	for _, p := range s.Spec.Ports {
		port, valid := portNumber(p.Port)
		if !valid {
			continue
		}
		nodePort, _ := portNumber(p.NodePort)
		f.Ports = append(f.Ports, facts.ServicePort{
			Name:        plain(p.Name, maxWord),
			Protocol:    protocol(p.Protocol),
			Port:        port,
			NodePort:    nodePort,
			TargetPort:  targetPort(p),
			AppProtocol: appProtocol(p.AppProtocol),
		})
	}
	slices.SortStableFunc(f.Ports, func(a, b facts.ServicePort) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
	})
	return f
}

// targetPort is the port behind a service port; the API defaults it to the same.
func targetPort(p corev1.ServicePort) string {
	if text := p.TargetPort.String(); text != "" && text != "0" {
		return plain(text, maxWord)
	}
	return "" // headless services and ExternalName need none
}

// endpoints merges the EndpointSlices of one service, as kube-proxy does: an address
// may stand in several slices (other ports, or while it moves from one to another),
// and each address family has its own.
func endpoints(list []*discoveryv1.EndpointSlice) []facts.Endpoint {
	// Pods on the host's network share an address, so the pod is part of the key.
	type key struct {
		addr netip.Addr
		pod  facts.Ref
	}
	merged := map[key]*facts.Endpoint{}
	for _, slice := range list {
		if slice.AddressType == discoveryv1.AddressTypeFQDN {
			continue // deprecated, and no proxy uses it
		}
		ports := endpointPorts(slice.Ports)
		for _, e := range slice.Endpoints {
			// All addresses of an endpoint are fungible, consumers use the first
			// (k8s.io/api/discovery/v1, Endpoint.Addresses).
			found := addrs(e.Addresses[:min(1, len(e.Addresses))])
			if len(found) == 0 {
				continue
			}
			one := endpoint(e, found[0])
			one.Slice, one.Writer = plain(slice.Name, maxWord), plain(slice.Labels[discoveryv1.LabelManagedBy], maxWord)
			k := key{addr: one.Addr}
			if one.Pod != nil {
				k.pod = *one.Pod
			}
			have, known := merged[k]
			if !known {
				one.Ports = slices.Clone(ports)
				merged[k] = &one
				continue
			}
			have.Ready = have.Ready || one.Ready
			have.Serving = have.Serving || one.Serving
			have.Terminating = have.Terminating && one.Terminating
			for _, p := range ports {
				if !slices.Contains(have.Ports, p) {
					have.Ports = append(have.Ports, p)
				}
			}
		}
	}
	var sorted []facts.Endpoint
	for _, e := range merged {
		slices.SortFunc(e.Ports, compareEndpointPorts)
		sorted = append(sorted, *e)
	}
	slices.SortFunc(sorted, func(a, b facts.Endpoint) int {
		return cmp.Or(a.Addr.Compare(b.Addr), strings.Compare(podName(a), podName(b)))
	})
	return sorted
}

func podName(e facts.Endpoint) string {
	if e.Pod == nil {
		return ""
	}
	return e.Pod.String()
}

// endpoint converts one endpoint, without its ports. A condition that is not set has
// the meaning that the API documents: ready when ready is unknown, serving like
// ready, not terminating (k8s.io/api/discovery/v1, EndpointConditions).
func endpoint(e discoveryv1.Endpoint, addr netip.Addr) facts.Endpoint {
	isSet := func(condition *bool, otherwise bool) bool {
		if condition == nil {
			return otherwise
		}
		return *condition
	}
	ready := isSet(e.Conditions.Ready, true)
	f := facts.Endpoint{
		Addr:        addr,
		Ready:       ready,
		Serving:     isSet(e.Conditions.Serving, ready),
		Terminating: isSet(e.Conditions.Terminating, false),
	}
	if e.NodeName != nil {
		f.Node = plain(*e.NodeName, maxWord)
	}
	if e.Zone != nil {
		f.Zone = plain(*e.Zone, maxWord)
	}
	if e.Hints != nil {
		for _, zone := range e.Hints.ForZones[:min(len(e.Hints.ForZones), maxHints)] {
			f.ZoneHints = append(f.ZoneHints, plain(zone.Name, maxWord))
		}
		for _, node := range e.Hints.ForNodes[:min(len(e.Hints.ForNodes), maxHints)] {
			f.NodeHints = append(f.NodeHints, plain(node.Name, maxWord))
		}
	}
	if ref := e.TargetRef; ref != nil && ref.Kind == "Pod" {
		f.Pod = &facts.Ref{Namespace: plain(ref.Namespace, maxWord), Name: plain(ref.Name, maxWord)}
		f.PodUID = plain(string(ref.UID), maxWord)
	}
	return f
}

func endpointPorts(list []discoveryv1.EndpointPort) []facts.EndpointPort {
	var ports []facts.EndpointPort
	for _, p := range list {
		if p.Port == nil {
			continue // "all ports": nothing that could be tried
		}
		number, valid := portNumber(*p.Port)
		if !valid {
			continue
		}
		port := facts.EndpointPort{Port: number, Protocol: facts.TCP, AppProtocol: appProtocol(p.AppProtocol)}
		if p.Name != nil {
			port.Name = plain(*p.Name, maxWord)
		}
		if p.Protocol != nil {
			port.Protocol = protocol(*p.Protocol)
		}
		ports = append(ports, port)
	}
	return ports
}

func compareEndpointPorts(a, b facts.EndpointPort) int {
	return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol), strings.Compare(a.Name, b.Name))
}

// protocol is the API's, which defaults to TCP.
func protocol(p corev1.Protocol) facts.Protocol {
	if p == "" {
		return facts.TCP
	}
	return facts.Protocol(plain(string(p), maxWord))
}

func appProtocol(p *string) string {
	if p == nil {
		return ""
	}
	return plain(*p, maxWord)
}
