package cluster

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/netlook/kubectl-netlook/pkg/target"
)

func TestPodAndNode(t *testing.T) {
	c, clientset := newFake(shop()...)
	p, err := c.Pod(context.Background(), "shop", "web-0")
	if err != nil || p.Name != "web-0" {
		t.Errorf("pod %v, error %v", p, err)
	}
	n, err := c.Node(context.Background(), "w1")
	if err != nil || n.Name != "w1" {
		t.Errorf("node %v, error %v", n, err)
	}
	if len(clientset.Actions()) != 2 {
		t.Errorf("two reads take two requests, not %d", len(clientset.Actions()))
	}
}

func TestNotFound(t *testing.T) {
	objects := append(shop(), &corev1.Namespace{ObjectMeta: objectMeta("", "shop")}, &corev1.Namespace{ObjectMeta: objectMeta("", "stage")},
		pod("stage", "only-here", "w1", "10.244.1.77"), pod("stage", "twice", "w1", "10.244.1.78"), pod("kube-system", "twice", "w1", "10.244.1.79"))
	tests := []struct {
		name, namespace, pod, forbid, want string
	}{
		{"typing mistake", "shop", "wbe-0", "", `pod "wbe-0" not found in namespace "shop": did you mean web-0?`},
		{"workload's name", "shop", "web", "", "did you mean web-0 or web-1?"},
		{"nothing near", "shop", "zzzzzz", "", `pod "zzzzzz" not found in namespace "shop"; see kubectl get pods -n shop`},
		{"in one other namespace", "shop", "only-here", "", `but there is one in "stage" (-n stage)`},
		{"in two other namespaces", "shop", "twice", "", `but there are some in "kube-system" and "stage" (-n kube-system)`},
		{"namespace", "shpo", "web-0", "", `namespace "shpo" does not exist: did you mean shop?`},
		{"namespace, nothing near", "zzzzzz", "zzz-0", "", `namespace "zzzzzz" does not exist; see kubectl get namespaces`},
		{"may not list", "shop", "wbe-0", "list", `pod "wbe-0" not found in namespace "shop"; see`},
		{"hostile name", "shop", "../../secrets", "", "is no name of a pod"},
		{"hostile namespace", "a/b", "web-0", "", "is no name of a namespace"},
		{"escape", "shop", "\x1b[31m", "", "is no name of a pod"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, clientset := newFake(objects...)
			if tt.forbid != "" {
				forbid(clientset, tt.forbid, "*")
			}
			_, err := c.Pod(context.Background(), tt.namespace, tt.pod)
			expectError(t, err, ErrNotFound, tt.want)
		})
	}
	c, _ := newFake(objects...)
	_, err := c.Node(context.Background(), "w11")
	expectError(t, err, ErrNotFound, `node "w11" not found: did you mean w1`)
}

// A name mistyped in a huge namespace costs a few pages, not the namespace.
func TestSuggestionsAreBounded(t *testing.T) {
	const path = "/api/v1/namespaces/shop/pods"
	server := &apiServer{t: t, lists: map[string][]runtime.Object{}, gets: map[string]runtime.Object{
		"/api/v1/namespaces/shop": &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: objectMeta("", "shop")},
	}}
	for i := range 5000 {
		server.lists[path] = append(server.lists[path], pod("shop", fmt.Sprintf("web-%04d", i), "w1", ""))
	}
	_, err := server.client().Pod(context.Background(), "shop", "web-00000")
	expectError(t, err, ErrNotFound, "did you mean web-0000")
	// One page is looked at; the pager may have asked for the next one meanwhile.
	if asked := server.asked(path); len(asked) > 2 {
		t.Errorf("%d pages were asked for", len(asked))
	}
}

func TestCompletion(t *testing.T) {
	c, clientset := newFake(append(shop(), &corev1.Namespace{ObjectMeta: objectMeta("", "shop")})...)
	ctx := context.Background()
	tests := []struct {
		name string
		do   func() ([]string, error)
		want []string
	}{
		{"pods", func() ([]string, error) { return c.PodNames(ctx, "shop", "web") }, []string{"web-0", "web-1"}},
		{"all pods", func() ([]string, error) { return c.PodNames(ctx, "shop", "") }, []string{"db-0", "web-0", "web-1"}},
		{"services", func() ([]string, error) { return c.ServiceNames(ctx, "shop", "") }, []string{"other", "web"}},
		{"nodes", func() ([]string, error) { return c.NodeNames(ctx, "w") }, []string{"w1", "w2"}},
		{"namespaces", func() ([]string, error) { return c.Namespaces(ctx, "s") }, []string{"shop"}},
		{"nothing", func() ([]string, error) { return c.PodNames(ctx, "shop", "x") }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.do()
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
	forbid(clientset, "list", "*")
	if _, err := c.PodNames(ctx, "shop", ""); err == nil || !strings.Contains(err.Error(), "may not list pods") {
		t.Errorf("error %v", err)
	}
}

func TestCompletionIsBounded(t *testing.T) {
	const path = "/api/v1/nodes"
	server := &apiServer{t: t, lists: map[string][]runtime.Object{}}
	for i := range 5000 {
		server.lists[path] = append(server.lists[path], node(fmt.Sprintf("n%04d", i), "172.18.0.3"))
	}
	names, err := server.client().NodeNames(context.Background(), "zzz")
	if err != nil || len(names) > 0 {
		t.Errorf("names %v, error %v", names, err)
	}
	if asked := server.asked(path); len(asked) > maxScanned/pageSize+1 {
		t.Errorf("%d pages were asked for", len(asked))
	}
	names, err = server.client().NodeNames(context.Background(), "n")
	if err != nil || len(names) != maxCompletions {
		t.Errorf("%d names, error %v", len(names), err)
	}
}

// TestTargetElsewhere: a target of another namespace is named as one, for -n is the
// place to look from.
func TestTargetElsewhere(t *testing.T) {
	objects := append(shop(), &corev1.Namespace{ObjectMeta: objectMeta("", "shop")}, service("faults", "ledger", "10.96.7.40"), service("a", "twice", "10.96.7.41"), service("b", "twice", "10.96.7.42"))
	for typed, want := range map[string]string{
		"svc/ledger": `service "ledger" not found in namespace "shop", but there is one in "faults" (svc/faults/ledger)`,
		"svc/twice":  `service "twice" not found in namespace "shop", but there are some in "a" and "b" (svc/a/twice)`,
		"svc/wep":    `service "wep" not found in namespace "shop": did you mean web?`,
	} {
		t.Run(typed, func(t *testing.T) {
			c, _ := newFake(objects...)
			parsed, err := target.Parse(typed)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Gather(context.Background(), Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3"), Targets: []target.Target{parsed}})
			expectError(t, err, ErrNotFound, want)
		})
	}
}
