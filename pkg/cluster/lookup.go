package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/netlook/kubectl-netlook/pkg/target/nearest"
)

// Bounds of the search for what a person may have meant. It happens after a
// failure, so it must neither be slow nor cost the API server much.
const (
	suggestTimeout = 3 * time.Second
	maxCandidates  = pageSize
	maxSuggestions = 3
)

// Pod reads a pod for a vantage point. Its errors name the next step: what may have
// been meant when there is no such pod, the Role to ask for when it may not be read.
func (c *Client) Pod(ctx context.Context, namespace, name string) (*corev1.Pod, error) {
	if err := checkNames("pod", namespace, name); err != nil {
		return nil, err
	}
	pod, err := get(ctx, c, fmt.Sprintf("get pod %s/%s", namespace, name), func(ctx context.Context) (*corev1.Pod, error) {
		return c.clientset.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	})
	if err != nil {
		return nil, c.unlock(c.missing(ctx, object{"pods", namespace, name}, err), ForPod, namespace)
	}
	return pod, nil
}

// Node reads a node for a vantage point, with errors like those of Pod.
func (c *Client) Node(ctx context.Context, name string) (*corev1.Node, error) {
	if err := checkNames("node", "", name); err != nil {
		return nil, err
	}
	node, err := get(ctx, c, "get node "+name, func(ctx context.Context) (*corev1.Node, error) {
		return c.clientset.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	})
	if err != nil {
		return nil, c.unlock(c.missing(ctx, object{"nodes", "", name}, err), ForNode, "")
	}
	return node, nil
}

// checkNames refuses names that cannot exist before they become part of a path.
func checkNames(word, namespace, name string) error {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return problemf(ErrNotFound, "%q is no name of a %s: lower case letters, digits, '-' and '.'", plain(name, maxWord), word)
	}
	if namespace != "" && len(validation.IsDNS1123Label(namespace)) > 0 {
		return problemf(ErrNotFound, "%q is no name of a namespace: lower case letters, digits and '-'", plain(namespace, maxWord))
	}
	return nil
}

// unlock adds to a refusal what an admin would have to apply.
func (c *Client) unlock(err error, purpose Purpose, namespace string) error {
	if !errors.Is(err, ErrForbidden) {
		return err
	}
	return fmt.Errorf("%w; to unlock, ask an admin for: %s", err, c.unlocking(err, purpose, namespace))
}

// unlocking is what an admin types after a refusal.
func (c *Client) unlocking(err error, purpose Purpose, namespace string) string {
	scope := " -n " + cmp.Or(namespace, c.namespace)
	var denied *denial
	if errors.As(err, &denied) && denied.user != "" {
		scope += " --user " + shellescape.Quote(denied.user)
	}
	return fmt.Sprintf("kubectl netlook rbac --for %s%s | kubectl apply -f -", purpose, scope)
}

// object names an object by its resource.
type object struct {
	resource, namespace, name string // namespace is "" for a node
}

// word is the resource in the singular, as people write it.
func (o object) word() string { return strings.TrimSuffix(o.resource, "s") }

// short is the word of a target.
func (o object) short() string {
	if o.resource == "services" {
		return "svc"
	}
	return o.word()
}

// digits reports whether a name is a number, as a port is that was put behind a slash.
func digits(name string) bool {
	return name != "" && strings.Trim(name, "0123456789") == ""
}

// missing replaces a not-found error by one that says what may have been meant.
// Other errors pass unchanged.
func (c *Client) missing(ctx context.Context, o object, err error) error {
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return &problem{kind: ErrNotFound, cause: err, text: c.missingText(ctx, o, func(namespace string) string { return "-n " + namespace })}
}

// missingTarget is missing for a target, whose namespace is not the one of -n.
func (c *Client) missingTarget(ctx context.Context, o object, err error) error {
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return &problem{kind: ErrNotFound, cause: err, text: c.missingText(ctx, o, func(namespace string) string { return o.short() + "/" + namespace + "/" + o.name })}
}

// unknownNamespace is the error for a namespace that does not exist.
func (c *Client) unknownNamespace(ctx context.Context, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, suggestTimeout)
	defer cancel()
	if near := c.nearNames(ctx, "namespaces", "", namespace); len(near) > 0 {
		return problemf(ErrNotFound, "namespace %q does not exist: did you mean %s?", namespace, anyOf(near))
	}
	return problemf(ErrNotFound, "namespace %q does not exist; see kubectl get namespaces", namespace)
}

