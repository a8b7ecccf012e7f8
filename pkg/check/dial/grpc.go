package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// healthPath is the method of gRPC's health checking protocol: it takes the name of a
// service, "" for the server as a whole, and answers with a status
// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
const healthPath = "/grpc.health.v1.Health/Check"

// The statuses of a health response, field 1 of the message.
var healthStatuses = []string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}

// The status codes of a gRPC call that are told by name
// (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md).
const (
	grpcOK            = 0
	grpcUnimplemented = 12
	grpcInternal      = 13
	grpcUnavailable   = 14
	grpcDataLoss      = 15
)

var grpcCodes = []string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// askGRPC asks for the health of a gRPC server, over HTTP/2 in the clear.
func askGRPC(_ context.Context, s *session, t Talk) (string, error) {
	return grpcHealth(s, "http", grpcHost(s, t))
}

func grpcHost(s *session, t Talk) string {
	if t.Host == "" {
		return s.addr.String()
	}
	return net.JoinHostPort(t.Host, strconv.Itoa(int(s.addr.Port())))
}

// grpcHealth calls the health service. What a server answers is judged: one that says
// that it does not serve is a failure, one without the service speaks gRPC all the same.
func grpcHealth(conn io.ReadWriter, scheme, host string) (string, error) {
	// An empty request of the message HealthCheckRequest, in gRPC's frame: not
	// compressed, of length 0.
	reply, err := h2Call(conn, h2Request{scheme: scheme, authority: host, path: healthPath, body: make([]byte, 5)})
	if err != nil {
		return "", err
	}
	return judgeHealth(reply)
}

// judgeHealth is pure.
func judgeHealth(r h2Reply) (string, error) {
	code, err := strconv.Atoi(r.header["grpc-status"])
	switch {
	case r.ended != "":
		return "HTTP/2, which " + r.ended, nil
	case err != nil || code < 0:
		answer := "HTTP/2 " + Clean(r.header[":status"], 20) + ", no gRPC status"
		if len(r.header[":status"]) == 3 && r.header[":status"][0] == '5' {
			p := problemf(check.HTTP, "%s", answer)
			p.soft = true
			return answer, p
		}
		return answer, nil
	case code == grpcUnimplemented:
		return "gRPC, without the health service", nil
	case code != grpcOK:
		answer := "gRPC status " + grpcCode(code)
		if message := Clean(r.header["grpc-message"], 80); message != "" {
			answer += fmt.Sprintf(" %q", message)
		}
		if code == grpcUnavailable || code == grpcInternal || code == grpcDataLoss {
			p := problemf(check.HTTP, "%s", answer)
			p.soft = true
			return answer, p
		}
		return answer, nil
	}
	status, ok := healthStatus(r.body)
	if !ok {
		return "", problemf(check.Protocol, "answers %q instead of a gRPC health status", Clean(string(r.body), 20))
	}
	answer := "gRPC health " + status
	if status == "NOT_SERVING" {
		return answer, problemf(check.NotServing, "%s", answer)
	}
	return answer, nil
}

func grpcCode(code int) string {
	if code < len(grpcCodes) {
		return grpcCodes[code]
	}
	return strconv.Itoa(code)
}

// healthStatus reads the first field of a response: protobuf leaves a field of value 0
// out (https://protobuf.dev/programming-guides/encoding/).
func healthStatus(frame []byte) (string, bool) {
	const head = 5 // a flag for compression, and the length of the message
	if len(frame) < head || frame[0] != 0 {
		return "", false
	}
	message := frame[head:]
	const field1 = 1 << 3 // as a varint, wire type 0
	switch {
	case len(message) == 0:
		return healthStatuses[0], true
	case len(message) >= 2 && message[0] == field1 && int(message[1]) < len(healthStatuses):
		return healthStatuses[message[1]], true
	}
	return "", false
}

// grpcInsideTLS connects again and asks inside TLS, after a peer did not take HTTP/2 in
// the clear. ok says that it does speak TLS.
func grpcInsideTLS(ctx context.Context, o TCPOptions) (t Try, ok bool) {
	s := connect(ctx, o.Peer, &t)
	if s == nil {
		return t, false
	}
	defer func() { _ = s.Close() }()
	asked := time.Now()
	conn, err := handshake(ctx, s, o.Talk.Host, "h2")
	var p *problem
	if errors.As(err, &p) && p.kind == check.TLS {
		t.See("protocol", "%s", o.Talk.speaks())
		t.See("answer", "TLS, but %s", p.detail)
		return t, true
	}
	if err != nil {
		return t, false
	}
	t.phase(stageTLS, asked)
	s.settle()
	t.See("protocol", "%s", o.Talk.speaks())
	state := conn.ConnectionState()
	asked = time.Now()
	answer := tls.VersionName(state.Version) + ", which offers no HTTP/2"
	if state.NegotiatedProtocol == "h2" {
		answer, err = grpcHealth(conn, "https", grpcHost(s, o.Talk))
		t.phase(stageFirstByte, asked)
		answer += ", inside TLS"
		// A server that wants a certificate of its client says so after the handshake (RFC
		// 8446, 4.4.2.4): it is there, and does not talk to a stranger.
		if kind := KindOf(err, s.addr); err != nil && !errors.As(err, &p) && (kind == "" || kind == check.TLS) && ctx.Err() == nil {
			answer, err = "TLS, but "+Clean(err.Error(), 160), nil
		}
	}
	t.RTT = check.Duration(time.Since(s.start))
	if err == nil && len(state.PeerCertificates) > 0 {
		if bad := inTime(state.PeerCertificates[0], time.Now()); bad != nil {
			bad.soft = true
			err = bad
		}
	}
	t.See("answer", "%s", answer)
	if err != nil {
		t.failOn(ctx, err, s, stageFirstByte)
	}
	return t, true
}
