package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	fakedynamic "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// gatewayAPI is a cluster that serves the Gateway API, and what it holds of it.
func gatewayAPI(t *testing.T, objects ...string) (*Client, *fakedynamic.FakeDynamicClient) {
	t.Helper()
	c, clientset := newFake(shop()...)
	kinds := map[schema.GroupVersionResource]string{}
	var resources []metav1.APIResource
	for resource, kind := range map[string]string{"httproutes": "HTTPRoute", "tcproutes": "TCPRoute", "gateways": "Gateway", "gatewayclasses": "GatewayClass", "referencegrants": "ReferenceGrant"} {
		kinds[schema.GroupVersionResource{Group: gatewayGroup, Version: "v1", Resource: resource}] = kind + "List"
		resources = append(resources, metav1.APIResource{Name: resource, Kind: kind})
	}
	clientset.Resources = []*metav1.APIResourceList{{GroupVersion: gatewayGroup + "/v1", APIResources: resources}}
	client := fakedynamic.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds)
	for _, text := range objects {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte("apiVersion: gateway.networking.k8s.io/v1\n"+text), &u.Object); err != nil {
			t.Fatal(err)
		}
		// The fake would guess the resource of the kind, and gets the plural wrong.
		resource := schema.GroupVersionResource{Group: gatewayGroup, Version: "v1", Resource: strings.ToLower(u.GetKind()) + "s"}
		if u.GetKind() == "GatewayClass" {
			resource.Resource = "gatewayclasses"
		}
		if err := client.Tracker().Create(resource, u, u.GetNamespace()); err != nil {
			t.Fatal(err)
		}
	}
	c.dynamic = func() (dynamic.Interface, error) { return client, nil }
	return c, client
}

func gatherWeb(t *testing.T, c *Client) (*facts.Facts, facts.Service) {
	t.Helper()
	f := gather(t, c, Request{Pod: pod("shop", "db-0", "w2", "10.244.2.9"), Targets: targets(t, "svc/web")})
	return f, f.Services[0]
}

const (
	plainRoute = `
kind: HTTPRoute
metadata: {name: front, namespace: shop, generation: 3}
spec:
  hostnames: [web.example]
  parentRefs: [{name: gw, sectionName: web}, {name: mesh, kind: Service, group: ""}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /api}}]
    backendRefs: [{name: web, port: 80}, {name: web, port: 80, weight: 1}, {name: other, port: 80}, {name: web, kind: Bucket, group: example.com}]
  - backendRefs: [{name: web, port: 8080}]
status:
  parents:
  - parentRef: {name: gw, sectionName: web, namespace: shop}
    conditions: [{type: Accepted, status: "True", observedGeneration: 3}, {type: ResolvedRefs, status: "False", reason: BackendNotFound, message: "no\x07 port", observedGeneration: 2}]
`
	plainGateway = `
kind: Gateway
metadata: {name: gw, namespace: shop}
spec:
  gatewayClassName: test
  listeners: [{name: web, port: 80, protocol: HTTP}, {name: all, port: 443, protocol: HTTPS, hostname: "*.example", allowedRoutes: {namespaces: {from: All}, kinds: [{kind: HTTPRoute}]}}]
status: {addresses: [{type: IPAddress, value: 192.0.2.9}, {}], conditions: [{type: Programmed, status: "True"}]}
`
)

func TestGatherRoutes(t *testing.T) {
	c, _ := gatewayAPI(t, plainRoute, plainGateway, `
kind: GatewayClass
metadata: {name: test}
status: {conditions: [{type: Accepted, status: "True", reason: Accepted}]}
`)
	_, s := gatherWeb(t, c)
	parents := []facts.RouteParent{{Gateway: facts.Ref{Namespace: "shop", Name: "gw"}, Section: "web", Taken: true, Accepted: facts.Condition{Status: "True"}}}
	route := facts.GatewayRoute{Kind: "HTTPRoute", Namespace: "shop", Name: "front", Hosts: []string{"web.example"}, Path: "/api", Port: 80, Parents: parents}
	second := route
	second.Path, second.Port = "/", 8080
	if diff := cmp.Diff([]facts.GatewayRoute{route, second}, s.Routes); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	want := []facts.Gateway{{
		Namespace: "shop", Name: "gw", Class: "test", ClassAccepted: facts.Condition{Status: "True", Reason: "Accepted"}, Programmed: facts.Condition{Status: "True"}, Addresses: []string{"192.0.2.9"},
		Listeners: []facts.Listener{{Name: "web", Port: 80, Protocol: "HTTP", From: "Same"}, {Name: "all", Port: 443, Protocol: "HTTPS", Host: "*.example", From: "All", Kinds: []string{"HTTPRoute"}}},
	}}
	if diff := cmp.Diff(want, s.Gateways); diff != "" {
		t.Errorf("gateways (-want +got):\n%s", diff)
	}
}

