package dial

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// maxFirst is how many bytes of an answer are looked at.
const maxFirst = 512

// dialog asks for the first bytes of a protocol on an open connection. It returns
// what was answered, for people; or an error: a *problem, or the connection's own.
type dialog func(ctx context.Context, s *session, t Talk) (string, error)

var dialogs = map[string]dialog{
	protoHTTP:     askHTTP,
	protoH2:       askH2,
	protoGRPC:     askGRPC,
	protoTLS:      askTLS,
	protoDNS:      askDNS,
	protoRedis:    askRedis,
	protoPostgres: askPostgres,
	protoListen:   hear,
}

// readSome reads what comes first.
func readSome(r io.Reader) (string, error) {
	buf := make([]byte, maxFirst)
	n, err := r.Read(buf)
	if n > 0 {
		return string(buf[:n]), nil
	}
	return "", err
}

// send writes a request and reads the first bytes of the answer.
func send(s *session, request []byte) (string, error) {
	if _, err := s.Write(request); err != nil {
		return "", fmt.Errorf("send: %w", err)
	}
	return readSome(s)
}

// askH2 sends HTTP/2's connection preface and an empty SETTINGS frame; the server's
// first frame must be SETTINGS (RFC 9113, section 3.4).
func askH2(_ context.Context, s *session, _ Talk) (string, error) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	answer, err := send(s, []byte(preface))
	if err != nil {
		return "", err
	}
	const frameType, settings = 3, 4
	if len(answer) > frameType && answer[frameType] == settings {
		return "HTTP/2 SETTINGS", nil
	}
	return "", problemf(check.Protocol, "answers %q instead of an HTTP/2 SETTINGS frame", Clean(answer, 40))
}

// askRedis sends PING; "+PONG" and errors such as "-NOAUTH" both come from a Redis.
func askRedis(_ context.Context, s *session, _ Talk) (string, error) {
	answer, err := send(s, []byte("PING\r\n"))
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(answer, "+") || strings.HasPrefix(answer, "-") {
		return fmt.Sprintf("%q", Clean(strings.TrimSpace(answer), 60)), nil
	}
	return "", problemf(check.Protocol, "answers %q to a Redis PING", Clean(answer, 40))
}

// askPostgres sends SSLRequest, which every PostgreSQL answers with S, N or an error
// message E (its protocol's "Message Formats").
func askPostgres(_ context.Context, s *session, _ Talk) (string, error) {
	answer, err := send(s, []byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f})
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(answer[:1], "SNE") {
		return fmt.Sprintf("%q to SSLRequest", answer[:1]), nil
	}
	return "", problemf(check.Protocol, "answers %q to a PostgreSQL SSLRequest", Clean(answer, 40))
}

// hear waits for the server to speak first.
func hear(_ context.Context, s *session, _ Talk) (string, error) {
	greeting, err := readSome(s)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%q", Clean(strings.TrimSpace(greeting), 60)), nil
}

// askDNS asks for the root's name servers: any answer of the same ID is one.
func askDNS(_ context.Context, s *session, _ Talk) (string, error) {
	q := new(dns.Msg).SetQuestion(".", dns.TypeNS)
	conn := dns.Conn{Conn: s.Conn, UDPSize: dns.DefaultMsgSize}
	if err := conn.WriteMsg(q); err != nil {
		return "", fmt.Errorf("send: %w", err)
	}
	var header dns.Header
	raw, err := conn.ReadMsgHeader(&header)
	if err != nil {
		return "", dnsError(err)
	}
	if header.Id != q.Id || len(raw) == 0 {
		return "", problemf(check.Protocol, "answers a DNS query with another ID")
	}
	return "DNS " + rcodeName(int(header.Bits&0xf)), nil
}

// isTLSRecord says whether bytes begin like a TLS record (RFC 8446, section 5.1).
func isTLSRecord(b []byte) bool {
	return len(b) >= 2 && bytes.IndexByte([]byte{20, 21, 22, 23}, b[0]) >= 0 && b[1] == 3
}
