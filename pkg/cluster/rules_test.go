package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	authv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"
)

// reviewer answers SelfSubjectAccessReviews as allow says, and keeps the questions.
func reviewer(t *testing.T, allow func(*authv1.ResourceAttributes) (bool, error)) (*Client, func() []string) {
	c, clientset := newFake()
	var mu sync.Mutex
	var asked []string
	clientset.PrependReactor("create", "selfsubjectaccessreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		review, ok := a.(clienttesting.CreateAction).GetObject().(*authv1.SelfSubjectAccessReview)
		if !ok {
			t.Error("no review")
		}
		r := review.Spec.ResourceAttributes
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, strings.Join([]string{r.Verb, r.Group, r.Resource, r.Subresource, r.Name, r.Namespace}, " "))
		allowed, err := allow(r)
		return true, &authv1.SelfSubjectAccessReview{Status: authv1.SubjectAccessReviewStatus{Allowed: allowed}}, err
	})
	return c, func() []string { slices.Sort(asked); return asked }
}

func TestPreflightAsks(t *testing.T) {
	tests := []struct {
		access Access
		want   []string
	}{
		{Access{For: ForPod, Namespace: "shop", Pod: "web-0", SkipOptional: true}, []string{
			"create  pods attach web-0 shop",
			"get  pods  web-0 shop",
			"get  pods attach web-0 shop",
			"list  pods   shop",
			"patch  pods ephemeralcontainers web-0 shop",
			"watch  pods   shop",
		}},
		{Access{For: ForNode, Namespace: "shop", ProbeNamespace: "probes", SkipOptional: true}, []string{
			"create  pods   probes",
			"create  pods attach  probes",
			"delete  pods   probes",
			"get  nodes   ",
			"get  pods   probes",
			"get  pods attach  probes",
			"list  pods   probes",
			"watch  pods   probes",
		}},
		{Access{For: ForAPI, Namespace: "shop", SkipOptional: true}, []string{"get  pods   shop", "list  pods   shop"}},
	}
	for _, tt := range tests {
		t.Run(string(tt.access.For), func(t *testing.T) {
			c, asked := reviewer(t, func(*authv1.ResourceAttributes) (bool, error) { return true, nil })
			missing, err := c.Preflight(context.Background(), tt.access)
			if err != nil || len(missing) > 0 {
				t.Errorf("missing %v, error %v", missing, err)
			}
			if diff := cmp.Diff(tt.want, asked()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPreflightMissing(t *testing.T) {
	c, _ := reviewer(t, func(r *authv1.ResourceAttributes) (bool, error) {
		return r.Subresource != "ephemeralcontainers" && r.Resource != "nodes" && r.Resource != "configmaps", nil
	})
	missing, err := c.Preflight(context.Background(), Access{For: ForPod, Namespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, rule := range missing {
		got = append(got, rule.String())
	}
	want := []string{`patch pods/ephemeralcontainers in namespace "shop"`, `get configmaps/kube-root-ca.crt in namespace "shop"`, `get configmaps/coredns in namespace "kube-system"`, "get nodes", "list nodes"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if required := Required(missing); len(required) != 1 || required[0].Verb != "patch" {
		t.Errorf("required: %v", required)
	}
}

// In the namespace default, and with probes in the namespace of the targets, scopes
// fall together.
func TestPreflightAsksOnce(t *testing.T) {
	for _, purpose := range Purposes() {
		c, asked := reviewer(t, func(*authv1.ResourceAttributes) (bool, error) { return false, nil })
		missing, err := c.Preflight(context.Background(), Access{For: purpose, Namespace: "default", ProbeNamespace: "default"})
		if err != nil {
			t.Fatal(err)
		}
		questions := asked()
		if once := slices.Compact(slices.Clone(questions)); len(once) != len(questions) {
			t.Errorf("%s: asked twice: %q", purpose, questions)
		}
		if len(missing) != len(questions) {
			t.Errorf("%s: %d missing of %d", purpose, len(missing), len(questions))
		}
		for _, rule := range Required(Rules(purpose)) {
			rule.Namespace = rule.Scope.namespace("default", "default")
			if !slices.ContainsFunc(Required(missing), rule.sameRight) {
				t.Errorf("%s: %s has become optional", purpose, rule)
			}
		}
	}
}

func TestPreflightErrors(t *testing.T) {
	access := Access{For: ForPod, Namespace: "shop"}
	t.Run("reviews refused: unknown, so try", func(t *testing.T) {
		c, clientset := newFake()
		forbid(clientset, "create", "selfsubjectaccessreviews")
		if missing, err := c.Preflight(context.Background(), access); err != nil || len(missing) > 0 {
			t.Errorf("missing %v, error %v", missing, err)
		}
	})
	t.Run("context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		c, _ := reviewer(t, func(*authv1.ResourceAttributes) (bool, error) { cancel(); return false, context.Canceled })
		if _, err := c.Preflight(ctx, access); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("no cluster", func(t *testing.T) {
		c, err := New(kubeconfig(t, "https://127.0.0.1:1"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Preflight(context.Background(), access)
		expectError(t, err, ErrUnreachable, "connection refused")
	})
}

func TestRoleYAML(t *testing.T) {
	text, err := RoleYAML(RoleOptions{For: ForPod, Namespace: "shop", User: "jane@example.com", ServiceAccount: "ci:robot", RequiredOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	want := `# What kubectl netlook needs to diagnose from a pod.
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: netlook-pod
  namespace: shop
rules:
- apiGroups:
  - ""
  resources:
  - pods
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - ""
  resources:
  - pods/ephemeralcontainers
  verbs:
  - patch
- apiGroups:
  - ""
  resources:
  - pods/attach
  verbs:
  - create
  - get
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: netlook-pod
  namespace: shop
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: netlook-pod
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: User
  name: jane@example.com
- kind: ServiceAccount
  name: robot
  namespace: ci
`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever a purpose takes must be granted by its roles: both come from Rules, and
// this is what ties them.
func TestRolesGrantTheRules(t *testing.T) {
	for _, purpose := range Purposes() {
		t.Run(string(purpose), func(t *testing.T) {
			text, err := RoleYAML(RoleOptions{For: purpose, Namespace: "shop", ProbeNamespace: "probes", Group: "devs"})
			if err != nil {
				t.Fatal(err)
			}
			granted := map[string][]rbacv1.PolicyRule{}
			for document := range strings.SplitSeq(string(text), "---\n") {
				var role rbacv1.Role
				if err := yaml.UnmarshalStrict([]byte(document), &role); err != nil {
					continue // the comment at the top, and bindings
				}
				granted[role.Namespace] = role.Rules
			}
			for _, rule := range Rules(purpose) {
				namespace := rule.Scope.namespace("shop", "probes")
				if !slices.ContainsFunc(granted[namespace], func(p rbacv1.PolicyRule) bool {
					return slices.Contains(p.Verbs, rule.Verb) && slices.Contains(p.Resources, rule.Resource) &&
						slices.Contains(p.APIGroups, rule.Group) && (rule.Name == "" || slices.Contains(p.ResourceNames, rule.Name))
				}) {
					t.Errorf("not granted in %q: %s", namespace, rule)
				}
			}
		})
	}
}

func TestRoleYAMLErrors(t *testing.T) {
	for name, opts := range map[string]RoleOptions{
		"purpose":         {For: "pods", Namespace: "shop"},
		"namespace":       {For: ForPod},
		"probe namespace": {For: ForNode, Namespace: "shop"},
		"service account": {For: ForPod, Namespace: "shop", ServiceAccount: "a b"},
	} {
		if text, err := RoleYAML(opts); err == nil {
			t.Errorf("%s: accepted:\n%s", name, text)
		}
	}
	text, err := RoleYAML(RoleOptions{For: ForAPI, Namespace: "shop"})
	if err != nil || !strings.Contains(string(text), "# Bind it with: kubectl create rolebinding netlook-api --role=netlook-api -n shop --user=NAME") ||
		!strings.Contains(string(text), "# Bind it with: kubectl create clusterrolebinding netlook-api --clusterrole=netlook-api --user=NAME") {
		t.Errorf("error %v, no word on how to bind it:\n%s", err, text)
	}
}
