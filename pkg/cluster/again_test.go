package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"

	"github.com/netlook/kubectl-netlook/pkg/target"
)

// cutter is an API server whose answers break off in the middle, the first times.
func cutter(t *testing.T, breaks int) (*Client, *int) {
	t.Helper()
	asked := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		const body = `{"kind":"Node","apiVersion":"v1","metadata":{"name":"w1"}}`
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		if asked > breaks {
			_, _ = io.WriteString(w, body)
			return
		}
		_, _ = io.WriteString(w, body[:20])
		panic(http.ErrAbortHandler) // closes the connection
	})
	return c, &asked
}

// serve is a client of an API server that answers so.
func serve(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return NewFor(clientset, config, "default")
}

// TestAnswerBrokenOff: an answer that breaks off in the middle is asked for again.
func TestAnswerBrokenOff(t *testing.T) {
	c, asked := cutter(t, 2)
	n, err := get(t.Context(), c, "get node w1", func(ctx context.Context) (string, error) {
		n, err := c.clientset.CoreV1().Nodes().Get(ctx, "w1", metav1.GetOptions{})
		return n.Name, err
	})
	if err != nil || n != "w1" || *asked != 3 {
		t.Errorf("%q, %v after %d requests", n, err, *asked)
	}
}

func TestBrokenOff(t *testing.T) {
	for _, tt := range []struct {
		err      error
		answered bool
		want     bool
	}{
		{fmt.Errorf("read: %w", syscall.ECONNRESET), false, true},
		{io.ErrUnexpectedEOF, false, true},
		{errors.New("unexpected error when reading response body. Please retry. Original error: x"), false, true},
		{errors.New("http2: client connection force closed via ClientConn.Close"), false, true},
		{syscall.ECONNREFUSED, true, true},
		{syscall.ECONNREFUSED, false, false}, // nobody is there: said at once
		{errors.New("something else"), true, false},
		{context.DeadlineExceeded, true, false},
		{apierrors.NewInternalError(errors.New("etcdserver: leader changed")), true, true},
		{apierrors.NewServiceUnavailable("etcd is away"), false, true},
		{apierrors.NewTimeoutError("slow", 0), true, true},
		{apierrors.NewTimeoutError("slow", 3), true, false}, // client-go has come back already
		{apierrors.NewTooManyRequestsError("later"), true, false},
		{apierrors.NewUnauthorized("who?"), true, false},
	} {
		if got := brokenOff(tt.err, tt.answered); got != tt.want {
			t.Errorf("%v, answered before %v: %v", tt.err, tt.answered, got)
		}
	}
}

// TestServerInTrouble: an answer that says nothing of the object is asked for again, until
// there is one; what is still none then is lost, and so is what nobody repeats.
func TestServerInTrouble(t *testing.T) {
	for _, tt := range []struct {
		name     string
		code     int
		header   string // Retry-After
		troubles int    // answers of that kind
		asked    int
		lost     bool
	}{
		{"a leader that changes", 500, "", 2, 3, false},
		{"unavailable", 503, "", 1, 2, false},
		{"a gateway's timeout", 504, "", 1, 2, false},
		{"client-go comes back by itself", 429, "0", 1, 2, false},
		{"credentials that have expired", 401, "", 9, 1, true},
		{"too many requests", 429, "", 9, 1, true},
		{"not allowed", 403, "", 9, 1, false},
		{"not there", 404, "", 9, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if asked++; asked > tt.troubles {
					_, _ = io.WriteString(w, `{"kind":"Node","apiVersion":"v1","metadata":{"name":"w1"}}`)
					return
				}
				if tt.header != "" {
					w.Header().Set("Retry-After", tt.header)
				}
				reason := map[int]metav1.StatusReason{401: metav1.StatusReasonUnauthorized, 403: metav1.StatusReasonForbidden, 404: metav1.StatusReasonNotFound}[tt.code]
				w.WriteHeader(tt.code)
				_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(tt.code), Reason: reason, Message: "etcdserver: leader changed"})
			})
			g := &gatherer{Client: c, notes: map[string]bool{}}
			if err := g.nodeByName(t.Context(), "w1"); err != nil {
				t.Fatal(err)
			}
			read := tt.asked > tt.troubles
			if asked != tt.asked || (len(g.facts.Nodes) == 1) != read || (len(g.facts.Lost) == 1) != tt.lost || (len(g.notes) == 1) != (!read && !tt.lost) {
				t.Errorf("%d requests, nodes %v, lost %q, notes %v", asked, g.facts.Nodes, g.facts.Lost, g.notes)
			}
		})
	}
}

// TestTroubleThatStays: a server that answers 503 for good is not asked for ever, nor often.
func TestTroubleThatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, asked := &gatherer{Client: &Client{timeout: time.Minute}, notes: map[string]bool{}}, 0
		_, err := get(t.Context(), g.Client, "get node w1", func(context.Context) (string, error) {
			asked++
			return "", apierrors.NewServiceUnavailable("away")
		})
		_ = g.unread(t.Context(), "nodes", err)
		_ = g.unread(t.Context(), "nodes", err)
		if asked < 4 || asked > 8 || len(g.facts.Lost) != 1 {
			t.Errorf("%d requests, lost %q", asked, g.facts.Lost)
		}
	})
}

// TestWaysInAreLost: a way in that was not answered for is lost, as what all need is.
func TestWaysInAreLost(t *testing.T) {
	for _, tt := range []struct {
		resource string
		err      error
		lost     bool
	}{
		{"ingresses", apierrors.NewUnauthorized("who?"), true},
		{"ingresses", apierrors.NewForbidden(schema.GroupResource{Resource: "ingresses"}, "", nil), false},
		{"endpointslices", apierrors.NewTooManyRequestsError("later"), true},
	} {
		c, clientset := newFake(shop()...)
		clientset.PrependReactor("list", tt.resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, tt.err })
		f, err := c.Gather(t.Context(), Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3"), Targets: []target.Target{{Raw: "svc/web", Kind: target.Service, Name: "web"}}})
		if err != nil {
			t.Fatal(err)
		}
		if told := slices.ContainsFunc(f.Lost, func(s string) bool { return strings.Contains(s, tt.resource) }); told != tt.lost || !tt.lost && len(f.Lost) > 0 {
			t.Errorf("%s: %v: lost %q", tt.resource, tt.err, f.Lost)
		}
	}
}

// TestLostIsNoNote: what nobody answered is told apart from what may not be read.
func TestLostIsNoNote(t *testing.T) {
	g := &gatherer{notes: map[string]bool{}}
	if err := g.unread(t.Context(), "nodes", problemf(ErrUnreachable, "no answer")); err != nil {
		t.Fatal(err)
	}
	if err := g.unread(t.Context(), "services", problemf(ErrNotFound, "not found")); err != nil {
		t.Fatal(err)
	}
	if err := g.unanswered(t.Context(), groupsServed, problemf(ErrForbidden, "no")); err != nil {
		t.Fatal(err)
	}
	if len(g.facts.Lost) != 1 || !strings.HasPrefix(g.facts.Lost[0], "nodes: ") || len(g.notes) != 1 {
		t.Errorf("lost %q, notes %v", g.facts.Lost, g.notes)
	}
}
