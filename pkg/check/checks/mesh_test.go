package checks

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// sidecarServer accepts every connection and sends an answer to what it is asked, as a
// sidecar does in a peer's stead.
func sidecarServer(t *testing.T, answer string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				buf := make([]byte, 4096)
				if _, err := conn.Read(buf); err == nil && answer != "" {
					_, _ = conn.Write([]byte(answer))
				}
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

// TestBehindASidecar: what the sidecar does by itself is no evidence for the peer.
func TestBehindASidecar(t *testing.T) {
	const failed = "HTTP/1.1 503 Service Unavailable\r\nServer: envoy\r\nContent-Length: 65\r\n\r\n" +
		"upstream connect error or disconnect/reset before headers. reset r"
	const busy = "HTTP/1.1 503 Service Unavailable\r\nServer: envoy\r\nContent-Length: 4\r\n\r\nbusy"
	http := dial.Talk{Proto: "http", Why: "port 80"}
	for _, tt := range []struct {
		name, sidecar, answer string
		talk                  dial.Talk
		status                check.Status
		failure               check.Failure
	}{
		{"accepts without a word", "istio-proxy", "", dial.Talk{}, check.Skipped, ""},
		{"no sidecar", "", "", dial.Talk{}, check.Pass, ""},
		{"speaks for a peer that is not there", "istio-proxy", failed, http, check.Fail, check.Unreachable},
		{"passes the peer's own error on", "istio-proxy", busy, http, check.Warn, check.HTTP},
		{"the same words without a sidecar are the peer's", "", failed, http, check.Warn, check.HTTP},
		{"passes an answer on", "istio-proxy", "HTTP/1.1 204 No Content\r\n\r\n", http, check.Pass, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := sidecarServer(t, tt.answer)
			r := runOf(t, func(task check.Task) check.Result {
				return reach(t.Context(), task, reachParams{Protocol: facts.TCP, Peer: addrPeer(addr), Talk: tt.talk, Sidecar: tt.sidecar})
			}, 2, 2*time.Second)
			if r.Status != tt.status || r.Failure != tt.failure {
				t.Errorf("got %s %q: %s", r.Status, r.Failure, r.Summary)
			}
		})
	}
	f := shopFacts()
	if got := f.Vantage.Sidecar(); got != "" {
		t.Errorf("%q in a pod without one", got)
	}
	f.Vantage.Pod.Containers = []facts.Container{{Name: "app"}, {Name: "istio-proxy"}}
	f.Services = []facts.Service{payments()}
	for _, task := range append(planServiceVIP(f), planServiceEndpoint(f)...) {
		if task.Params.Sidecar != "istio-proxy" {
			t.Errorf("%s does not know of the sidecar", task.Target)
		}
	}
}
