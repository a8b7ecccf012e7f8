package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// dnsLabel marks the cluster's DNS service, whatever its name (kubeadm, RKE2, k3s,
// the managed clusters).
const dnsLabel = "k8s-app=kube-dns"

// otherDNS are DNS services without that label, in the order they are tried.
var otherDNS = []facts.Ref{
	{Namespace: "openshift-dns", Name: "dns-default"},
	{Namespace: dnsNamespace, Name: "kube-dns"},
	{Namespace: dnsNamespace, Name: "coredns"},
}

// apiServer reads default/kubernetes and the API servers behind it.
func (g *gatherer) apiServer(ctx context.Context) error {
	service, err := g.service(ctx, facts.Ref{Namespace: defaultNamespace, Name: "kubernetes"})
	if err != nil {
		return g.unread(ctx, "service default/kubernetes", err)
	}
	g.facts.API.Service = &service
	return nil
}

// dns finds the cluster's DNS service and reads the servers behind it.
func (g *gatherer) dns(ctx context.Context) error {
	service, err := g.findDNS(ctx)
	switch {
	case err != nil:
		return g.unread(ctx, "the cluster's DNS service", err)
	case service == nil:
		g.note("the cluster's DNS service: none found (%s in %s, nor a usual name)", dnsLabel, dnsNamespace)
		return nil
	}
	if err := g.fillEndpoints(ctx, service); err != nil {
		return err
	}
	g.facts.DNS.Service = service
	return nil
}

// findDNS returns the DNS service without endpoints, nil when there is none.
func (g *gatherer) findDNS(ctx context.Context) (*facts.Service, error) {
	var candidates []facts.Service
	opts := metav1.ListOptions{LabelSelector: dnsLabel}
	refused := each(ctx, g.Client, "list services in "+dnsNamespace, opts, g.clientset.CoreV1().Services(dnsNamespace).List, func(s *corev1.Service) error {
		if f := serviceFacts(s); servesDNS(f) {
			candidates = append(candidates, f)
		}
		return nil
	})
	if len(candidates) > 0 {
		best := bestDNS(candidates)
		return &best, nil
	}
	if refused != nil && !errors.Is(refused, ErrForbidden) {
		return nil, refused
	}
	for _, ref := range otherDNS {
		s, err := g.getService(ctx, ref)
		if err == nil {
			f := serviceFacts(s)
			return &f, nil
		}
		// A namespace that does not exist is often forbidden rather than not found:
		// only the refusal of the list itself is worth telling.
		if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrForbidden) {
			return nil, err
		}
	}
	return nil, refused
}

func servesDNS(s facts.Service) bool {
	return slices.ContainsFunc(s.Ports, func(p facts.ServicePort) bool { return p.Port == 53 }) && !s.Headless
}

// bestDNS prefers the usual name: NodeLocal DNSCache adds kube-dns-upstream, with
// the same label, in front of the same servers.
func bestDNS(candidates []facts.Service) facts.Service {
	for _, s := range candidates {
		if s.Name == "kube-dns" {
			return s
		}
	}
	return slices.MinFunc(candidates, func(a, b facts.Service) int {
		if len(a.Name) != len(b.Name) {
			return len(a.Name) - len(b.Name)
		}
		return slices.Compare([]byte(a.Name), []byte(b.Name))
	})
}

