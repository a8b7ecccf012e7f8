package dial

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// authority is a CA of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return authority{cert, key, pool}
}

// issue makes a server certificate that is valid for a name until the time given.
func (ca authority) issue(t *testing.T, name string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func serveTLS(t *testing.T, host string, cert tls.Certificate, h http.Handler) *url.URL {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	_ = server.Listener.Close()
	server.Listener = listenTCP(t, host)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestGetTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	tests := []struct {
		name    string
		cert    tls.Certificate
		trust   Trust
		failure check.Failure
		detail  string
		ca      string
	}{
		{"verified by address", ca.issue(t, "127.0.0.1", soon), Trust{Roots: ca.pool, Names: []string{"127.0.0.1"}}, "", "", "verified"},
		{"verified by one of its names", ca.issue(t, "kubernetes.default.svc", soon), Trust{Roots: ca.pool, Names: []string{"127.0.0.1", "kubernetes.default.svc"}}, "", "", "verified"},
		{"no roots", ca.issue(t, "127.0.0.1", soon), Trust{Why: "no CA here", Names: []string{"127.0.0.1"}}, "", "", "not verified: no CA here"},
		{"another CA", other.issue(t, "127.0.0.1", soon), Trust{Roots: ca.pool, Names: []string{"127.0.0.1"}}, check.TLS, "signed by CN=test CA", ""},
		{"another CA, lenient", other.issue(t, "127.0.0.1", soon), Trust{Roots: ca.pool, Names: []string{"127.0.0.1"}, Lenient: true}, "", "", "not verified: no root"},
		{"expired", ca.issue(t, "127.0.0.1", past), Trust{Roots: ca.pool, Names: []string{"127.0.0.1"}}, check.TLS, "expired on", ""},
		{"expired, lenient", ca.issue(t, "127.0.0.1", past), Trust{Names: []string{"127.0.0.1"}, Lenient: true}, check.TLS, "expired on", ""},
		{"another name", ca.issue(t, "example.com", soon), Trust{Roots: ca.pool, Names: []string{"127.0.0.1"}}, check.TLS, "is for example.com, not for 127.0.0.1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := serveTLS(t, "127.0.0.1", tt.cert, http.NotFoundHandler())
			try, answer := Get(within(t, 2*time.Second), GetOptions{Peer: peerOf(u), URL: u, Trust: tt.trust})
			if try.Failure != tt.failure || !strings.Contains(try.Detail, tt.detail) || try.Err != nil {
				t.Errorf("got %q %q %v, want %q %q", try.Failure, try.Detail, try.Err, tt.failure, tt.detail)
			}
			if got := try.seen("CA"); !strings.HasPrefix(got, tt.ca) {
				t.Errorf("CA %q, want %q", got, tt.ca)
			}
			if (answer == nil) != (tt.failure != "") {
				t.Errorf("answer %+v", answer)
			}
		})
	}
}

func peerOf(u *url.URL) Peer {
	host, port, _ := net.SplitHostPort(u.Host)
	number := 0
	for _, digit := range port {
		number = number*10 + int(digit-'0')
	}
	return Peer{Host: host, Port: uint16(number)}
}

func TestGetPhases(t *testing.T) {
	ca := newAuthority(t)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.UserAgent(), "netlook/") {
			w.WriteHeader(http.StatusTeapot)
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
	})
	u := serveTLS(t, "::1", ca.issue(t, "::1", time.Now().Add(time.Hour)), h)
	try, answer := Get(within(t, 2*time.Second), GetOptions{Peer: peerOf(u), URL: u, Trust: Trust{Roots: ca.pool, Names: []string{"::1"}}})
	if answer == nil || answer.Status != http.StatusFound || answer.Location != "/elsewhere" {
		t.Fatalf("got %+v, %+v", answer, try)
	}
	var names []string
	var sum time.Duration
	for _, p := range try.Phases {
		names = append(names, p.Name)
		sum += p.Duration.D()
	}
	if got := strings.Join(names, " "); got != "dns connect tls firstByte" {
		t.Errorf("phases %s", got)
	}
	if sum > try.RTT.D() {
		t.Errorf("phases take %s, all of it %s", sum, try.RTT.D())
	}
}

func TestGetDoesNotAwaitABody(t *testing.T) {
	addr := serve(t, "127.0.0.1", func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin"))
	})
	start := time.Now()
	try, answer := Get(within(t, 5*time.Second), GetOptions{Peer: Peer{Addr: addr}, URL: &url.URL{Scheme: "http", Host: addr.String(), Path: "/"}})
	if answer == nil || answer.Body != "begin" || try.Failure != "" {
		t.Errorf("got %+v %+v", answer, try)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s", took)
	}
}

func TestGetFailures(t *testing.T) {
	tests := []struct {
		name   string
		server func(net.Conn)
		scheme string
		want   check.Failure
	}{
		{"silent to tls", hang, "https", check.Silent},
		{"silent to http", hang, "http", check.Silent},
		{"closes", saying(""), "https", check.Closed},
		{"resets", resetting, "http", check.Reset},
		{"http where https is asked", saying("HTTP/1.0 400 Bad Request\r\n\r\n"), "https", check.Protocol},
		{"handshake refused", saying("\x15\x03\x03\x00\x02\x02\x28"), "https", check.TLS},
		{"no http", saying("220 smtp\r\n"), "http", check.Protocol},
		{"https of Go where http is asked", saying("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"), "http", check.Protocol},
		{"https of nginx", saying("HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nConnection: close\r\n\r\n<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n"), "http", check.Protocol},
		{"https of Apache", saying("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" + strings.Repeat("<p>well</p>\n", 20) + "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n"), "http", check.Protocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, "127.0.0.1", tt.server)
			try, answer := Get(within(t, 300*time.Millisecond), GetOptions{Peer: Peer{Addr: addr}, URL: &url.URL{Scheme: tt.scheme, Host: addr.String()}})
			if try.Failure != tt.want || answer != nil || try.Err != nil {
				t.Errorf("got %q (%s) %v, want %q", try.Failure, try.Detail, try.Err, tt.want)
			}
		})
	}
}

