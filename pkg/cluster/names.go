package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Bounds of the helpers for shell completion: a person waits for the TAB key.
const (
	completionTimeout = 2 * time.Second
	maxCompletions    = 200
	// maxScanned is how many objects are looked at for a prefix.
	maxScanned = 2000
)

// PodNames completes the names of pods in a namespace. It looks at a bounded number
// of pods for a bounded time; the error is for a log, a shell wants silence.
func (c *Client) PodNames(ctx context.Context, namespace, prefix string) ([]string, error) {
	return c.complete(ctx, "pods", namespace, prefix)
}

// ServiceNames is PodNames for services.
func (c *Client) ServiceNames(ctx context.Context, namespace, prefix string) ([]string, error) {
	return c.complete(ctx, "services", namespace, prefix)
}

// NodeNames is PodNames for nodes.
func (c *Client) NodeNames(ctx context.Context, prefix string) ([]string, error) {
	return c.complete(ctx, "nodes", "", prefix)
}

// Namespaces is PodNames for namespaces.
func (c *Client) Namespaces(ctx context.Context, prefix string) ([]string, error) {
	return c.complete(ctx, "namespaces", "", prefix)
}

func (c *Client) complete(ctx context.Context, resource, namespace, prefix string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	var names []string
	scanned := 0
	err := c.eachName(ctx, resource, namespace, metav1.ListOptions{}, func(object metav1.Object) error {
		if name := object.GetName(); strings.HasPrefix(name, prefix) {
			names = append(names, plain(name, maxWord))
		}
		if scanned++; scanned == maxScanned || len(names) == maxCompletions {
			return errEnough
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// eachName visits the metadata of the objects of a resource.
func (c *Client) eachName(ctx context.Context, resource, namespace string, opts metav1.ListOptions, visit func(metav1.Object) error) error {
	list, err := c.listerOf(resource, namespace)
	if err != nil {
		return err
	}
	return each(ctx, c, "list "+resource, opts, list, func(object runtime.Object) error {
		named, err := meta.Accessor(object)
		if err != nil {
			return err
		}
		return visit(named)
	})
}

// listerOf finds the list method for a resource by its plural name.
func (c *Client) listerOf(resource, namespace string) (lister[runtime.Object], error) {
	core, apps := c.clientset.CoreV1(), c.clientset.AppsV1()
	switch resource {
	case "pods":
		return untyped(core.Pods(namespace).List), nil
	case "services":
		return untyped(core.Services(namespace).List), nil
	case "nodes":
		return untyped(core.Nodes().List), nil
	case "namespaces":
		return untyped(core.Namespaces().List), nil
	case "deployments":
		return untyped(apps.Deployments(namespace).List), nil
	case "statefulsets":
		return untyped(apps.StatefulSets(namespace).List), nil
	case "daemonsets":
		return untyped(apps.DaemonSets(namespace).List), nil
	case "replicasets":
		return untyped(apps.ReplicaSets(namespace).List), nil
	case "jobs":
		return untyped(c.clientset.BatchV1().Jobs(namespace).List), nil
	}
	return nil, fmt.Errorf("list %s: no such resource is known here", resource)
}

func untyped[L runtime.Object](list lister[L]) lister[runtime.Object] {
	return func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		page, err := list(ctx, opts)
		if err != nil {
			return nil, err // not a nil *List in an interface
		}
		return page, nil
	}
}
