package cluster

import (
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	fakediscovery "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/dynamic"
	fakedynamic "k8s.io/client-go/dynamic/fake"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestSelectorIn(t *testing.T) {
	for _, tt := range []struct {
		name, spec string
		known, web bool
	}{
		{"bare labels", `{"endpointSelector": {"matchLabels": {"app": "web"}}}`, true, true},
		{"labels with their source", `{"endpointSelector": {"matchLabels": {"k8s:app": "web"}}}`, true, true},
		{"of other pods", `{"endpointSelector": {"matchLabels": {"any:app": "db"}}}`, true, false},
		{"all pods", `{"endpointSelector": {}}`, true, true},
		{"an expression", `{"endpointSelector": {"matchExpressions": [{"key": "k8s:app", "operator": "NotIn", "values": ["web"]}]}}`, true, false},
		{"a reserved label", `{"endpointSelector": {"matchLabels": {"reserved:host": ""}}}`, false, false},
		{"a label of the namespace", `{"endpointSelector": {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "x"}}}`, false, false},
		{"of nodes", `{"nodeSelector": {}}`, false, false},
		{"no selector at all", `{}`, false, false},
		{"nonsense", `{"endpointSelector": "web"}`, false, false},
		{"a broken operator", `{"endpointSelector": {"matchExpressions": [{"key": "app", "operator": "Like", "values": ["web"]}]}}`, false, false},
		{"further rules beside it", `{"endpointSelector": {"matchLabels": {"app": "db"}}}, "specs": [{"endpointSelector": {}}]`, false, false},
	} {
		var object map[string]any
		if err := json.Unmarshal([]byte(`{"spec": `+tt.spec+`}`), &object); err != nil {
			t.Fatal(err)
		}
		selector, known := selectorIn(unstructured.Unstructured{Object: object}, "endpointSelector")
		if known != tt.known || known && selector.Matches(labels.Set{"app": "web"}) != tt.web {
			t.Errorf("%s: known %v, selector %v", tt.name, known, selector)
		}
	}
}

// TestGatherForeign: policies of another API are read where it is served, and what they
// select is told.
func TestGatherForeign(t *testing.T) {
	client := pod("shop", "client", "w2", "10.244.2.50")
	c, clientset := newFake(append(shop(), client)...)
	clientset.Discovery().(*fakediscovery.FakeDiscovery).Resources = []*metav1.APIResourceList{{GroupVersion: "cilium.io/v2"}}
	scheme := runtime.NewScheme()
	dyn := fakedynamic.NewSimpleDynamicClientWithCustomListKinds(scheme, map[schema.GroupVersionResource]string{
		{Group: "cilium.io", Version: "v2", Resource: "ciliumnetworkpolicies"}:            "CiliumNetworkPolicyList",
		{Group: "cilium.io", Version: "v2", Resource: "ciliumclusterwidenetworkpolicies"}: "CiliumClusterwideNetworkPolicyList",
	}, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
		"metadata": map[string]any{"namespace": "shop", "name": "locked"},
		"spec":     map[string]any{"endpointSelector": map[string]any{"matchLabels": map[string]any{"app": "client"}}, "ingress": []any{map[string]any{}}},
	}})
	c.dynamic = func() (dynamic.Interface, error) { return dyn, nil }
	f := gather(t, c, Request{Pod: client, Targets: targets(t, "svc/web")})
	if len(f.Policies.Foreign) != 1 {
		t.Fatalf("%+v, unread %q, notes %q", f.Policies.Foreign, f.Policies.ForeignUnread, f.Notes)
	}
	got := f.Policies.Foreign[0]
	if got.String() != "CiliumNetworkPolicy shop/locked" || !got.Known || !got.MaySelect(facts.Ref{Namespace: "shop", Name: "client"}) || got.MaySelect(facts.Ref{Namespace: "shop", Name: "web-0"}) {
		t.Errorf("%+v", got)
	}
	client1, web := facts.Ref{Namespace: "shop", Name: "client"}, facts.Ref{Namespace: "shop", Name: "web-0"}
	if got.MayDeny(client1, web) || !got.MayDeny(web, client1) {
		t.Errorf("rules for what comes in alone: %+v", got)
	}
	if f.Network.Plugin != "Cilium" || f.Policies.Engine != "Cilium" {
		t.Errorf("network %+v, engine %q", f.Network, f.Policies.Engine)
	}
}
