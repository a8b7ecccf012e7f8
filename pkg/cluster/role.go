package cluster

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// RoleOptions says for whom and where RoleYAML grants.
type RoleOptions struct {
	For Purpose
	// Namespace is that of the pods to look from, or of the targets of a node.
	Namespace string
	// ProbeNamespace is where node probes are created.
	ProbeNamespace string
	// User, Group and ServiceAccount ("name" in Namespace, or "namespace:name") are
	// the subjects bound; without any, only roles are printed, and a comment says
	// how to bind them.
	User, Group, ServiceAccount string
	// RequiredOnly leaves out the rights that a run can do without.
	RequiredOnly bool
}

// RoleYAML is what an admin applies to grant the rights of Rules: a Role for each
// namespace, a ClusterRole for nodes, and bindings for the subjects given.
func RoleYAML(opts RoleOptions) ([]byte, error) {
	subjects, err := opts.subjects()
	if err != nil {
		return nil, err
	}
	byNamespace := map[string][]Rule{}
	for _, rule := range Rules(opts.For) {
		if rule.Optional && opts.RequiredOnly {
			continue
		}
		namespace := rule.Scope.namespace(opts.Namespace, opts.ProbeNamespace)
		if namespace == "" && rule.Scope != Cluster {
			return nil, fmt.Errorf("write the role for %s: a namespace is missing", opts.For)
		}
		byNamespace[namespace] = append(byNamespace[namespace], rule)
	}
	if len(byNamespace) == 0 {
		return nil, fmt.Errorf("write a role for %q: it is one of %v", plain(string(opts.For), maxWord), Purposes())
	}
	var out bytes.Buffer
	how := "from a " + string(opts.For)
	if opts.For == ForAPI {
		how = "by the API alone"
	}
	fmt.Fprintf(&out, "# What kubectl netlook needs to diagnose %s.\n", how)
	for _, namespace := range sortedNamespaces(byNamespace) {
		if err := writeRole(&out, "netlook-"+string(opts.For), namespace, byNamespace[namespace], subjects); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// sortedNamespaces puts namespaces that hold required rights first, then sorts by
// name, so that the cluster-wide part ("") of optional rights comes last.
func sortedNamespaces(byNamespace map[string][]Rule) []string {
	var namespaces []string
	for namespace := range byNamespace {
		namespaces = append(namespaces, namespace)
	}
	rank := func(namespace string) int {
		switch {
		case len(Required(byNamespace[namespace])) > 0:
			return 0
		case namespace != "":
			return 1
		}
		return 2
	}
	slices.SortFunc(namespaces, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
	return namespaces
}

// writeRole writes one Role, or a ClusterRole when namespace is "", and its binding.
func writeRole(out *bytes.Buffer, name, namespace string, list []Rule, subjects []rbacv1.Subject) error {
	kind := "Role"
	if namespace == "" {
		kind = "ClusterRole"
	}
	out.WriteString("---\n")
	if len(Required(list)) == 0 {
		out.WriteString("# Optional: without it a run goes on and says what it could not read.\n")
	}
	head := func(kind string) (metav1.TypeMeta, metav1.ObjectMeta) {
		return metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind},
			metav1.ObjectMeta{Name: name, Namespace: namespace}
	}
	// A ClusterRole has the same fields, so that a Role serves to print both.
	role := rbacv1.Role{Rules: policyRules(list)}
	role.TypeMeta, role.ObjectMeta = head(kind)
	if err := writeYAML(out, role); err != nil {
		return err
	}
	if len(subjects) == 0 {
		where := " -n " + namespace
		if namespace == "" {
			where = ""
		}
		fmt.Fprintf(out, "# Bind it with: kubectl create %sbinding %s --%s=%s%s --user=NAME\n",
			strings.ToLower(kind), name, strings.ToLower(kind), name, where)
		return nil
	}
	out.WriteString("---\n")
	binding := rbacv1.RoleBinding{
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name},
		Subjects: subjects,
	}
	binding.TypeMeta, binding.ObjectMeta = head(kind + "Binding")
	return writeYAML(out, binding)
}

func writeYAML(out *bytes.Buffer, object any) error {
	text, err := yaml.Marshal(object)
	if err != nil {
		return fmt.Errorf("write the role: %w", err)
	}
	out.Write(text)
	return nil
}

// policyRules folds the verbs of each resource, in the order of the rights, then
// resources of one group with the same verbs.
func policyRules(list []Rule) []rbacv1.PolicyRule {
	var single []rbacv1.PolicyRule
	index := map[Rule]int{}
	for _, rule := range list {
		key := Rule{Group: rule.Group, Resource: rule.Resource, Name: rule.Name}
		i, known := index[key]
		if !known {
			i = len(single)
			index[key] = i
			policy := rbacv1.PolicyRule{APIGroups: []string{rule.Group}, Resources: []string{rule.Resource}}
			if rule.Name != "" {
				policy.ResourceNames = []string{rule.Name}
			}
			single = append(single, policy)
		}
		if !slices.Contains(single[i].Verbs, rule.Verb) {
			single[i].Verbs = append(single[i].Verbs, rule.Verb)
		}
	}
	var folded []rbacv1.PolicyRule
	for _, policy := range single {
		slices.Sort(policy.Verbs)
		i := slices.IndexFunc(folded, func(have rbacv1.PolicyRule) bool {
			return slices.Equal(have.APIGroups, policy.APIGroups) && slices.Equal(have.Verbs, policy.Verbs) &&
				slices.Equal(have.ResourceNames, policy.ResourceNames)
		})
		if i < 0 {
			folded = append(folded, policy)
			continue
		}
		folded[i].Resources = append(folded[i].Resources, policy.Resources...)
	}
	return folded
}

func (opts RoleOptions) subjects() ([]rbacv1.Subject, error) {
	var subjects []rbacv1.Subject
	if opts.User != "" {
		subjects = append(subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: opts.User})
	}
	if opts.Group != "" {
		subjects = append(subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: opts.Group})
	}
	if opts.ServiceAccount != "" {
		namespace, name, qualified := strings.Cut(opts.ServiceAccount, ":")
		if !qualified {
			namespace, name = opts.Namespace, opts.ServiceAccount
		}
		if err := checkNames("service account", namespace, name); err != nil {
			return nil, err
		}
		subjects = append(subjects, rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name})
	}
	return subjects, nil
}
