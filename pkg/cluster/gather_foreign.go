package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// maxForeign is how many policies of one kind of another API are read.
const maxForeign = 100

// foreignKind is a kind of policy of another API: named where one exists, and not
// evaluated.
type foreignKind struct {
	group, resource, kind string
	namespaced            bool
	// selector is the field of its spec that selects pods as Kubernetes' own selectors do,
	// "" where that is written otherwise.
	selector string
}

var foreignKinds = []foreignKind{
	{"policy.networking.k8s.io", "adminnetworkpolicies", "AdminNetworkPolicy", false, ""},
	{"policy.networking.k8s.io", "baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy", false, ""},
	{"policy.networking.k8s.io", "clusternetworkpolicies", "ClusterNetworkPolicy", false, ""},
	{"cilium.io", "ciliumnetworkpolicies", "CiliumNetworkPolicy", true, "endpointSelector"},
	{"cilium.io", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy", false, "endpointSelector"},
	{"crd.projectcalico.org", "networkpolicies", "Calico's NetworkPolicy", true, ""},
	{"crd.projectcalico.org", "globalnetworkpolicies", "GlobalNetworkPolicy", false, ""},
	{"crd.antrea.io", "networkpolicies", "Antrea's NetworkPolicy", true, ""},
	{"crd.antrea.io", "clusternetworkpolicies", "Antrea's ClusterNetworkPolicy", false, ""},
}

// foreignPolicies reads the policies of other APIs that may hold for the flows: those of
// the namespaces at both ends, and those of the whole cluster. One list a kind that is
// served. It is a round of its own, since it reads what the others write.
func (g *gatherer) foreignPolicies(ctx context.Context) error {
	if g.facts.Vantage.Pod == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	groups, err := g.apiGroups(ctx)
	if err != nil {
		return g.unanswered(ctx, groupsServed, err) // NetworkPolicies were read all the same
	}
	for _, kind := range foreignKinds {
		i := slices.IndexFunc(groups.Groups, func(group metav1.APIGroup) bool { return group.Name == kind.group })
		if i < 0 {
			continue
		}
		// The versions of a group, the preferred one first, need not all have the same kinds:
		// AdminNetworkPolicy is of v1alpha1 only, ClusterNetworkPolicy of v1alpha2 only.
		for _, version := range versionsOf(groups.Groups[i]) {
			served, err := g.foreignOf(ctx, kind, version)
			if err != nil {
				return err
			}
			if served {
				break
			}
		}
	}
	return nil
}

func versionsOf(group metav1.APIGroup) []string {
	list := []string{group.PreferredVersion.Version}
	for _, v := range group.Versions[:min(len(group.Versions), maxGroupVersions)] {
		if !slices.Contains(list, v.Version) {
			list = append(list, v.Version)
		}
	}
	return list
}

// foreignOf reads the policies of a kind; served is false where this version of the API
// does not have it.
func (g *gatherer) foreignOf(ctx context.Context, kind foreignKind, version string) (served bool, err error) {
	client, err := g.dynamic()
	if err != nil {
		return true, g.unread(ctx, kind.kind, err)
	}
	resource := client.Resource(schema.GroupVersionResource{Group: kind.group, Version: version, Resource: kind.resource})
	namespaces := []string{""}
	if kind.namespaced {
		namespaces = g.policyNamespaces()
	}
	p := &g.facts.Policies
	for _, namespace := range namespaces {
		list, err := get(ctx, g.Client, "list "+kind.resource, func(ctx context.Context) (*unstructured.UnstructuredList, error) {
			return resource.Namespace(namespace).List(ctx, metav1.ListOptions{Limit: maxForeign})
		})
		var denied *denial
		switch {
		case errors.Is(err, ErrNotFound):
			return false, nil
		case errors.As(err, &denied):
			p.ForeignUnread = append(p.ForeignUnread, fmt.Sprintf("%s: may not be read (%s %s)", kind.kind, denied.verb, denied.resource))
			return true, nil
		case err != nil:
			return true, g.unread(ctx, kind.resource, err)
		}
		if len(list.Items) > 0 && kind.selector != "" {
			if err := g.foreignPods(ctx); err != nil {
				return true, err
			}
		}
		for _, object := range list.Items[:min(len(list.Items), maxForeign)] {
			p.Foreign = append(p.Foreign, g.foreign(kind, object))
		}
		if list.GetContinue() != "" {
			p.ForeignUnread = append(p.ForeignUnread, fmt.Sprintf("%s: more than the first %d", kind.kind, maxForeign))
		}
	}
	return true, nil
}

// policyNamespaces are those of both ends of the flows; that of the cluster's DNS is
// not, unless it is asked about.
func (g *gatherer) policyNamespaces() []string {
	names := []string{g.facts.Vantage.Pod.Namespace}
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, s := range g.facts.Services {
		add(s.Namespace)
	}
	for _, t := range g.facts.Targets {
		for _, pod := range t.Pods {
			add(pod.Namespace)
		}
	}
	return names
}

func (g *gatherer) foreign(kind foreignKind, object unstructured.Unstructured) facts.ForeignPolicy {
	f := facts.ForeignPolicy{Kind: kind.kind, Name: plain(object.GetName(), maxWord)}
	if kind.namespaced {
		f.Name = plain(object.GetNamespace(), maxWord) + "/" + f.Name
	}
	selector, ok := selectorIn(object, kind.selector)
	if !ok {
		return f
	}
	f.Known = true
	has := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(key string) bool {
			_, found, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", key)
			return found
		})
	}
	f.NotIn, f.NotOut = !has("ingress", "ingressDeny"), !has("egress", "egressDeny")
	pods := []facts.Pod{*g.facts.Vantage.Pod}
	for _, t := range g.facts.Targets {
		pods = append(pods, t.Pods...)
	}
	for _, s := range g.facts.Services {
		pods = append(pods, s.SelectedPods...)
	}
	for _, pod := range pods {
		here := !kind.namespaced || pod.Namespace == object.GetNamespace()
		if here && selector.Matches(labels.Set(pod.Labels)) && !slices.Contains(f.Selects, pod.Ref()) {
			f.Selects = append(f.Selects, pod.Ref())
		}
	}
	return f
}

