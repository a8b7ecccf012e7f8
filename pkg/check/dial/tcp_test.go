package dial

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// seen is the evidence of a key, "" without.
func (t Try) seen(key string) string {
	for _, e := range t.Seen {
		if e.Key == key {
			return e.Value
		}
	}
	return ""
}

func TestTCP(t *testing.T) {
	sure := func(proto string) Talk { return Talk{Proto: proto, Why: "appProtocol " + proto, Sure: true} }
	guess := func(proto string) Talk { return Talk{Proto: proto, Why: "port 80"} }
	greeting := func(text string) func(net.Conn) {
		return func(c net.Conn) { _, _ = c.Write([]byte(text)) }
	}
	const okHTTP = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\nhi"
	tests := []struct {
		name    string
		server  func(net.Conn) // nil: nobody listens
		talk    Talk
		failure check.Failure
		soft    bool
		answer  string // a part of it
	}{
		{"nobody listens", nil, Talk{}, check.Refused, false, ""},
		{"connects, protocol unknown", hang, Talk{}, "", false, ""},
		{"greets", greeting("SSH-2.0-x\r\n"), Talk{}, "", false, `"SSH-2.0-x`},
		{"accepts and closes", closing, Talk{}, check.Closed, false, ""},
		{"accepts and resets", resetting, Talk{}, check.Reset, false, ""},

		{"http answers", saying(okHTTP), sure("http"), "", false, "HTTP 200 OK, server nginx"},
		{"http 404 is an answer", saying("HTTP/1.1 404 Not Found\r\n\r\n"), guess("http"), "", false, "404"},
		{"http 503 is a warning", saying("HTTP/1.1 503 Service Unavailable\r\nServer: envoy\r\n\r\nno healthy upstream"), guess("http"), check.HTTP, true, "503"},
		{"http hangs", hang, sure("http"), check.Silent, false, ""},
		{"guessed http hangs", hang, guess("http"), check.Silent, false, ""},
		{"http closes", saying(""), sure("http"), check.Closed, false, ""},
		{"guessed http closes even unasked", closing, guess("http"), check.Closed, false, ""},
		{"guessed http resets even unasked", resetting, guess("http"), check.Reset, false, ""},
		{"guessed http is cut only when asked", saying(""), guess("http"), "", false, "stays open"},
		{"declared http speaks otherwise", saying("+PONG\r\n"), sure("http"), check.Protocol, false, ""},
		{"guessed http speaks otherwise", saying("+PONG\r\n"), guess("http"), "", false, "instead of HTTP"},
		{"an answer shorter than its protocol's name", saying("OK"), sure("http"), check.Protocol, false, ""},
		{"TLS where http was declared", saying("\x15\x03\x01\x00\x02\x02\x46"), sure("http"), check.Protocol, false, ""},
		{"escape sequences", saying("\x1b[2Jhello"), guess("http"), "", false, `".[2Jhello"`},
		{"a head without end", saying("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 1<<20)), sure("http"), check.Protocol, false, ""},

		{"tls hangs", hang, guess("tls"), check.Silent, false, ""},
		{"http where tls was guessed", saying("HTTP/1.1 400 Bad Request\r\n\r\n"), guess("tls"), "", false, "instead of TLS"},
		{"http where tls was declared", saying("HTTP/1.1 400 Bad Request\r\n\r\n"), sure("tls"), check.Protocol, false, ""},
		{"a TLS alert is an answer", saying("\x15\x03\x03\x00\x02\x02\x28"), sure("tls"), "", false, "handshake failure"},

		{"redis", saying("+PONG\r\n"), sure("redis"), "", false, "+PONG"},
		{"redis wants a password", saying("-NOAUTH Authentication required.\r\n"), sure("redis"), "", false, "NOAUTH"},
		{"postgres", saying("N"), sure("postgres"), "", false, `"N"`},
		{"not postgres", saying("HTTP/1.1 400"), sure("postgres"), check.Protocol, false, ""},
		{"mysql greets", greeting("J\x00\x00\x00\x0a8.0.36"), guess("listen"), "", false, "8.0.36"},
		{"mysql is slow to greet", hang, guess("listen"), check.Silent, true, ""},
		{"not HTTP/2", saying("HTTP/1.1 400 Bad Request\r\n\r\n"), guess("h2"), "", false, "instead of an HTTP/2"},
	}
	for _, tt := range tests {
		for _, host := range loopbacks {
			t.Run(tt.name+" "+host, func(t *testing.T) {
				t.Parallel()
				addr := refused(t, host)
				if tt.server != nil {
					addr = serve(t, host, tt.server)
				}
				got := TCP(within(t, 400*time.Millisecond), TCPOptions{Peer: Peer{Addr: addr}, Talk: tt.talk}, true)
				if got.Failure != tt.failure || got.Soft != tt.soft || got.Err != nil {
					t.Errorf("got %q soft=%v err=%v (%s), want %q soft=%v", got.Failure, got.Soft, got.Err, got.Detail, tt.failure, tt.soft)
				}
				if answer := got.seen("answer"); tt.answer != "" && !strings.Contains(answer, tt.answer) || tt.answer == "" && tt.failure == "" && answer != "" {
					t.Errorf("answer %q, want %q", answer, tt.answer)
				}
				if got.Failure == check.Silent && got.RTT.D() < 350*time.Millisecond {
					t.Errorf("silence after %s", got.RTT.D())
				}
			})
		}
	}
}

func TestTCPTimeout(t *testing.T) {
	r := Summarise(Attempts(t.Context(), 3, 300*time.Millisecond, func(ctx context.Context, i int) Try {
		return TCP(ctx, TCPOptions{Peer: Peer{Addr: blackHole(t)}}, i == 0)
	}))
	if r.Failure != check.Timeout || r.Lost() != 3 {
		t.Errorf("got %s, %d lost: %s", r.Failure, r.Lost(), r.Summary)
	}
	if !strings.HasPrefix(r.Summary, "timeout 3 of 3 after ") {
		t.Error(r.Summary)
	}
}

func TestTCPUsesNewPorts(t *testing.T) {
	ports := make(chan uint16, 20)
	addr := serve(t, "127.0.0.1", func(c net.Conn) {
		ports <- netip.MustParseAddrPort(c.RemoteAddr().String()).Port()
	})
	Attempts(t.Context(), 20, time.Second, func(ctx context.Context, _ int) Try {
		return TCP(ctx, TCPOptions{Peer: Peer{Addr: addr}}, false)
	})
	used := map[uint16]bool{}
	for range 20 {
		port := <-ports
		if used[port] {
			t.Errorf("port %d was used twice", port)
		}
		used[port] = true
	}
}

func TestTCPHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	got := TCP(within(t, time.Second), TCPOptions{Peer: Peer{Addr: addrOf(server.Listener.Addr())}, Talk: Guess("kubernetes.io/h2c", "")}, false)
	if got.Failure != "" || got.seen("answer") != "HTTP/2 SETTINGS" {
		t.Errorf("got %+v", got)
	}
}

func TestTCPDNS(t *testing.T) {
	server := &dns.Server{Listener: listenTCP(t, "::1"), Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeRefused))
	})}
	start(t, server)
	got := TCP(within(t, time.Second), TCPOptions{Peer: Peer{Addr: addrOf(server.Listener.Addr())}, Talk: Guess("", "dns-tcp")}, false)
	if got.Failure != "" || got.seen("answer") != "DNS REFUSED" {
		t.Errorf("got %+v", got)
	}
}