// CheckNamespace says what may have been meant by a namespace that does not exist: nil
// where it does, or where that may not be read.
func (c *Client) CheckNamespace(ctx context.Context, namespace string) error {
	if namespace == "" || !c.noNamespace(ctx, namespace) {
		return nil
	}
	return c.unknownNamespace(ctx, namespace)
}

// missingText says what may have been meant; way is how an object of another namespace
// is asked for.
func (c *Client) missingText(ctx context.Context, o object, way func(namespace string) string) string {
	ctx, cancel := context.WithTimeout(ctx, suggestTimeout)
	defer cancel()
	var (
		noNamespace bool
		namespaces  []string
		elsewhere   []string
		near        []string
		group       errgroup.Group
	)
	// Whatever of this is not allowed or takes too long is simply not suggested.
	group.Go(func() error { near = c.nearNames(ctx, o.resource, o.namespace, o.name); return nil })
	if o.namespace != "" {
		group.Go(func() error { elsewhere = c.otherNamespaces(ctx, o); return nil })
		group.Go(func() error {
			if noNamespace = c.noNamespace(ctx, o.namespace); noNamespace {
				namespaces = c.nearNames(ctx, "namespaces", "", o.namespace)
			}
			return nil
		})
	}
	_ = group.Wait() // no function above returns an error

	found := fmt.Sprintf("%s %q not found", o.word(), o.name)
	if o.namespace != "" {
		found = fmt.Sprintf("%s %q not found in namespace %q", o.word(), o.name, o.namespace)
	}
	switch {
	case noNamespace && digits(o.name):
		return fmt.Sprintf("namespace %q does not exist; if %s is a port: %s/%s:%s", o.namespace, o.name, o.short(), o.namespace, o.name)
	case noNamespace && len(namespaces) > 0:
		return fmt.Sprintf("namespace %q does not exist: did you mean %s?", o.namespace, anyOf(namespaces))
	case noNamespace && len(elsewhere) == 1:
		return fmt.Sprintf("namespace %q does not exist, but there is a %s %q in namespace %q (%s)", o.namespace, o.word(), o.name, elsewhere[0], way(elsewhere[0]))
	case noNamespace:
		return fmt.Sprintf("namespace %q does not exist; see kubectl get namespaces", o.namespace)
	case len(elsewhere) == 1:
		return fmt.Sprintf("%s, but there is one in %q (%s)", found, elsewhere[0], way(elsewhere[0]))
	case len(near) > 0:
		return fmt.Sprintf("%s: did you mean %s?", found, anyOf(near))
	case len(elsewhere) > 1:
		return fmt.Sprintf("%s, but there are some in %q and %q (%s)", found, elsewhere[0], elsewhere[1], way(elsewhere[0]))
	case o.namespace != "":
		return fmt.Sprintf("%s; see kubectl get %s -n %s", found, o.resource, o.namespace)
	}
	return fmt.Sprintf("%s; see kubectl get %s", found, o.resource)
}

// nearNames are the names that resemble name, of one page of the resource.
func (c *Client) nearNames(ctx context.Context, resource, namespace, name string) []string {
	var names []string
	err := c.eachName(ctx, resource, namespace, metav1.ListOptions{}, func(o metav1.Object) error {
		if names = append(names, plain(o.GetName(), maxWord)); len(names) == maxCandidates {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return nearest.Of(name, names, maxSuggestions)
}

// otherNamespaces lists up to two namespaces that hold an object of that very name.
// The API server filters, so that the answer is small on any cluster.
func (c *Client) otherNamespaces(ctx context.Context, o object) []string {
	var namespaces []string
	opts := metav1.ListOptions{FieldSelector: "metadata.name=" + o.name, Limit: 2}
	err := c.eachName(ctx, o.resource, "", opts, func(found metav1.Object) error {
		if found.GetName() != o.name || found.GetNamespace() == o.namespace {
			return nil
		}
		if namespaces = append(namespaces, plain(found.GetNamespace(), maxWord)); len(namespaces) == 2 {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return namespaces
}

// noNamespace reports whether the namespace certainly does not exist.
func (c *Client) noNamespace(ctx context.Context, namespace string) bool {
	_, err := get(ctx, c, "get namespace "+namespace, func(ctx context.Context) (*corev1.Namespace, error) {
		return c.clientset.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	})
	return errors.Is(err, ErrNotFound)
}
