package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// start runs the app with one flag on a free port and returns the address.
func start(t *testing.T, network, flag string) string {
	t.Helper()
	address := freeAddress(t, network)
	ctx, cancel := context.WithCancel(t.Context())
	for _, kind := range kinds() {
		if kind.flag == flag { // serve returns when it listens: nothing to wait for
			if err := kind.serve(ctx, address); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(cancel)
	return address
}

func freeAddress(t *testing.T, network string) string {
	t.Helper()
	if network == "udp" {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.LocalAddr().String()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func dial(t *testing.T, network, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestHTTP(t *testing.T) {
	host, _ := os.Hostname()
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for _, test := range []struct{ flag, url, want string }{
		{"http", "http://%/", host},
		{"http", "http://%/healthz", "ok"},
		{"https", "https://%/", host},
	} {
		t.Run(test.flag+test.url, func(t *testing.T) {
			address := start(t, "tcp", test.flag)
			response, err := insecure.Get(strings.Replace(test.url, "%", address, 1))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || strings.TrimSpace(string(body)) != test.want {
				t.Errorf("body %q, error %v; want %q", body, err, test.want)
			}
		})
	}
}

// TestHTTPSClients: what a strict client meets that trusts the certificate itself.
func TestHTTPSClients(t *testing.T) {
	for _, test := range []struct {
		flag    string
		trouble string // "" is none
	}{
		{"https", ""},
		{"https-expired", "has expired"},
		{"https-mutual", "certificate required"},
	} {
		address := start(t, "tcp", test.flag)
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			pool := x509.NewCertPool()
			pool.AddCert(conn.ConnectionState().PeerCertificates[0])
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
			_, err = client.Get("https://" + address)
			conn.Close()
		}
		if got := fmt.Sprint(err); err == nil && test.trouble != "" || err != nil && (test.trouble == "" || !strings.Contains(got, test.trouble)) {
			t.Errorf("%s: %v, want %q", test.flag, err, test.trouble)
		}
	}
}

func TestHTTPErrorRedirectAndSlow(t *testing.T) {
	response, err := http.Get("http://" + start(t, "tcp", "http-error") + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d", response.StatusCode)
	}
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err = stay.Get("http://" + start(t, "tcp", "http-redirect") + "/x")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got := response.Header.Get("Location"); response.StatusCode != http.StatusMovedPermanently || got != "https://127.0.0.1/x" {
		t.Errorf("status %d, to %q", response.StatusCode, got)
	}
	server := httptest.NewServer(slow(time.Hour))
	defer server.Close()
	client := &http.Client{Timeout: 100 * time.Millisecond}
	if _, err := client.Get(server.URL); !os.IsTimeout(err) {
		t.Errorf("%v, want a timeout", err)
	}
}

func TestGRPCHealth(t *testing.T) {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: transport}
	for _, test := range []struct{ flag, path, body, status string }{
		{"grpc", "/grpc.health.v1.Health/Check", "\x00\x00\x00\x00\x02\x08\x01", "0"},
		{"grpc-not-serving", "/grpc.health.v1.Health/Check", "\x00\x00\x00\x00\x02\x08\x02", "0"},
		{"grpc", "/shop.Cart/Add", "", "12"},
	} {
		response, err := client.Post("http://"+start(t, "tcp", test.flag)+test.path, "application/grpc", strings.NewReader("\x00\x00\x00\x00\x00"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != test.body || response.Trailer.Get("Grpc-Status") != test.status {
			t.Errorf("%s %s: %q, status %q (%v)", test.flag, test.path, body, response.Trailer.Get("Grpc-Status"), err)
		}
	}
}

func TestEcho(t *testing.T) {
	for flag, network := range map[string]string{"tcp-echo": "tcp", "udp-echo": "udp"} {
		t.Run(flag, func(t *testing.T) {
			conn := dial(t, network, start(t, network, flag))
			if _, err := conn.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			buffer := make([]byte, 16)
			n, err := conn.Read(buffer)
			if err != nil || string(buffer[:n]) != "hello" {
				t.Errorf("read %q, error %v", buffer[:n], err)
			}
		})
	}
}

func TestBannerSpeaksFirst(t *testing.T) {
	conn := dial(t, "tcp", start(t, "tcp", "banner"))
	buffer := make([]byte, 4)
	if _, err := io.ReadFull(conn, buffer); err != nil || string(buffer) != "220 " {
		t.Errorf("read %q, error %v", buffer, err)
	}
}

func TestHangNeverAnswers(t *testing.T) {
	conn := dial(t, "tcp", start(t, "tcp", "hang"))
	if err := conn.SetDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read error = %v, want a timeout", err)
	}
}

func TestReset(t *testing.T) {
	// The reset may be there before connect has returned.
	conn, err := net.Dial("tcp", start(t, "tcp", "reset"))
	if err == nil {
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("error = %v, want a reset", err)
	}
}

func TestAddresses(t *testing.T) {
	var got addresses
	for _, value := range []string{":1,:2", ":3"} {
		if err := got.Set(value); err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != ":1,:2,:3" {
		t.Errorf("got %s", got.String())
	}
	if err := got.Set(":4,,"); err == nil {
		t.Error("an empty address was accepted")
	}
}

func TestRunRefusesToServeNothing(t *testing.T) {
	if err := run(t.Context(), nil); err == nil {
		t.Error("no error")
	}
}
