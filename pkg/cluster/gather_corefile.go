package cluster

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// corednsConfig is where kubeadm and most distributions keep CoreDNS's configuration.
	corednsConfig = "coredns"
	// maxCorefile bounds it, in bytes.
	maxCorefile = 64 << 10
)

// corefile reads CoreDNS's configuration. Clusters with another DNS server have none,
// which is nothing to tell of.
func (g *gatherer) corefile(ctx context.Context) error {
	what := "the Corefile (configmap " + dnsNamespace + "/" + corednsConfig + ")"
	found, err := get(ctx, g.Client, "get "+what, func(ctx context.Context) (*corev1.ConfigMap, error) {
		return g.clientset.CoreV1().ConfigMaps(dnsNamespace).Get(ctx, corednsConfig, metav1.GetOptions{})
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return g.unread(ctx, what, err)
	}
	text := found.Data["Corefile"]
	g.facts.DNS.Corefile = text[:min(len(text), maxCorefile)]
	return nil
}
