package cluster

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

const (
	// againPause is the pause before a read is sent again, and againMost how long reads
	// are sent again: an API server that is restarted is away for seconds.
	againPause = 250 * time.Millisecond
	againMost  = 5 * time.Second
)

// again sends a read once more when the connection broke under it. client-go does so
// while no answer has begun; a connection that breaks in the middle of one, or a server
// that is just being restarted, it reports. A server that has never answered is not
// waited for: then nothing was broken off.
func again[T any](ctx context.Context, c *Client, request func(context.Context) (T, error)) (T, error) {
	for began := time.Now(); ; {
		object, err := request(ctx)
		var status apierrors.APIStatus
		if err == nil || errors.As(err, &status) {
			c.answered.Store(true)
		}
		if err == nil || time.Since(began) > againMost || !brokenOff(err, c.answered.Load()) {
			return object, err
		}
		select {
		case <-time.After(againPause):
		case <-ctx.Done():
			return object, err
		}
	}
}

// brokenOff reports whether an error is that of a connection that was there: answered
// says that the server was, so that its refusal is one too.
func brokenOff(err error, answered bool) bool {
	switch {
	case utilnet.IsConnectionReset(err), utilnet.IsProbableEOF(err), utilnet.IsHTTP2ConnectionLost(err),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.EPIPE):
		return true
	case strings.Contains(err.Error(), "when reading response body"), strings.Contains(err.Error(), "http2: client conn"):
		return true // of client-go ("... Please retry") and of HTTP/2: they have no type
	case errors.Is(err, syscall.ECONNREFUSED):
		return answered
	}
	return false
}
