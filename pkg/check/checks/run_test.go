package checks

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func serveTLS(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func addrOf(l net.Listener) netip.AddrPort { return netip.MustParseAddrPort(l.Addr().String()) }

// pemOf is the CA of httptest's servers, which is their certificate itself.
func pemOf(s *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

func refusedAddr(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return addrOf(l)
}

func TestAPILivez(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/livez" {
				status = http.StatusNotFound
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	ok := serveTLS(t, answer(http.StatusOK, "ok"))
	caFile := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(caFile, []byte(pemOf(ok)), 0o600); err != nil {
		t.Fatal(err)
	}
	notCA := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(notCA, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		server  *httptest.Server
		ca      clusterCA
		status  check.Status
		failure check.Failure
		key     string
		value   string
	}{
		{"livez ok, CA of the pod", ok, clusterCA{File: caFile}, check.Pass, "", "livez", "ok"},
		{"CA verified", ok, clusterCA{File: caFile}, check.Pass, "", "CA", "verified"},
		{"CA of the API", ok, clusterCA{File: "/does/not/exist", Data: pemOf(ok)}, check.Pass, "", "CA", "verified"},
		{"no CA anywhere", ok, clusterCA{}, check.Pass, "", "summary", "CA not verified"},
		{"and why", ok, clusterCA{File: "/does/not/exist"}, check.Pass, "", "CA", "not verified: the pod mounts no CA"},
		{"a CA file without certificate", ok, clusterCA{File: notCA}, check.Pass, "", "CA", "holds no certificate"},
		{"forbidden", serveTLS(t, answer(http.StatusForbidden, "{}")), clusterCA{}, check.Pass, "", "livez", "not readable without credentials (HTTP 403"},
		{"unauthorized", serveTLS(t, answer(http.StatusUnauthorized, "{}")), clusterCA{}, check.Pass, "", "livez", "401"},
		{"not alive", serveTLS(t, answer(http.StatusInternalServerError, "[-]etcd failed")), clusterCA{}, check.Fail, check.HTTP, "summary", `"[-]etcd failed"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := runOf(t, func(task check.Task) check.Result {
				return apiProbe{}.run(t.Context(), task, apiParams{Addr: addrOf(tt.server.Listener), CA: tt.ca})
			}, 2, 2*time.Second)
			if r.Status != tt.status || r.Failure != tt.failure {
				t.Errorf("got %s %q (%s)", r.Status, r.Failure, r.Summary)
			}
			got := told(r, tt.key)
			if tt.key == "summary" {
				got = r.Summary
			}
			if !strings.Contains(got, tt.value) {
				t.Errorf("%s: %q, want %q", tt.key, got, tt.value)
			}
			if r.Status == check.Pass && len(r.Attempts[0].Phases) != 3 {
				t.Errorf("phases %+v", r.Attempts[0].Phases)
			}
		})
	}
}

func TestAPIFromEnvironment(t *testing.T) {
	server := serveTLS(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	addr := addrOf(server.Listener)
	for _, tt := range []struct {
		name, host, port string
		want             check.Status
	}{
		{"there", addr.Addr().String(), portTitle(facts.TCP, addr.Port())[1:], check.Pass},
		{"not there", "", "", check.Skipped},
		{"not an address", "evil.example.com", "443", check.Skipped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := map[string]string{"KUBERNETES_SERVICE_HOST": tt.host, "KUBERNETES_SERVICE_PORT": tt.port}
			r := runOf(t, func(task check.Task) check.Result {
				return apiProbe{func(k string) string { return env[k] }}.run(t.Context(), task, apiParams{FromEnv: true})
			}, 1, time.Second)
			if r.Status != tt.want {
				t.Errorf("got %s: %s", r.Status, r.Summary)
			}
		})
	}
}

func TestHTTPRun(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/login")
			w.WriteHeader(code)
		}
	}
	plain := func(code int) string {
		s := httptest.NewServer(status(code))
		t.Cleanup(s.Close)
		return s.URL
	}
	for _, tt := range []struct {
		name, url string
		soft      bool
		status    check.Status
		failure   check.Failure
		key       string
		value     string
	}{
		{"200", plain(200), false, check.Pass, "", "status", "200 OK"},
		{"404 is an answer", plain(404), false, check.Pass, "", "status", "404 Not Found"},
		{"a redirect is told", plain(302), false, check.Pass, "", "redirects to", "/login (not followed)"},
		{"502", plain(502), false, check.Fail, check.HTTP, "status", "502 Bad Gateway"},
		{"502 of a default", plain(502), true, check.Warn, check.HTTP, "status", "502 Bad Gateway"},
		{"https of an unknown issuer", serveTLS(t, status(200)).URL, false, check.Pass, "", "CA", "not verified"},
		{"nobody listens", "http://" + refusedAddr(t).String(), false, check.Fail, check.Refused, "", ""},
		{"no URL", "gopher://x", false, check.Error, "", "", ""},
		{"no port", "http://127.0.0.1:99999/", false, check.Error, "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := runOf(t, func(task check.Task) check.Result {
				return runHTTP(t.Context(), task, httpParams{URL: tt.url, Soft: tt.soft})
			}, 1, 2*time.Second)
			if r.Status != tt.status || r.Failure != tt.failure {
				t.Errorf("got %s %q (%s)", r.Status, r.Failure, r.Summary)
			}
			if got := told(r, tt.key); !strings.Contains(got, tt.value) {
				t.Errorf("%s: %q, want %q", tt.key, got, tt.value)
			}
		})
	}
}

func TestReach(t *testing.T) {
	addr := refusedAddr(t)
	run := func(p reachParams) check.Result {
		return runOf(t, func(task check.Task) check.Result { return reach(t.Context(), task, p) }, 3, time.Second)
	}
	if r := run(reachParams{Protocol: facts.TCP, Peer: addrPeer(addr), NoBackend: true}); r.Status != check.Fail ||
		r.Summary != "refused 3 of 3" || r.Meaning == "" || told(r, "ready endpoints") != "0" {
		t.Errorf("got %+v", r)
	}
	if r := run(reachParams{Protocol: facts.UDP, Peer: addrPeer(addr), Soft: true}); r.Status != check.Warn || r.Failure != check.Refused {
		t.Errorf("got %+v", r)
	}
	if r := run(reachParams{Protocol: facts.SCTP, Peer: addrPeer(addr)}); r.Status != check.Skipped {
		t.Errorf("got %+v", r)
	}
	if r := run(reachParams{Protocol: facts.TCP, Peer: dial.Peer{Host: "localhost", Port: addr.Port()}}); r.Failure != check.Refused {
		t.Errorf("got %+v", r)
	}
}
