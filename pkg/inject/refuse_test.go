package inject

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// lateRefusal serves the attach of a toolbox as API servers from 1.30 on do that
// translate WebSockets for the kubelet: they answer the client first, and ask the
// kubelet, which may refuse, when the client already sends
// (apiserver, pkg/util/proxy/streamtranslator.go).
type lateRefusal struct {
	t       *testing.T
	w       *world
	at      place
	refuse  int    // so many are refused
	prompt  string // what the toolbox says when it begins
	mu      sync.Mutex
	refused []string // what was sent to those
	got     string   // what the toolbox got
}

func (s *lateRefusal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{remotecommand.StreamProtocolV5Name}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.t.Errorf("upgrade: %v", err)
		return
	}
	defer conn.Close()
	out := func(id byte) channel { return channel{&sync.Mutex{}, conn, id} }
	read := func() (string, bool) {
		for {
			_, message, err := conn.ReadMessage()
			if err != nil {
				return "", false
			}
			if len(message) > 1 && message[0] == remotecommand.StreamStdIn {
				return string(message[1:]), true
			}
		}
	}
	line, _ := read()
	status := metav1.Status{Status: metav1.StatusSuccess}
	defer func() {
		text, _ := json.Marshal(status)
		_, _ = out(remotecommand.StreamErr).Write(text)
		_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
		_, _, _ = conn.ReadMessage()
	}()
	s.mu.Lock()
	late := len(s.refused) < s.refuse
	if late {
		s.refused = append(s.refused, line)
	}
	s.mu.Unlock()
	if late {
		status = metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonInternalError, Code: 500, Message: "container not found"}
		return
	}
	s.w.report(s.at, runningState())
	got := line
	if s.prompt != "" {
		_, _ = io.WriteString(out(remotecommand.StreamStdOut), s.prompt)
	}
	for !strings.HasSuffix(got, "exit\n") {
		more, ok := read()
		if !ok {
			break
		}
		got += more
	}
	s.mu.Lock()
	s.got = got
	s.mu.Unlock()
	s.w.report(s.at, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 7}})
}

// TestShellRefusedLate: what was sent on streams that led nowhere is sent again, and
// what the user types waits until somebody is there.
func TestShellRefusedLate(t *testing.T) {
	for name, prompt := range map[string]string{"a shell with a prompt": "$ ", "a script's shell, which is silent": ""} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, testPod())
			server := &lateRefusal{t: t, w: w, at: place{"shop", "web-0", "netlook-shell-abcde"}, refuse: 3, prompt: prompt}
			served := httptest.NewServer(server)
			defer served.Close()
			config := &rest.Config{Host: served.URL}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			e := w.env()
			e.attach = func(ctx context.Context, at place, s streams) error {
				return attach(ctx, client.CoreV1().RESTClient(), config, at, s)
			}
			var out bytes.Buffer
			end, err := shellInPod(t.Context(), e, testPod(), ShellOptions{
				Stdin: true, In: strings.NewReader("ip addr\nexit\n"), Out: &out, ErrOut: io.Discard,
			})
			if err != nil || end.Status != 7 {
				t.Errorf("status %d, %v", end.Status, err)
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			if len(server.refused) != 3 || strings.Join(server.refused, "") != "\n\n\n" {
				t.Errorf("sent to nobody: %q", server.refused)
			}
			if server.got != "\nip addr\nexit\n" || out.String() != prompt {
				t.Errorf("the toolbox got %q, and was heard as %q", server.got, out.String())
			}
		})
	}
}
