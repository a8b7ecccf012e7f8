package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

// kind is one behaviour of a port.
type kind struct {
	flag  string
	usage string
	serve func(ctx context.Context, address string) error // returns once it listens
}

func kinds() []kind {
	return []kind{
		{"http", "HTTP `address`: / answers the host name, /healthz answers ok", serveHTTP},
		{"http-error", "HTTP `address` that answers 503 to everything, as a proxy does whose backends are gone", serveHandler(failing())},
		{"http-redirect", "HTTP `address` that sends every request to https:// of the same host", serveHandler(secured())},
		{"http-slow", "HTTP `address` that takes eight seconds for each answer", serveHandler(slow(8 * time.Second))},
		{"https", "HTTPS `address` with a certificate made at start", serveHTTPS(lasting, tls.NoClientCert)},
		{"https-expired", "HTTPS `address` whose certificate ended a day ago", serveHTTPS(expired, tls.NoClientCert)},
		{"https-mutual", "HTTPS `address` that wants a certificate of its clients", serveHTTPS(lasting, tls.RequireAnyClientCert)},
		{"tcp-echo", "TCP `address` that repeats what it is sent; silent until then", tcp(echo)},
		{"udp-echo", "UDP `address` that sends every datagram back", serveUDPEcho},
		{"banner", "TCP `address` that speaks first, as SMTP and SSH do", tcp(banner)},
		{"grpc", "gRPC `address` whose health service says SERVING", serveGRPC(grpcServing)},
		{"grpc-not-serving", "gRPC `address` whose health service says NOT_SERVING", serveGRPC(grpcNotServing)},
		{"hang", "TCP `address` that accepts and never answers", tcp(hang)},
		{"reset", "TCP `address` that accepts and resets at once", tcp(reset)},
	}
}

func handler() http.Handler {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		log.Printf("%q %q from %s", r.Method, r.URL.Path, r.RemoteAddr)
		fmt.Fprintln(w, host)
	})
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	return mux
}

// failing answers what a proxy says that has nobody to hand the request to.
func failing() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Printf("%q %q from %s", r.Method, r.URL.Path, r.RemoteAddr)
		http.Error(w, "no healthy upstream", http.StatusServiceUnavailable)
	})
}

// secured answers what an application does that is told to be asked by HTTPS only.
func secured() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Printf("%q %q from %s", r.Method, r.URL.Path, r.RemoteAddr)
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		http.Redirect(w, r, "https://"+host+r.URL.Path, http.StatusMovedPermanently) //nolint:gosec // to whoever was asked for: that is what it plays
	})
}

// slow answers as the others do, after a while.
func slow(after time.Duration) http.Handler {
	prompt := handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(after):
			prompt.ServeHTTP(w, r)
		case <-r.Context().Done(): // the client has gone
		}
	})
}

func serveHTTP(ctx context.Context, address string) error {
	return serveHandler(handler())(ctx, address)
}

func serveHandler(handler http.Handler) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		listener, err := listen(ctx, address)
		if err != nil {
			return err
		}
		go serve(listener, handler)
		return nil
	}
}

// serveHTTPS makes a server with a certificate of the span of time, which asks its clients
// for theirs, or not.
func serveHTTPS(span span, clients tls.ClientAuthType) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		certificate, err := selfSigned(time.Now(), span)
		if err != nil {
			return fmt.Errorf("make a certificate: %w", err)
		}
		listener, err := listen(ctx, address)
		if err != nil {
			return err
		}
		go serve(tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{certificate},
			NextProtos:   []string{"http/1.1"},
			MinVersion:   tls.VersionTLS12,
			ClientAuth:   clients,
		}), handler())
		return nil
	}
}

func serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	if err := server.Serve(listener); err != nil && !errors.Is(err, net.ErrClosed) {
		log.Printf("%s: %v", listener.Addr(), err)
	}
}

func serveUDPEcho(ctx context.Context, address string) error {
	var config net.ListenConfig
	conn, err := config.ListenPacket(ctx, "udp", address)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // an ICMP error of an earlier answer: not the end
				log.Printf("udp-echo: %v", err)
				continue
			}
			log.Printf("udp-echo: %d bytes from %s", n, from)
			if _, err := conn.WriteTo(buffer[:n], from); err != nil {
				log.Printf("udp-echo: %v", err)
			}
		}
	}()
	return nil
}

// tcp makes a server that hands each connection to handle, which owns it.
func tcp(handle func(ctx context.Context, conn net.Conn)) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		listener, err := listen(ctx, address)
		if err != nil {
			return err
		}
		go func() {
			for {
				conn, err := listener.Accept()
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err != nil {
					log.Printf("%s: %v", address, err)
					time.Sleep(100 * time.Millisecond) // out of descriptors: let some go
					continue
				}
				log.Printf("%s: connection from %s", address, conn.RemoteAddr())
				go handle(ctx, conn)
			}
		}()
		return nil
	}
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	return listener, nil
}

func echo(_ context.Context, conn net.Conn) {
	defer conn.Close()
	_, _ = io.Copy(conn, conn) // the client's end of it is the only error there is
}

func banner(_ context.Context, conn net.Conn) {
	defer conn.Close()
	host, _ := os.Hostname()
	fmt.Fprintf(conn, "220 %s ready\r\n", host)
	_, _ = io.Copy(io.Discard, conn)
}

func hang(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	<-ctx.Done()
}

func reset(_ context.Context, conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // close() then sends RST, see tcp(7) and socket(7) SO_LINGER
	}
	conn.Close()
}