// manyGrants are more for another service than are read.
func manyGrants(grant string) []string {
	var list []string
	for i := range maxGrants + 1 {
		list = append(list, strings.NewReplacer("NAME", "db", "name: edge", fmt.Sprintf("name: edge-%03d", i)).Replace(grant))
	}
	return list
}

// TestForeignRoutes: a route of another namespace is found, and whether it may lead here
// is told by the grants; without the right to look into all namespaces, those that were
// granted are looked through.
func TestForeignRoutes(t *testing.T) {
	foreign := `
kind: HTTPRoute
metadata: {name: front, namespace: edge}
spec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: web, namespace: shop, port: 80}]}]}
`
	grant := `
kind: ReferenceGrant
metadata: {name: edge, namespace: shop}
spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: edge}], to: [{group: "", kind: Service, name: NAME}]}
`
	for _, tt := range []struct {
		name    string
		objects []string
		deny    map[string]bool // namespace/resource
		found   bool
		granted bool
		unread  bool
		notes   int
		// unserved leaves the grants out of what discovery tells.
		unserved bool
	}{
		{name: "granted", objects: []string{foreign, strings.Replace(grant, "NAME", "web", 1)}, found: true, granted: true},
		{name: "granted for every service", objects: []string{foreign, strings.Replace(grant, ", name: NAME", "", 1)}, found: true, granted: true},
		{name: "another service's grant", objects: []string{foreign, strings.Replace(grant, "NAME", "db", 1)}, found: true},
		{name: "no grant", objects: []string{foreign}, found: true},
		{name: "grants may not be read", objects: []string{foreign}, deny: map[string]bool{"shop/referencegrants": true}, found: true, unread: true},
		{name: "grants are not known to be served", objects: []string{foreign, strings.Replace(grant, "NAME", "web", 1)}, unserved: true, found: true, unread: true},
		{name: "more grants than are read", objects: append(manyGrants(grant), foreign), found: true, unread: true},
		{name: "not all namespaces", objects: []string{foreign, strings.Replace(grant, "NAME", "web", 1)}, deny: map[string]bool{"/httproutes": true, "/tcproutes": true}, found: true, granted: true},
		{name: "no namespace at all", objects: []string{foreign}, deny: map[string]bool{"/httproutes": true, "shop/httproutes": true}, notes: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, client := gatewayAPI(t, tt.objects...)
			if tt.unserved {
				list := c.clientset.(*fake.Clientset).Resources[0]
				list.APIResources = slices.DeleteFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == "referencegrants" })
			}
			client.PrependReactor("list", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
				if resource := a.GetResource().Resource; tt.deny[a.GetNamespace()+"/"+resource] {
					return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("no"))
				}
				return false, nil, nil
			})
			f, s := gatherWeb(t, c)
			if (len(s.Routes) == 1) != tt.found || len(f.Notes) != tt.notes {
				t.Fatalf("routes %+v, notes %q", s.Routes, f.Notes)
			}
			if tt.found && (s.Routes[0].Granted != tt.granted || (s.Routes[0].GrantsUnread != "") != tt.unread || !s.Routes[0].Foreign) {
				t.Errorf("%+v", s.Routes[0])
			}
			if tt.found && (len(s.Gateways) != 1 || !s.Gateways[0].Missing) {
				t.Errorf("gateways %+v", s.Gateways)
			}
		})
	}
}

// TestStrangeRoutes: objects that are not what the API documents are told, and stop
// nothing.
func TestStrangeRoutes(t *testing.T) {
	c, _ := gatewayAPI(t, `
kind: HTTPRoute
metadata: {name: bad, namespace: shop}
spec: {rules: {backendRefs: 7}}
`, `
kind: HTTPRoute
metadata: {name: empty, namespace: shop}
`, `
kind: TCPRoute
metadata: {name: wild, namespace: shop}
spec: {parentRefs: [{name: "a/../b", port: -1}], rules: [{matches: [{}], backendRefs: [{name: web, port: 99999999}, {}]}]}
`, plainRoute, `
kind: Gateway
metadata: {name: gw, namespace: shop}
spec: {listeners: "none"}
`)
	f, s := gatherWeb(t, c)
	if len(f.Notes) != 1 || !strings.HasPrefix(f.Notes[0], "HTTPRoute bad is not of the shape") {
		t.Errorf("notes %q", f.Notes)
	}
	if len(s.Routes) != 3 || s.Routes[2].Name != "wild" || s.Routes[2].Port != 0 {
		t.Errorf("routes %+v", s.Routes)
	}
	for _, g := range s.Gateways {
		if g.Unread == "" && !g.Missing {
			t.Errorf("%+v", g)
		}
	}
}

// TestNoGatewayAPI: where it is not served, nothing of it is asked for.
func TestNoGatewayAPI(t *testing.T) {
	c, _ := newFake(shop()...)
	c.dynamic = func() (dynamic.Interface, error) {
		t.Error("the API is asked for routes")
		return nil, errors.New("no")
	}
	if _, s := gatherWeb(t, c); len(s.Routes) > 0 {
		t.Errorf("%+v", s.Routes)
	}
}
