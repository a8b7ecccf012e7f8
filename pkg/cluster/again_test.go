package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// cutter is an API server whose answers break off in the middle, the first times.
func cutter(t *testing.T, breaks int) (*Client, *int) {
	t.Helper()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
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
	}))
	t.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return NewFor(clientset, config, "default"), &asked
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
	} {
		if got := brokenOff(tt.err, tt.answered); got != tt.want {
			t.Errorf("%v, answered before %v: %v", tt.err, tt.answered, got)
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
	if len(g.facts.Lost) != 1 || !strings.HasPrefix(g.facts.Lost[0], "nodes: ") || len(g.notes) != 1 {
		t.Errorf("lost %q, notes %v", g.facts.Lost, g.notes)
	}
}