// TestGetWithoutClientCertificate: over TLS 1.3 the server's word about a certificate it
// wants comes only after the handshake, and some say none at all: it may have asked in vain. Who asks and does without is well.
func TestGetWithoutClientCertificate(t *testing.T) {
	ca := newAuthority(t)
	for _, tt := range []struct {
		name    string
		version uint16
		clients tls.ClientAuthType
		rude    bool
		want    string
		soft    bool
	}{
		{"TLS 1.3", tls.VersionTLS13, tls.RequireAnyClientCert, false, WantsCertificate + " (remote error: tls: certificate required)", true},
		{"TLS 1.3, and the server does not read on", tls.VersionTLS13, tls.RequireAnyClientCert, true, WantsCertificate + " (remote error: tls: certificate required)", true},
		{"TLS 1.2", tls.VersionTLS12, tls.RequireAnyClientCert, false, WantsCertificate + " (remote error: tls: ", true},
		{"it asks, and hangs up", tls.VersionTLS13, tls.RequestClientCert, true, "closed by the peer; the server had asked for a certificate", false},
		{"it does not ask, and hangs up", tls.VersionTLS13, tls.NoClientCert, true, "firstByte: closed by the peer", false},
		{"it asks, and answers all the same", tls.VersionTLS13, tls.RequestClientCert, false, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := &tls.Config{
				Certificates: []tls.Certificate{ca.issue(t, "127.0.0.1", time.Now().Add(time.Hour))},
				ClientAuth:   tt.clients, MinVersion: tt.version, MaxVersion: tt.version,
			}
			addr := serve(t, "127.0.0.1", func(c net.Conn) {
				secure := tls.Server(c, config)
				if secure.Handshake() != nil {
					if !tt.rude { // who does not read what was sent resets by closing
						_, _ = io.Copy(io.Discard, c)
					}
					return
				}
				_, _ = secure.Read(make([]byte, 4096))
				if !tt.rude {
					_, _ = io.WriteString(secure, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
				_ = secure.Close()
			})
			try, _ := Get(within(t, 2*time.Second), GetOptions{Peer: Peer{Addr: addr}, URL: &url.URL{Scheme: "https", Host: addr.String()}, Trust: Trust{Why: "none"}})
			if !strings.HasPrefix(try.Detail, tt.want) || (try.Detail == "") != (tt.want == "") || try.Soft != tt.soft || try.Err != nil || tt.soft && try.Failure != check.TLS {
				t.Errorf("got %q (%s), soft %v, %v", try.Failure, try.Detail, try.Soft, try.Err)
			}
		})
	}
}

// TestGetTLSAsksBehind: a proxy that speaks TLS itself hands on what its backend says, and
// that is no word of its own.
func TestGetTLSAsksBehind(t *testing.T) {
	ca := newAuthority(t)
	u := serveTLS(t, "127.0.0.1", ca.issue(t, "127.0.0.1", time.Now().Add(time.Hour)), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, saidByTLS[0]+".", http.StatusBadRequest)
	}))
	try, answer := Get(within(t, 2*time.Second), GetOptions{Peer: peerOf(u), URL: u, Trust: Trust{Roots: ca.pool, Names: []string{"127.0.0.1"}}})
	if answer == nil || answer.Status != http.StatusBadRequest || answer.Behind != saidByTLS[0] || try.Failure != "" {
		t.Errorf("got %+v, %q (%s)", answer, try.Failure, try.Detail)
	}
}

// TestErrorsOfHAProxy: what it answers by itself has the head of a file of its own.
func TestErrorsOfHAProxy(t *testing.T) {
	const page = "\r\nContent-Type: text/html\r\n\r\n<html><body>"
	for _, tt := range []struct {
		said, want string
	}{
		{"HTTP/1.0 503 Service Unavailable\r\nCache-Control: no-cache", "HTTP 503 Service Unavailable, " + BareAnswer},
		{"HTTP/1.1 503 Service Unavailable\r\nDate: Fri, 27 Nov 2026 10:00:00 GMT", "HTTP 503 Service Unavailable"},
		{"HTTP/1.1 503 Service Unavailable\r\nServer: nginx", "HTTP 503 Service Unavailable, server nginx"},
		{"HTTP/1.0 200 OK\r\nCache-Control: no-cache", "HTTP 200 OK"},
	} {
		addr := serve(t, "127.0.0.1", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, tt.said+page)
		})
		try := TCP(within(t, 2*time.Second), TCPOptions{Peer: Peer{Addr: addr}, Talk: Talk{Proto: protoHTTP}}, false)
		if got := try.seen("answer"); got != tt.want {
			t.Errorf("%q: answer %q, want %q", tt.said, got, tt.want)
		}
	}
}
