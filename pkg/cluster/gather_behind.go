package cluster

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// serviceBehind reads the service that a host is the name of, or an address the
// ClusterIP of: what it has no port for, nobody behind it can be blamed for. What may not
// be read is left out: it is help, and nothing rests on it.
func (g *gatherer) serviceBehind(ctx context.Context, t target.Target) *facts.Service {
	if t.Addr.IsValid() {
		return g.serviceAt(ctx, t.Addr.Unmap())
	}
	name, namespace, ok := asService(t.Host, g.namespace)
	if !ok {
		return nil
	}
	s, err := g.getService(ctx, facts.Ref{Namespace: namespace, Name: name})
	if err != nil {
		return nil
	}
	converted := serviceFacts(s)
	return &converted
}

// serviceAt finds a service by its ClusterIP: in all namespaces, or where those may not be
// listed in that of the vantage point. The API server picks it out (field label
// spec.clusterIP); what is left is looked through here.
func (g *gatherer) serviceAt(ctx context.Context, addr netip.Addr) *facts.Service {
	opts := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("spec.clusterIP", addr.String()).String()}
	for _, namespace := range []string{metav1.NamespaceAll, g.namespace} {
		var found *facts.Service
		looked := 0
		err := each(ctx, g.Client, "list services by ClusterIP", opts, g.clientset.CoreV1().Services(namespace).List, func(s *corev1.Service) error {
			if f := serviceFacts(s); slices.Contains(f.ClusterIPs, addr) {
				found = &f
				return errEnough
			}
			if looked++; looked == maxServicesRead {
				return errEnough
			}
			return nil
		})
		if found != nil || !errors.Is(err, ErrForbidden) {
			return found
		}
	}
	return nil
}
