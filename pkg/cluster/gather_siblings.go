package cluster

import (
	"context"
	"maps"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

const (
	maxSiblings     = 5    // services with the same selector that are named
	maxServicesRead = 1000 // of a namespace that are looked through
)

// madeName is what controllers put behind the name of a workload to name its pods: the
// hash of a ReplicaSet and a random suffix, the suffix alone, or an ordinal (alphabet:
// k8s.io/apimachinery/pkg/util/rand).
var madeName = regexp.MustCompile(`(-[bcdfghjklmnpqrstvwxz2456789]{5,10})?-[bcdfghjklmnpqrstvwxz2456789]{5}$|-[0-9]+$`)

// severalFamilies guesses by the names of the pods whether endpoints are of several
// workloads, so that the pods need be read only then.
func severalFamilies(list []facts.Endpoint) bool {
	first := ""
	for _, e := range list {
		if e.Pod == nil {
			continue
		}
		family := madeName.ReplaceAllString(e.Pod.Name, "")
		if first != "" && family != first {
			return true
		}
		first = family
	}
	return false
}

func severalOwners(pods []facts.Pod) bool {
	return slices.ContainsFunc(pods, func(p facts.Pod) bool { return p.Owner != pods[0].Owner })
}

// siblingsOf reads which other services have the selector of this one. Without the right
// to list services that stays open.
func (g *gatherer) siblingsOf(ctx context.Context, s *facts.Service) {
	seen := 0
	_ = each(ctx, g.Client, "list services in "+s.Namespace, metav1.ListOptions{}, g.clientset.CoreV1().Services(s.Namespace).List, func(o *corev1.Service) error {
		if seen++; seen > maxServicesRead || len(s.Siblings) == maxSiblings {
			return errEnough
		}
		if o.Name != s.Name && maps.Equal(o.Spec.Selector, s.Selector) && o.Spec.Type != corev1.ServiceTypeExternalName {
			s.Siblings = append(s.Siblings, plain(o.Name, maxWord))
		}
		return nil
	})
}