// selectorIn reads a selector out of a policy's spec, false where it is none that this
// can evaluate: Cilium's may name where a label comes from ("k8s:app"), and then reserved
// ones and those of the namespace, which pods do not carry.
func selectorIn(object unstructured.Unstructured, field string) (labels.Selector, bool) {
	if field == "" {
		return nil, false
	}
	// A list of further rules, each with a selector of its own.
	if _, several, _ := unstructured.NestedFieldNoCopy(object.Object, "specs"); several {
		return nil, false
	}
	raw, found, err := unstructured.NestedMap(object.Object, "spec", field)
	if !found || err != nil {
		return nil, false
	}
	content, err := json.Marshal(raw)
	if err != nil {
		return nil, false
	}
	var read metav1.LabelSelector
	if json.Unmarshal(content, &read) != nil {
		return nil, false
	}
	kept := metav1.LabelSelector{MatchLabels: map[string]string{}}
	bare := func(key string) (string, bool) {
		source, rest, named := strings.Cut(key, ":")
		if !named {
			source, rest = "any", key
		}
		known := (source == "any" || source == "k8s") && !strings.HasPrefix(rest, "io.kubernetes.pod.") && !strings.HasPrefix(rest, "io.cilium.")
		return rest, known
	}
	for key, value := range read.MatchLabels {
		name, known := bare(key)
		if !known {
			return nil, false
		}
		kept.MatchLabels[name] = value
	}
	for _, e := range read.MatchExpressions {
		name, known := bare(e.Key)
		if !known {
			return nil, false
		}
		e.Key = name
		kept.MatchExpressions = append(kept.MatchExpressions, e)
	}
	selector, err := metav1.LabelSelectorAsSelector(&kept)
	return selector, err == nil
}

// foreignPods reads the pods behind the services in question, with which the selectors of
// policies are to be compared: once there are any, and each service's once.
func (g *gatherer) foreignPods(ctx context.Context) error {
	for i := range g.facts.Services {
		s := &g.facts.Services[i]
		if s.Asked == "" || s.SelectorRead || len(s.Selector) == 0 || s.Type == string(corev1.ServiceTypeExternalName) {
			continue
		}
		if err := g.selectedPods(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