// ownServices reads the services that select the vantage pod. Selectors cannot be
// searched for, so that all services of its namespace are looked through.
func (g *gatherer) ownServices(ctx context.Context) error {
	podLabels := labels.Set(g.req.Pod.Labels)
	var found []facts.Service
	err := each(ctx, g.Client, "list services in "+g.namespace, metav1.ListOptions{}, g.clientset.CoreV1().Services(g.namespace).List, func(s *corev1.Service) error {
		if !selects(s, podLabels) {
			return nil
		}
		if len(found) == maxOwnServices {
			g.note("services in namespace %s: only the first %d that select the pod are tested", g.namespace, maxOwnServices)
			return errEnough
		}
		found = append(found, serviceFacts(s))
		return nil
	})
	if err != nil {
		return g.unread(ctx, "services in namespace "+g.namespace, err)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for i := range found {
		group.Go(func() error { return g.fillEndpoints(groupCtx, &found[i]) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.facts.Services = append(g.facts.Services, found...)
	return nil
}

// selects reports whether the service's endpoints come from pods with these labels.
// One without a selector is maintained by hand, and an ExternalName ignores it.
func selects(s *corev1.Service, pod labels.Set) bool {
	return len(s.Spec.Selector) > 0 && s.Spec.Type != corev1.ServiceTypeExternalName &&
		labels.SelectorFromSet(s.Spec.Selector).Matches(pod)
}

// service reads a service and its endpoints at once.
func (g *gatherer) service(ctx context.Context, ref facts.Ref) (facts.Service, error) {
	var (
		read  *corev1.Service
		ends  facts.Service
		group errgroup.Group
	)
	ends.Namespace, ends.Name = ref.Namespace, ref.Name
	group.Go(func() (err error) { read, err = g.getService(ctx, ref); return err })
	group.Go(func() error { return g.fillEndpoints(ctx, &ends) })
	if err := group.Wait(); err != nil {
		return facts.Service{}, err
	}
	service := serviceFacts(read)
	service.Endpoints, service.EndpointsUnknown = ends.Endpoints, ends.EndpointsUnknown
	return service, nil
}

func (c *Client) getService(ctx context.Context, ref facts.Ref) (*corev1.Service, error) {
	return get(ctx, c, "get service "+ref.String(), func(ctx context.Context) (*corev1.Service, error) {
		return c.clientset.CoreV1().Services(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	})
}

// fillEndpoints reads the endpoints of s. A refusal becomes a note and marks s.
func (g *gatherer) fillEndpoints(ctx context.Context, s *facts.Service) error {
	found, cut, err := g.endpointsOf(ctx, s.Ref())
	if cut {
		g.note("endpoints of service %s: only those of the first %d slices were read", s.Ref(), maxSlices)
	}
	if err != nil {
		s.EndpointsUnknown = true
		return g.unread(ctx, fmt.Sprintf("endpointslices in namespace %s", s.Namespace), err)
	}
	s.Endpoints = found
	return nil
}

// endpointsOf reads the endpoints of a service as they are now; cut says that there are
// more slices than are read.
func (c *Client) endpointsOf(ctx context.Context, service facts.Ref) (list []facts.Endpoint, cut bool, err error) {
	var found []*discoveryv1.EndpointSlice
	selector := labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service.Name})
	opts := metav1.ListOptions{LabelSelector: selector.String()}
	read := c.clientset.DiscoveryV1().EndpointSlices(service.Namespace).List
	err = each(ctx, c, "list endpointslices of service "+service.String(), opts, read, func(slice *discoveryv1.EndpointSlice) error {
		if len(found) == maxSlices {
			cut = true
			return errEnough
		}
		found = append(found, slice)
		return nil
	})
	return endpoints(found), cut, err
}

// fewEndpoints is up to how many endpoints the pods of a service that is walked are read,
// to compare their ports with the service's.
const fewEndpoints = 100

// needsSelectedPods reports whether the pods behind a service are worth reading: to
// explain that none is ready, that a ready one lacks a port by its name, that some are of
// another workload, or that none declares the port that the service that is walked sends
// to.
func needsSelectedPods(s *facts.Service, walk facts.Ref) bool {
	if len(s.Selector) == 0 || s.Type == string(corev1.ServiceTypeExternalName) || s.EndpointsUnknown {
		return false
	}
	ready := s.Ready()
	if len(ready) == 0 || s.Asked != "" && severalFamilies(ready) || s.Ref() == walk && len(s.Endpoints) <= fewEndpoints {
		return true
	}
	for _, port := range s.Ports {
		if _, err := strconv.Atoi(port.TargetPort); err == nil || port.TargetPort == "" {
			continue
		}
		for _, e := range ready {
			if !slices.ContainsFunc(e.Ports, func(p facts.EndpointPort) bool { return p.Name == port.Name }) {
				return true
			}
		}
	}
	return false
}

// selectedPods reads the pods that the service selects.
func (g *gatherer) selectedPods(ctx context.Context, s *facts.Service) error {
	pods := []facts.Pod{}
	opts := metav1.ListOptions{LabelSelector: labels.SelectorFromSet(s.Selector).String()}
	list := g.clientset.CoreV1().Pods(s.Namespace).List
	err := each(ctx, g.Client, "list pods of service "+s.Ref().String(), opts, list, func(p *corev1.Pod) error {
		if len(pods) == maxSelectedPods {
			g.note("pods of service %s: only the first %d were read", s.Ref(), maxSelectedPods)
			s.SelectedCut = true
			return errEnough
		}
		pods = append(pods, podFacts(p))
		return nil
	})
	if err != nil {
		return g.unread(ctx, "pods in namespace "+s.Namespace, err)
	}
	sortPods(pods)
	s.SelectedPods, s.SelectorRead = pods, true
	if len(pods) == 0 {
		g.workloadsOf(ctx, s)
	}
	if severalOwners(pods) {
		g.siblingsOf(ctx, s)
	}
	return nil
}

// workloadsOf reads which workloads would make pods for a service that has none: scaled
// to zero is another trouble than a selector that fits nobody. Without the right to list
// them that stays open.
func (g *gatherer) workloadsOf(ctx context.Context, s *facts.Service) {
	fits := labels.SelectorFromSet(s.Selector)
	add := func(kind, name string, pod map[string]string, replicas *int32) {
		if fits.Matches(labels.Set(pod)) && len(s.Workloads) < maxWorkloads {
			w := facts.Workload{Kind: kind, Name: plain(name, maxWord), Replicas: 1}
			if replicas != nil {
				w.Replicas = *replicas
			}
			s.Workloads = append(s.Workloads, w)
		}
	}
	_ = each(ctx, g.Client, "list deployments", metav1.ListOptions{}, g.clientset.AppsV1().Deployments(s.Namespace).List, func(d *appsv1.Deployment) error {
		add("deployment", d.Name, d.Spec.Template.Labels, d.Spec.Replicas)
		return nil
	})
	_ = each(ctx, g.Client, "list statefulsets", metav1.ListOptions{}, g.clientset.AppsV1().StatefulSets(s.Namespace).List, func(d *appsv1.StatefulSet) error {
		add("statefulset", d.Name, d.Spec.Template.Labels, d.Spec.Replicas)
		return nil
	})
}
