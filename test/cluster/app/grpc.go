package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// What a health service says, as the enumeration of its message has it
// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
const (
	grpcServing    = 1
	grpcNotServing = 2
)

// serveGRPC makes a server of gRPC's health service, in the clear. The standard
// library's HTTP/2 carries it: one call, whose answer is seven bytes and a trailer.
func serveGRPC(status byte) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		listener, err := listen(ctx, address)
		if err != nil {
			return err
		}
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		server := &http.Server{Handler: grpcHealth(status), Protocols: &protocols, ReadHeaderTimeout: 10 * time.Second}
		go func() {
			if err := server.Serve(listener); err != nil && !errors.Is(err, net.ErrClosed) {
				log.Printf("%s: %v", address, err)
			}
		}()
		return nil
	}
}

func grpcHealth(status byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Printf("%q %q from %s", r.Method, r.URL.Path, r.RemoteAddr)
		// To answer before the request has been read resets the stream, which some clients
		// take for a failure.
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 64<<10))
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		if r.URL.Path != "/grpc.health.v1.Health/Check" {
			w.Header().Set("Grpc-Status", "12") // UNIMPLEMENTED
			return
		}
		const field1 = 1 << 3
		_, _ = w.Write([]byte{0, 0, 0, 0, 2, field1, status})
		w.Header().Set("Grpc-Status", "0")
	})
}
