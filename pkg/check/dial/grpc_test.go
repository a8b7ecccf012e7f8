package dial

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// grpcServer answers the health check with a status of the message, or with a status of
// the call where that is not 0.
func grpcServer(health byte, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request, _ := io.ReadAll(r.Body)
		if r.URL.Path != healthPath || r.Method != http.MethodPost || r.Header.Get("Te") != "trailers" || !bytes.Equal(request, make([]byte, 5)) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		if code == "0" {
			_, _ = w.Write([]byte{0, 0, 0, 0, 2, 8, health})
		}
		w.Header().Set("Grpc-Status", code)
		w.Header().Set("Grpc-Message", "why not")
	}
}

func serveH2(t *testing.T, secure bool, handler http.Handler) TCPOptions {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(secure)
	server.Config.Protocols.SetUnencryptedHTTP2(!secure)
	server.Config.Protocols.SetHTTP2(secure)
	server.EnableHTTP2 = secure
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return TCPOptions{Peer: Peer{Addr: addrOf(server.Listener.Addr())}, Talk: Guess("grpc", "")}
}

func answerOf(try Try) string {
	for _, e := range try.Seen {
		if e.Key == "answer" {
			return e.Value
		}
	}
	return ""
}

func TestGRPC(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		answer  string
		failure check.Failure
		soft    bool
	}{
		{"serving", grpcServer(1, "0"), "gRPC health SERVING", "", false},
		{"not serving", grpcServer(2, "0"), "gRPC health NOT_SERVING", check.NotServing, false},
		{"unknown", grpcServer(0, "0"), "gRPC health UNKNOWN", "", false},
		{"without the health service", grpcServer(0, "12"), "gRPC, without the health service", "", false},
		{"who are you", grpcServer(0, "16"), `gRPC status UNAUTHENTICATED "why not"`, "", false},
		{"nobody behind a proxy", grpcServer(0, "14"), `gRPC status UNAVAILABLE "why not"`, check.HTTP, true},
		{"a code of tomorrow", grpcServer(0, "99"), `gRPC status 99 "why not"`, "", false},
		{"a health status of tomorrow", grpcServer(77, "0"), "", check.Protocol, false},
		{"no gRPC", http.NotFound, "HTTP/2 404, no gRPC status", "", false},
		{"broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "HTTP/2 502, no gRPC status", check.HTTP, true},
	} {
		for _, secure := range []bool{false, true} {
			got := TCP(within(t, 2*time.Second), serveH2(t, secure, tt.handler), false)
			answer := strings.TrimSuffix(answerOf(got), ", inside TLS")
			if secure != strings.HasSuffix(answerOf(got), ", inside TLS") || got.Err != nil {
				t.Errorf("%s, secure %v: %q %v", tt.name, secure, answerOf(got), got.Err)
			}
			if answer != tt.answer || got.Failure != tt.failure || got.Soft != tt.soft {
				t.Errorf("%s, secure %v: %q %q soft %v (%s)", tt.name, secure, answer, got.Failure, got.Soft, got.Detail)
			}
		}
	}
}

// A name is a guess: who answers in another protocol answers, but who says NOT_SERVING
// means it.
func TestGRPCByName(t *testing.T) {
	o := serveH2(t, false, grpcServer(2, "0"))
	o.Talk = Guess("", "grpc")
	if got := TCP(within(t, time.Second), o, false); got.Failure != check.NotServing {
		t.Errorf("not serving: %q", got.Failure)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	o.Peer = Peer{Addr: addrOf(plain.Listener.Addr())}
	if got := TCP(within(t, time.Second), o, false); got.Failure != "" || got.Err != nil {
		t.Errorf("HTTP/1.1 by that name: %q %v %q", got.Failure, got.Err, got.Detail)
	}
	o.Talk = Guess("grpc", "")
	if got := TCP(within(t, time.Second), o, false); got.Failure != check.Protocol {
		t.Errorf("HTTP/1.1 that was declared as gRPC: %q %q", got.Failure, got.Detail)
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	o.Peer = Peer{Addr: addrOf(secure.Listener.Addr())}
	if got := TCP(within(t, time.Second), o, false); got.Failure != "" || !strings.Contains(answerOf(got), "TLS, but") {
		t.Errorf("HTTPS without HTTP/2: %q %q", got.Failure, answerOf(got))
	}
}

// frames writes what a server says, whatever it is asked.
func frames(parts ...[]byte) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Write(bytes.Join(parts, nil))
		_, _ = io.Copy(io.Discard, c)
	}
}

// Types and flags of frames (RFC 9113, section 6), to write some that no library would.
const (
	h2Data, h2Headers, h2Reset, h2Settings = 0, 1, 3, 4
	h2Ping, h2GoAway, h2Continuation       = 6, 7, 9

	h2EndStream, h2EndHeaders, h2Padded, h2Priority = 0x1, 0x4, 0x8, 0x20
)

