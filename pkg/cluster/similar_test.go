package cluster

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestSimilarNames(t *testing.T) {
	objects := append(shop(), &corev1.Namespace{ObjectMeta: objectMeta("", "shop")}, &corev1.Namespace{ObjectMeta: objectMeta("", "elsewhere")}, &corev1.Namespace{ObjectMeta: objectMeta("", "many")})
	// Farther from what is typed below than "elsewhere": the nearest namespace is enough.
	objects = append(objects, &corev1.Namespace{ObjectMeta: objectMeta("", "elsewhere2")}, service("elsewhere2", "web", "10.96.7.31"))
	for i := range 5 {
		objects = append(objects, service("many", fmt.Sprintf("cart-%d", i), "10.96.7.30"))
	}
	const (
		webHere  = "service web in namespace shop (web.shop)"
		webThere = "service web in namespace elsewhere (web.elsewhere)"
	)
	similar := func(host string, names ...string) map[string][]string { return map[string][]string{host: names} }
	tests := []struct {
		name, target, forbid string
		want                 map[string][]string
	}{
		{"a typing mistake", "wbe:80", "", similar("wbe", webHere)},
		{"in a URL", "http://wbe:8080/x", "", similar("wbe", webHere)},
		{"it exists", "web:80", "", nil},
		{"it exists, by its full name", "web.elsewhere.svc.cluster.local:80", "", nil},
		{"in another namespace", "wbe.elsewhere:80", "", similar("wbe.elsewhere", webThere)},
		{"the name's end does not matter", "wbe.elsewhere.svc.cluster.local:80", "", similar("wbe.elsewhere.svc.cluster.local", webThere)},
		{"the namespace is mistyped", "web.elsewher.svc:80", "", similar("web.elsewher.svc", webThere)},
		{"both are", "oter.shpo:80", "", similar("oter.shpo", "service other in namespace shop (other.shop)")},
		// The namespace exists: nobody has to guess at another.
		{"not in that namespace", "web.many:80", "", nil},
		{"nothing is near", "zzzzzz:80", "", nil},
		{"a few of many", "cart.many:80", "", similar("cart.many",
			"service cart-0 in namespace many (cart-0.many)", "service cart-1 in namespace many (cart-1.many)", "service cart-2 in namespace many (cart-2.many)")},
		{"a domain of the world", "example.com:443", "", nil},
		{"a longer one", "www.web.example.com:443", "", nil},
		{"no right to list services", "wbe:80", "services", nil},
		{"no right to list namespaces", "web.elsewher:80", "namespaces", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, clientset := newFake(objects...)
			if tt.forbid != "" {
				forbid(clientset, "list", tt.forbid)
			}
			f := gather(t, c, Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3"), Targets: targets(t, tt.target)})
			if diff := cmp.Diff(tt.want, f.Similar); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, note := range f.Notes {
				// The cluster's DNS is looked for among services too.
				if !strings.Contains(note, "DNS service") {
					t.Errorf("help that cannot be had is no news: %q", note)
				}
			}
			for _, a := range clientset.Actions() {
				if a.GetVerb() == "list" && a.GetResource().Resource == "services" && a.GetNamespace() == "" {
					t.Error("the services of the whole cluster were read")
				}
			}
		})
	}
}

// A name that can be no service's must cost the API server nothing.
func TestSimilarNamesAsksForServicesOnly(t *testing.T) {
	for _, host := range []string{"www.example.com", "a.b.c.d", "192.0.2.9", "fd00::1", "*.shop", "WEB", "..", "a.b_c"} {
		c, clientset := newFake(shop()...)
		g := &gatherer{Client: c, namespace: "shop"}
		if err := g.similarNames(context.Background(), host); err != nil || len(g.facts.Similar) != 0 || len(clientset.Actions()) != 0 {
			t.Errorf("%s: %v, %v, asked %v", host, err, g.facts.Similar, clientset.Actions())
		}
	}
}

// The search ends when enough candidates were seen, however many there are.
func TestSimilarNamesIsBounded(t *testing.T) {
	server := &apiServer{t: t, lists: map[string][]runtime.Object{}}
	for i := range 5 * maxCandidates {
		const services, namespaces = "/api/v1/namespaces/nowhere/services", "/api/v1/namespaces"
		server.lists[services] = append(server.lists[services], service("nowhere", fmt.Sprintf("s%04d", i), "10.96.7.30"))
		server.lists[namespaces] = append(server.lists[namespaces], &corev1.Namespace{ObjectMeta: objectMeta("", fmt.Sprintf("n%04d", i))})
	}
	g := &gatherer{Client: server.client(), namespace: "shop"}
	if err := g.similarNames(context.Background(), "unlike-all-of-them.nowhere"); err != nil || g.facts.Similar != nil {
		t.Errorf("%v, %v", err, g.facts.Similar)
	}
	for _, path := range []string{"/api/v1/namespaces/nowhere/services", "/api/v1/namespaces"} {
		// The pager is one page ahead of its reader.
		if asked := server.asked(path); len(asked) == 0 || len(asked) > 2 {
			t.Errorf("%s was asked for %d pages: %q", path, len(asked), asked)
		}
	}
}

func TestHosts(t *testing.T) {
	got := hosts(targets(t, "wbe:80", "http://wbe/x", "https://example.com", "10.0.0.1:53", "svc/web", "https://192.0.2.9/", "example.com:443"))
	if diff := cmp.Diff([]string{"wbe", "example.com"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