func TestTCPByName(t *testing.T) {
	addr := serve(t, "127.0.0.1", saying("HTTP/1.1 200 OK\r\n\r\n"))
	got := TCP(within(t, time.Second), TCPOptions{Peer: Peer{Host: "localhost", Port: addr.Port()}, Talk: Talk{Proto: "http"}}, false)
	if got.Failure != "" || len(got.Phases) != 3 || got.Phases[0].Name != "dns" || got.Phases[1].Name != "connect" || got.Phases[2].Name != "firstByte" {
		t.Errorf("got %+v", got)
	}
	if got.seen("address") != "127.0.0.1" {
		t.Errorf("address %q", got.seen("address"))
	}
}

func TestGuess(t *testing.T) {
	tests := []struct {
		name     string
		app      string
		portName string
		ports    []uint16
		want     Talk
	}{
		{"appProtocol", "https", "http", []uint16{80}, Talk{Proto: "tls", Why: "appProtocol https", Sure: true}},
		{"Kubernetes' own appProtocol", "kubernetes.io/h2c", "", nil, Talk{Proto: "h2", Why: "appProtocol kubernetes.io/h2c", Sure: true}},
		{"appProtocol unknown here is not overruled", "example.com/x", "http", []uint16{80}, Talk{Why: "appProtocol example.com/x", Sure: true}},
		{"name", "", "HTTP", []uint16{443}, Talk{Proto: "http", Why: "port name HTTP"}},
		{"name with a suffix", "", "grpc-api", nil, Talk{Proto: "grpc", Why: "port name grpc-api"}},
		{"number", "", "api", []uint16{9376, 80}, Talk{Proto: "http", Why: "port 80"}},
		{"the endpoint's number first", "", "", []uint16{8443, 80}, Talk{Proto: "tls", Why: "port 8443"}},
		{"nothing known", "", "p", []uint16{9376}, Talk{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Guess(tt.app, tt.portName, tt.ports...); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestTCPHTTP2InsideTLS: gRPC over TLS is declared as gRPC without it is.
func TestTCPHTTP2InsideTLS(t *testing.T) {
	u := serveTLS(t, "127.0.0.1", newAuthority(t).issue(t, "127.0.0.1", time.Now().Add(time.Hour)), http.NotFoundHandler())
	for _, sure := range []bool{true, false} {
		got := TCP(within(t, 2*time.Second), TCPOptions{Peer: peerOf(u), Talk: Talk{Proto: protoH2, Why: "appProtocol grpc", Sure: sure}}, true)
		if got.Failure != "" || got.Err != nil || !strings.Contains(got.seen("answer"), "TLS 1.3") {
			t.Errorf("sure %t: %q (%s) %v, answer %q", sure, got.Failure, got.Detail, got.Err, got.seen("answer"))
		}
	}
}

// TestClaimed: a host that others wrote into an object leads nobody to himself.
func TestClaimed(t *testing.T) {
	for _, tt := range []struct {
		addr string
		own  bool
	}{
		{"127.0.0.1", true}, {"::1", true}, {"0.0.0.0", true}, {"::ffff:127.0.0.1", true}, {"169.254.169.254", true}, {"fe80::1", true},
		{"224.0.0.1", true}, {"100.100.100.200", true}, {"fd00:ec2::254", true}, {"192.0.0.192", true},
		{"10.0.0.1", false}, {"192.0.2.1", false}, {"fd00::1", false},
	} {
		if got := Own(netip.MustParseAddr(tt.addr)); got != tt.own {
			t.Errorf("%s: %v", tt.addr, got)
		}
	}
	addr := serve(t, "127.0.0.1", saying("HTTP/1.1 200 OK\r\n\r\n"))
	got := TCP(within(t, time.Second), TCPOptions{Peer: Peer{Host: "localhost", Port: addr.Port(), Claimed: true}}, false)
	if got.Failure != check.Config || !strings.Contains(got.Detail, "leads to this machine itself") {
		t.Errorf("%s: %s", got.Failure, got.Detail)
	}
}