func appendFrame(out []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	out = append(out, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	return append(binary.BigEndian.AppendUint32(out, stream), payload...)
}

func TestH2Hostile(t *testing.T) {
	settings := appendFrame(nil, h2Settings, 0, 0, nil)
	block := func(fields ...string) []byte {
		var b bytes.Buffer
		enc := hpack.NewEncoder(&b)
		for i := 0; i < len(fields); i += 2 {
			_ = enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		return b.Bytes()
	}
	padded := append([]byte{2, 0, 0, 0, 0, 3}, block("grpc-status", "0")...)
	padded = append(padded, 0, 0)
	large := appendFrame(nil, h2Data, 0, h2Stream, make([]byte, 3000))
	cut := appendFrame(nil, h2Headers, h2EndHeaders, h2Stream, block("a", "b"))
	for _, tt := range []struct {
		name    string
		says    func(net.Conn)
		answer  string
		failure check.Failure
	}{
		{"padding, priority, and a ping between", frames(settings, appendFrame(nil, h2Ping, 0, 0, make([]byte, 8)), appendFrame(nil, h2Data, h2Padded, h2Stream, []byte{1, 0, 0, 0, 0, 2, 8, 1, 0}),
			appendFrame(nil, h2Headers, h2EndHeaders|h2EndStream|h2Padded|h2Priority, h2Stream, padded)), "gRPC health SERVING", ""},
		{"fields in two frames", frames(settings, appendFrame(nil, h2Headers, h2EndStream, h2Stream, block("grpc-status", "12")[:4]), appendFrame(nil, h2Continuation, h2EndHeaders, h2Stream, block("grpc-status", "12")[4:])), "gRPC, without the health service", ""},
		{"goes away", frames(settings, appendFrame(nil, h2GoAway, 0, 0, make([]byte, 8))), "HTTP/2, which ends the connection (GOAWAY)", ""},
		{"resets the stream", frames(settings, appendFrame(nil, h2Reset, 0, h2Stream, make([]byte, 4))), "HTTP/2, which ends the stream (RST_STREAM)", ""},
		{"no settings", frames(appendFrame(nil, h2Ping, 0, 0, make([]byte, 8))), "", check.Protocol},
		{"a frame too large", frames(settings, binary.BigEndian.AppendUint32([]byte{255, 255, 255, h2Data, 0}, 1)), "", check.Protocol},
		{"data without end", frames(settings, large, large), "", check.Protocol},
		{"frames without end", frames(bytes.Repeat(settings, maxH2Frames+1)), "", check.Protocol},
		{"fields without end", frames(settings, appendFrame(nil, h2Headers, 0, h2Stream, make([]byte, maxH2Frame)), appendFrame(nil, h2Continuation, 0, h2Stream, make([]byte, maxH2Frame))), "", check.Protocol},
		{"fields that continue nothing", frames(settings, appendFrame(nil, h2Continuation, h2EndHeaders, h2Stream, block("a", "b"))), "", check.Protocol},
		{"a field that is too long", frames(settings, appendFrame(nil, h2Headers, h2EndHeaders, h2Stream, block("a", strings.Repeat("~", maxH2Field+1)))), "", check.Protocol},
		{"more padding than payload", frames(settings, appendFrame(nil, h2Data, h2Padded, h2Stream, []byte{9, 0})), "", check.Protocol},
		{"priority that is cut short", frames(settings, appendFrame(nil, h2Headers, h2EndHeaders|h2Priority, h2Stream, []byte{1})), "", check.Protocol},
		{"cut in a frame", func(c net.Conn) {
			_, _ = c.Write(append(settings[:len(settings):len(settings)], cut[:12]...))
			_ = c.(*net.TCPConn).CloseWrite()
		}, "", check.Closed},
		{"silent after settings", frames(settings), "", check.Silent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, "127.0.0.1", tt.says)
			got := TCP(within(t, 300*time.Millisecond), TCPOptions{Peer: Peer{Addr: addr}, Talk: Guess("grpc", "")}, false)
			if got.Failure != tt.failure || answerOf(got) != tt.answer || got.Err != nil {
				t.Errorf("%q %q %v (%s)", got.Failure, answerOf(got), got.Err, got.Detail)
			}
		})
	}
}

func FuzzH2(f *testing.F) {
	settings := appendFrame(nil, h2Settings, 0, 0, nil)
	f.Add(settings)
	f.Add(append(settings, appendFrame(nil, h2Headers, h2EndHeaders|h2EndStream, h2Stream, []byte{0x88})...))
	f.Add(append(settings, appendFrame(nil, h2Data, h2Padded, h2Stream, []byte{0, 0, 0, 0, 0, 2, 8, 1})...))
	f.Fuzz(func(t *testing.T, data []byte) {
		conn := struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(data), io.Discard}
		answer, err := grpcHealth(conn, "http", "a:1")
		if answer == "" && err == nil {
			t.Error("neither an answer nor an error")
		}
		if len(answer) > 400 {
			t.Errorf("an answer of %d bytes", len(answer))
		}
	})
}

// A server that asks for a client's certificate is there, and talks to nobody else.
func TestGRPCMutualTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(grpcServer(1, "0"))
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}
	server.StartTLS()
	t.Cleanup(server.Close)
	got := TCP(within(t, time.Second), TCPOptions{Peer: Peer{Addr: addrOf(server.Listener.Addr())}, Talk: Guess("grpc", "")}, false)
	if got.Failure != "" || got.Err != nil || !strings.HasPrefix(answerOf(got), "TLS, but ") {
		t.Errorf("%q %q %v", answerOf(got), got.Failure, got.Err)
	}
}
