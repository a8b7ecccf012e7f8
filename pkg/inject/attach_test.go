package inject

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/probe"
	"github.com/netlook/kubectl-netlook/pkg/version"
)

// attachServer serves the attach of one pod the way an API server and a kubelet do
// together, over WebSockets (v5.channel.k8s.io) or SPDY (v4), in front of a probe
// runtime that runs in this process, on the real clock.
type attachServer struct {
	t          *testing.T
	c          *container
	webSockets bool
	mu         sync.Mutex
	requests   []string
}

func (s *attachServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.URL.Path != "/api/v1/namespaces/shop/pods/web-0/attach" || q.Get("container") != "c" ||
		q.Get("stdin") != "true" || q.Get("stdout") != "true" || q.Get("tty") == "true" {
		http.Error(w, "not that: "+r.URL.String(), http.StatusNotFound)
		return
	}
	isSocket := websocket.IsWebSocketUpgrade(r)
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.Header.Get("Upgrade"))
	s.mu.Unlock()
	switch {
	case isSocket && s.webSockets:
		s.socket(w, r)
	case isSocket:
		http.Error(w, "no WebSockets here", http.StatusForbidden)
	default:
		s.spdy(w, r)
	}
}

// channel is a channel of a WebSocket: each message begins with its number.
type channel struct {
	mu   *sync.Mutex
	conn *websocket.Conn
	id   byte
}

func (c channel) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(p), c.conn.WriteMessage(websocket.BinaryMessage, append([]byte{c.id}, p...))
}

func (s *attachServer) socket(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{remotecommand.StreamProtocolV5Name}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.t.Errorf("upgrade: %v", err)
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(r.Context())
	stdin, feed := io.Pipe()
	go func() {
		defer cancel()
		defer feed.Close()
		for {
			_, message, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if len(message) > 1 && message[0] == remotecommand.StreamStdIn {
				_, _ = feed.Write(message[1:])
			}
		}
	}()
	_ = s.c.attach(ctx, streams{stdin: stdin, stdout: channel{&sync.Mutex{}, conn, remotecommand.StreamStdOut}})
}

func (s *attachServer) spdy(w http.ResponseWriter, r *http.Request) {
	if _, err := httpstream.Handshake(r, w, []string{remotecommand.StreamProtocolV4Name}); err != nil {
		s.t.Errorf("handshake: %v", err)
		return
	}
	type named struct {
		name   string
		stream httpstream.Stream
	}
	opened := make(chan named, 4)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, _ <-chan struct{}) error {
		opened <- named{stream.Headers().Get(corev1.StreamType), stream}
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	got := map[string]httpstream.Stream{}
	for len(got) < 4 {
		n := <-opened
		got[n.name] = n.stream
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-conn.CloseChan()
		cancel()
	}()
	_ = s.c.attach(ctx, streams{stdin: got[corev1.StreamTypeStdin], stdout: got[corev1.StreamTypeStdout]})
}

// TestAttach runs whole sessions through the real executor.
func TestAttach(t *testing.T) {
	tests := []struct {
		name       string
		webSockets bool
		want       string // the last request
	}{
		{"websocket", true, "GET websocket"},
		{"spdy, where WebSockets are refused", false, "POST SPDY/3.1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := runReal(t)
			server := &attachServer{t: t, c: c, webSockets: test.webSockets}
			http := httptest.NewServer(server)
			defer http.Close()
			config := &rest.Config{Host: http.URL}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			p := &Probe{Namespace: "shop", Pod: "web-0", Container: "c", env: realEnv(client, config), opts: completed(t, Options{KeepAlive: time.Minute}), began: time.Now()}
			contact, err := p.attempt(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			p.adopt(contact)
			p.started()
			list := tasks(3000, 600*time.Millisecond)
			n := 0
			o, err := p.Run(t.Context(), list, 10*time.Second, func(check.Result) {
				if n++; n == 1 {
					c.drop() // the slow task still runs
				}
			})
			if err != nil || !o.Complete || n != len(list) || o.Resumed == 0 {
				t.Errorf("%d results, complete %t (%s), resumed %d, %v", n, o.Complete, o.Reason, o.Resumed, err)
			}
			if err := p.Close(t.Context()); err != nil {
				t.Error(err)
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			if got := server.requests[len(server.requests)-1]; got != test.want {
				t.Errorf("requests %v, want the last to be %s", server.requests, test.want)
			}
		})
	}
}

// runReal is run without a bubble around it.
func runReal(t *testing.T) *container {
	t.Helper()
	pr, pw := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	c := &container{stdin: pw, kill: cancel, ended: make(chan struct{}), attached: map[int]io.Writer{}}
	go func() {
		probe.Run(ctx, probe.Config{
			In: pr, Out: c, Log: io.Discard, Registry: registry(), Version: "v1", Build: version.Build(),
			Wait: 30 * time.Second, MaxIdle: time.Minute, Lifetime: 15 * time.Minute, Concurrency: 100,
		})
		close(c.ended)
	}()
	t.Cleanup(func() {
		cancel()
		pw.Close()
		<-c.ended
	})
	return c
}
