package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	authv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Namespaces that every cluster has.
const (
	dnsNamespace     = "kube-system"
	defaultNamespace = metav1.NamespaceDefault
)

// maxConcurrent is how many requests one reading has in flight.
const maxConcurrent = 10

// Access says what Preflight asks for.
type Access struct {
	For Purpose
	// Namespace is that of the vantage pod, or of the targets of a node.
	Namespace string
	// Pod is the vantage pod, for Roles that name single pods; may be "".
	Pod string
	// ProbeNamespace is where a node probe is created.
	ProbeNamespace string
	// SkipOptional leaves out what a run can do without.
	SkipOptional bool
}

// Preflight asks the API server which of the rights a purpose takes are missing
// (SelfSubjectAccessReview), in the order of Rules. What it cannot find out counts
// as held: the attempt itself will tell. The error is one of not reaching the API
// server, or of ctx.
func (c *Client) Preflight(ctx context.Context, access Access) ([]Rule, error) {
	asked := access.questions()
	held := make([]bool, len(asked))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for i, rule := range asked {
		group.Go(func() (err error) {
			held[i], err = c.holds(groupCtx, rule, access.Pod)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var missing []Rule
	for i, rule := range asked {
		if !held[i] {
			missing = append(missing, rule)
		}
	}
	return missing, nil
}

// questions are the rules to ask about. Scopes may fall on the same namespace, and
// nothing is asked twice: the first of equal rules stays, required ones being first.
func (a Access) questions() []Rule {
	var asked []Rule
	for _, rule := range Rules(a.For) {
		if rule.Optional && a.SkipOptional {
			continue
		}
		rule.Namespace = rule.Scope.namespace(a.Namespace, a.ProbeNamespace)
		if !slices.ContainsFunc(asked, rule.sameRight) {
			asked = append(asked, rule)
		}
	}
	return asked
}

// sameRight reports whether two rules ask for the same, whatever they want it for.
func (r Rule) sameRight(other Rule) bool {
	return r.Verb == other.Verb && r.Group == other.Group && r.Resource == other.Resource &&
		r.Name == other.Name && r.Namespace == other.Namespace
}

// Required keeps those of the missing rights without which the purpose fails.
func Required(missing []Rule) []Rule {
	var required []Rule
	for _, rule := range missing {
		if !rule.Optional {
			required = append(required, rule)
		}
	}
	return required
}

// namespace is where a scope lies, "" for the whole cluster.
func (s Scope) namespace(target, probe string) string {
	switch s {
	case InTarget:
		return target
	case InProbe:
		return probe
	case InDNS:
		return dnsNamespace
	case InDefault:
		return defaultNamespace
	}
	return ""
}

func (c *Client) holds(ctx context.Context, rule Rule, pod string) (bool, error) {
	resource, subresource, _ := strings.Cut(rule.Resource, "/")
	name := rule.Name
	if rule.Scope == InTarget && resource == "pods" && (rule.Verb == "get" || subresource != "") {
		name = pod
	}
	review := &authv1.SelfSubjectAccessReview{Spec: authv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authv1.ResourceAttributes{
			Namespace:   rule.Namespace,
			Verb:        rule.Verb,
			Group:       rule.Group,
			Resource:    resource,
			Subresource: subresource,
			Name:        name,
		},
	}}
	answer, err := get(ctx, c, "ask whether you may "+rule.String(), func(ctx context.Context) (*authv1.SelfSubjectAccessReview, error) {
		return c.clientset.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	})
	switch {
	case err == nil:
		return answer.Status.Allowed, nil
	case ctx.Err() != nil, errors.Is(err, ErrUnreachable), errors.Is(err, ErrUnauthorized):
		return false, err
	}
	return true, nil // unknown: let the attempt tell
}
