package bench

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
)

func TestClassify(t *testing.T) {
	for _, tt := range []struct{ method, url, verb, resource string }{
		{"GET", "/api/v1/namespaces/shop/pods/web-0", "get", "pods"},
		{"GET", "/api/v1/namespaces/shop/pods?fieldSelector=x", "list", "pods"},
		{"GET", "/api/v1/namespaces/shop/pods?watch=true", "watch", "pods"},
		{"GET", "/api/v1/namespaces/shop", "get", "namespaces"},
		{"GET", "/api/v1/namespaces", "list", "namespaces"},
		{"GET", "/api/v1/nodes/w1", "get", "nodes"},
		{"GET", "/api/v1/pods?limit=500", "list", "pods"},
		{"GET", "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", "list", "endpointslices"},
		{"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "create", "selfsubjectaccessreviews"},
		{"PATCH", "/api/v1/namespaces/shop/pods/web-0/ephemeralcontainers", "patch", "pods/ephemeralcontainers"},
		{"GET", "/api/v1/namespaces/shop/pods/web-0/attach?stdin=true", "get", "pods/attach"},
		{"DELETE", "/api/v1/namespaces/shop/pods/web-0", "delete", "pods"},
		{"GET", "/api", "get", "/api"},
		{"GET", "/apis", "get", "/apis"},
		{"GET", "/apis/apps/v1", "get", "/apis/apps/v1"},
		{"GET", "/version", "get", "/version"},
	} {
		t.Run(tt.method+" "+tt.url, func(t *testing.T) {
			u, err := url.Parse(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			if verb, resource := Classify(tt.method, u); verb != tt.verb || resource != tt.resource {
				t.Errorf("got %s %s, want %s %s", verb, resource, tt.verb, tt.resource)
			}
		})
	}
}

func TestProxyCounts(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sesame" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, "0123456789")
	}))
	defer api.Close()
	proxy, err := NewProxy(&rest.Config{Host: api.URL, BearerToken: "sesame"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = proxy.Close() }()
	get := func(path string) {
		t.Helper()
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, proxy.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "0123456789" {
			t.Errorf("%s: %d %q %v", path, answer.StatusCode, body, err)
		}
	}
	get("/version")
	proxy.Reset()
	get("/api/v1/namespaces/shop/pods")
	get("/api/v1/nodes/w1")
	get("/api/v1/nodes/w2")
	want := Traffic{Calls: 3, ReadBytes: 30, Kinds: []CallCount{
		{Verb: "get", Resource: "nodes", Calls: 2, ReadBytes: 20},
		{Verb: "list", Resource: "pods", Calls: 1, ReadBytes: 10},
	}}
	if diff := cmp.Diff(want, proxy.Traffic()); diff != "" {
		t.Error(diff)
	}
}
