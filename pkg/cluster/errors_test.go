package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	clienttesting "k8s.io/client-go/testing"
)

// kubeconfig writes one with the contexts prod (server) and staging, and returns
// kubectl's flags pointing to it.
func kubeconfig(t *testing.T, server string) *genericclioptions.ConfigFlags {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: prod
contexts:
- {name: prod, context: {cluster: c, user: u, namespace: shop}}
- {name: staging, context: {cluster: c, user: u}}
clusters:
- {name: c, cluster: {server: %q}}
users:
- {name: u, user: {token: secret-token}}
`, server)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig = &path
	return flags
}

func expectError(t *testing.T, err error, kind error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", want)
	}
	text := err.Error()
	if !errors.Is(err, kind) {
		t.Errorf("error %q is not of kind %q", text, kind)
	}
	if !strings.Contains(text, want) {
		t.Errorf("error %q\ndoes not contain %q", text, want)
	}
	if strings.ContainsAny(text, "\n\x1b") || strings.Contains(text, "secret-token") || len(text) > 700 {
		t.Errorf("not one plain line: %q", text)
	}
}

func TestNewErrors(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBERNETES_MASTER", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	tests := []struct {
		name   string
		change func(*genericclioptions.ConfigFlags)
		want   string
	}{
		{"context", func(f *genericclioptions.ConfigFlags) { f.Context = ptr("prd") }, `no context "prd": did you mean prod?`},
		{"context, nothing near", func(f *genericclioptions.ConfigFlags) { f.Context = ptr("zzzzzz") }, "kubectl config get-contexts"},
		{"file", func(f *genericclioptions.ConfigFlags) { f.KubeConfig = ptr("/does/not/exist") }, "/does/not/exist: no such file"},
		{"timeout", func(f *genericclioptions.ConfigFlags) { f.Timeout = ptr("soon") }, "timeout"},
		{"CA file", func(f *genericclioptions.ConfigFlags) { f.CAFile = ptr("/no/ca") }, "/no/ca: no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			flags := kubeconfig(t, "https://127.0.0.1:1")
			tt.change(flags)
			_, err := New(flags)
			expectError(t, err, ErrConfig, tt.want)
		})
	}
	t.Run("no kubeconfig", func(t *testing.T) {
		_, err := New(genericclioptions.NewConfigFlags(false))
		expectError(t, err, ErrConfig, "no kubeconfig: set $KUBECONFIG")
	})
	t.Run("no kubeconfig, but a server", func(t *testing.T) {
		flags := genericclioptions.NewConfigFlags(false)
		flags.APIServer = ptr("https://127.0.0.1:1")
		if _, err := New(flags); err != nil {
			t.Error(err)
		}
	})
}

func TestNew(t *testing.T) {
	flags := kubeconfig(t, "https://jane:hunter2@192.0.2.1:6443/path")
	flags.Timeout = ptr("3s")
	c, err := New(flags)
	if err != nil {
		t.Fatal(err)
	}
	if c.Namespace() != "shop" || c.timeout != 3*time.Second || c.RESTConfig().Timeout != 0 {
		t.Errorf("namespace %s, timeout %s, timeout for attach %s", c.Namespace(), c.timeout, c.RESTConfig().Timeout)
	}
	if c.String() != "API server https://192.0.2.1:6443" {
		t.Errorf("named %q", c)
	}
}

func TestUnreachable(t *testing.T) {
	serve := func(code int, contentType, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	tlsServer := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tlsServer.Close)
	// A black hole: it accepts connections and never answers.
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hole.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()

	tests := []struct {
		name, server string
		kind         error
		want         string
	}{
		{"refused", "https://" + closed.Addr().String(), ErrUnreachable, "connection refused"},
		{"black hole", "https://" + hole.Addr().String(), ErrUnreachable, "timeout after 300ms (--request-timeout)"},
		{"unknown CA", tlsServer.URL, ErrUnreachable, "its certificate is not accepted"},
		{"a web server", serve(404, "text/html", "<h1>404</h1>"), ErrUnreachable, "not as a Kubernetes API server"},
		{"401", serve(401, "application/json", `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401}`), ErrUnauthorized, "log in again"},
		{"no TLS", strings.Replace(serve(200, "text/plain", ""), "http:", "https:", 1), ErrUnreachable, "no answer from the API server"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			flags := kubeconfig(t, tt.server)
			flags.Timeout = ptr("10s") // a busy machine may need long for a handshake
			if strings.Contains(tt.want, "timeout after 300ms") {
				flags.Timeout = ptr("300ms")
			}
			c, err := New(flags)
			if err != nil {
				t.Fatal(err)
			}
			started := time.Now()
			_, err = c.Pod(context.Background(), "shop", "web-0")
			expectError(t, err, tt.kind, tt.want)
			if took := time.Since(started); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
	t.Run("credential plugin", func(t *testing.T) {
		flags := kubeconfig(t, "https://"+hole.Addr().String())
		text, err := os.ReadFile(*flags.KubeConfig)
		if err != nil {
			t.Fatal(err)
		}
		plugin := strings.Replace(string(text), "{token: secret-token}", "{exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never}}", 1)
		if err := os.WriteFile(*flags.KubeConfig, []byte(plugin), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := New(flags)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Node(context.Background(), "w1")
		expectError(t, err, ErrUnauthorized, "no-such-plugin not found")
	})
}

// forbid makes every request of that verb and resource ("*" for any) answer as the
// API server does when its authorizer says no.
func forbid(client interface {
	PrependReactor(verb, resource string, reaction clienttesting.ReactionFunc)
}, verb, resource string) {
	client.PrependReactor(verb, resource, func(a clienttesting.Action) (bool, runtime.Object, error) {
		where := "at the cluster scope"
		if a.GetNamespace() != "" {
			where = fmt.Sprintf("in the namespace %q", a.GetNamespace())
		}
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: a.GetResource().Resource}, "x",
			fmt.Errorf("User \"jane\" cannot %s resource %q in API group \"\" %s", a.GetVerb(), a.GetResource().Resource, where))
	})
}

func TestForbidden(t *testing.T) {
	c, clientset := newFake(shop()...)
	forbid(clientset, "get", "*")
	_, err := c.Pod(context.Background(), "shop", "web-0")
	expectError(t, err, ErrForbidden, `user "jane" may not get pods in namespace "shop"; to unlock, ask an admin for: kubectl netlook rbac --for pod -n shop --user jane | kubectl apply -f -`)
	_, err = c.Node(context.Background(), "w1")
	expectError(t, err, ErrForbidden, `user "jane" may not get nodes at the cluster scope; to unlock, ask an admin for: kubectl netlook rbac --for node`)
}

func TestForbiddenForAnotherReason(t *testing.T) {
	c, clientset := newFake()
	clientset.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "x", errors.New("a webhook\nsays \x1b[31mno"))
	})
	_, err := c.Pod(context.Background(), "shop", "web-0")
	expectError(t, err, ErrForbidden, "a webhook says")
}

func TestOtherAPIErrors(t *testing.T) {
	c, clientset := newFake()
	c.timeout = 10 * time.Millisecond // it would be asked for again
	clientset.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInternalError(errors.New("etcdserver: no leader\n" + strings.Repeat("x", 1<<20)))
	})
	_, err := c.Pod(context.Background(), "shop", "web-0")
	if err == nil || !apierrors.IsInternalError(err) {
		t.Errorf("the cause is lost: %v", err)
	}
	expectError(t, err, err, "get pod shop/web-0: Internal error occurred: etcdserver: no leader")
}

// TestUnlockQuotes: the name of a user, which an identity provider chose, is one word for the
// shell of the admin who pastes the line.
func TestUnlockQuotes(t *testing.T) {
	c, _ := newFake()
	err := c.unlock(&denial{user: "jane'; $(id)", verb: "get", resource: "pods"}, ForPod, "shop")
	expectError(t, err, ErrForbidden, `-n shop --user 'jane'"'"'; $(id)' | kubectl apply -f -`)
}
