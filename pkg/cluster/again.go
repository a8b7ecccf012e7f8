package cluster

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

const (
	// againPause is the pause before a read is sent again, and againMost how long reads
	// are sent again: an API server that is restarted is away for seconds. The pause after
	// an answer grows up to againSlow: a server that answers 503 has enough to do.
	againPause = 250 * time.Millisecond
	againSlow  = time.Second
	againMost  = 5 * time.Second
)

// again sends a read once more when the connection broke under it, or the server could
// not answer just then. client-go does so while no answer has begun, and where the server
// says when to come back (Retry-After); a connection that breaks in the middle of an
// answer, or a server that is just being restarted, it reports. A server that has never answered is not
// waited for: then nothing was broken off.
func again[T any](ctx context.Context, c *Client, request func(context.Context) (T, error)) (T, error) {
	pause := againPause
	for began := time.Now(); ; {
		object, err := request(ctx)
		var status apierrors.APIStatus
		answer := errors.As(err, &status)
		if err == nil || answer {
			c.answered.Store(true)
		}
		if err == nil || time.Since(began) > againMost || !brokenOff(err, c.answered.Load()) {
			return object, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return object, err
		}
		if answer {
			pause = min(2*pause, againSlow)
		}
	}
}

// brokenOff reports whether an error is that of a connection that was there, or of a
// server that could not answer just then: answered says that the server was there, so
// that its refusal is one too.
func brokenOff(err error, answered bool) bool {
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &status):
		return passing(status.Status())
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

// passing reports whether an answer is that of a server in trouble: a leader that
// changes, a part behind it that is away. Where it said when to come back client-go has
// done so already, ten times (all there is of 429, which says so always).
func passing(s metav1.Status) bool {
	switch s.Code {
	case http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return s.Details == nil || s.Details.RetryAfterSeconds == 0
	}
	return false
}
