package dial

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// listenFor is how long a port of unknown protocol is listened to: long enough for a
// greeting, and for a proxy to close what it has nobody behind for.
const listenFor = 100 * time.Millisecond

// TCPOptions is what one attempt asks.
type TCPOptions struct {
	Peer Peer `json:"peer"`
	Talk Talk `json:"talk"`
}

// TCP connects and asks for the first bytes in the protocol the talk names. A bare
// connect proves little where a mesh sidecar accepts everything; so without a known
// protocol the connection is listened to for 100 ms when listen is set, and the
// evidence says that no bytes were asked for.
//
// Failures of kind silent, closed and protocol count fully when the protocol was
// declared. When it was only guessed, an answer in another protocol is an answer, and
// a peer that cuts the connection is asked once more without sending anything.
func TCP(ctx context.Context, o TCPOptions, listen bool) Try {
	t := new(Try) // most wait here: see probe.launch
	s := connect(ctx, o.Peer, t)
	if s == nil {
		return *t
	}
	defer func() { _ = s.Close() }()
	return converse(ctx, &o, s, *t, listen)
}

// converse asks for the first bytes on a connection.
func converse(ctx context.Context, o *TCPOptions, s *session, t Try, listen bool) Try {
	if !o.Talk.overTCP() {
		t.See("protocol", "unknown: connected, no bytes asked for")
		if listen {
			t.listen(ctx, s)
		}
		return t
	}
	t.See("protocol", "%s", o.Talk.speaks())
	asked := time.Now()
	answer, err := dialogs[o.Talk.Proto](ctx, s, o.Talk)
	t.phase(stageOf(o.Talk), asked)
	t.RTT = check.Duration(time.Since(s.start))
	if answer != "" {
		t.See("answer", "%s", answer)
	}
	if err == nil {
		t.Spoke = true
		return t
	}
	kind := KindOf(err, s.addr)
	if o.Talk.Proto == protoH2 && slices.Contains([]check.Failure{check.Protocol, check.Closed, check.Reset}, kind) {
		if secure, ok := insideTLS(ctx, *o); ok {
			return secure
		}
	}
	if o.Talk.Proto == protoGRPC && slices.Contains([]check.Failure{check.Protocol, check.Closed, check.Reset}, kind) {
		if secure, ok := grpcInsideTLS(ctx, *o); ok {
			return secure
		}
	}
	if o.Talk.Sure || kind == check.HTTP || kind == check.NotServing {
		t.failOn(ctx, err, s, stageFirstByte)
		return t
	}
	switch kind {
	case check.Protocol:
		t.See("answer", "%s", reason(err))
		return t
	case check.Closed, check.Reset:
		return unasked(ctx, *o, t, kind)
	}
	t.failOn(ctx, err, s, stageFirstByte)
	// A database may look its client up before it greets: silence is weak there.
	t.Soft = t.Soft || (t.Failure == check.Silent && o.Talk.Proto == protoListen)
	return t
}

// insideTLS connects again and asks for TLS, after a peer did not take HTTP/2 in the
// clear: gRPC and "HTTP2" are declared for both. ok says that it does speak TLS.
func insideTLS(ctx context.Context, o TCPOptions) (t Try, ok bool) {
	s := connect(ctx, o.Peer, &t)
	if s == nil {
		return t, false
	}
	defer func() { _ = s.Close() }()
	asked := time.Now()
	answer, err := askTLS(ctx, s, o.Talk)
	t.phase(stageTLS, asked)
	t.RTT = check.Duration(time.Since(s.start))
	t.See("protocol", "%s", o.Talk.speaks())
	t.See("answer", "%s, in which HTTP/2 may be", answer)
	return t, err == nil
}

// unasked connects again and only listens, after a peer cut a connection on which a
// guessed protocol was spoken: whoever cuts this one too has nobody behind.
func unasked(ctx context.Context, o TCPOptions, first Try, cut check.Failure) Try {
	var t Try
	s := connect(ctx, o.Peer, &t)
	if s == nil {
		return t
	}
	defer func() { _ = s.Close() }()
	t.Seen = append(t.Seen, first.Seen...)
	t.listen(ctx, s)
	if t.Failure == "" && t.Err == nil {
		t.Cut = cut
		t.See("answer", "%s %s: the protocol is another one", cutWhenAsked, o.Talk.Proto)
	}
	return t
}

// cutWhenAsked begins what is told of such a peer.
const cutWhenAsked = "connection stays open, but is cut when asked in"

// reconsider makes failures of tries that were cut, where others at the same address were
// answered in the same protocol: it is the right one then.
func reconsider(tries []Try) {
	if !slices.ContainsFunc(tries, func(t Try) bool { return t.Spoke }) {
		return
	}
	for i := range tries {
		t := &tries[i]
		if t.Cut == "" || t.Failure != "" {
			continue
		}
		t.Failure, t.Detail = t.Cut, "cut when asked, though others answer"
		t.Seen = slices.Clone(t.Seen)
		for j, e := range t.Seen {
			if strings.HasPrefix(e.Value, cutWhenAsked) {
				t.Seen[j].Value = "cut when asked"
			}
		}
	}
}

// listen waits a moment for bytes. None is no failure; a cut connection is.
func (t *Try) listen(ctx context.Context, s *session) {
	until := time.Now().Add(listenFor)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	_ = s.SetReadDeadline(until)
	heard := time.Now()
	greeting, err := readSome(s)
	switch {
	case err == nil:
		t.phase(stageFirstByte, heard)
		t.RTT = check.Duration(time.Since(s.start))
		t.See("answer", "%q", Clean(greeting, 60))
	case errors.Is(ctx.Err(), context.Canceled), KindOf(err, s.addr) != check.Timeout:
		t.RTT = check.Duration(time.Since(s.start))
		t.failOn(ctx, err, s, stageFirstByte)
	}
}

func stageOf(t Talk) string {
	if t.Proto == protoTLS {
		return stageTLS
	}
	return stageFirstByte
}
