package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// userAgent names the probe in the logs of those it asks.
const userAgent = "netlook/1 (connectivity check)"

// maxHead is how many bytes of an HTTP answer are read: its head, and the first line
// of its body.
const maxHead = 16 << 10

// Answer is the head of an HTTP answer.
type Answer struct {
	Status   int
	Text     string // "200 OK"
	Server   string
	Location string
	Body     string // the first line, cleaned, at most 120 characters
	// Bare says that neither Server nor Date came: errors that HAProxy answers by itself,
	// and the OpenShift router for names that it does not know, have none.
	Bare bool
	// Behind is what somebody behind this server says who wants TLS, "" where nobody does.
	Behind string
	// From is who answered Get.
	From netip.AddrPort
}

// GetOptions is one HTTP request.
type GetOptions struct {
	Peer  Peer
	URL   *url.URL
	Trust Trust // for https
}

// Get requests a URL on a connection of its own and times the phases dns, connect,
// tls and firstByte. It follows no redirect, uses no proxy and keeps nothing alive.
// The answer is nil when t has a failure other than of the certificate. What a status
// means is the caller's to say.
func Get(ctx context.Context, o GetOptions) (Try, *Answer) {
	var t Try
	s := connect(ctx, o.Peer, &t)
	if s == nil {
		return t, nil
	}
	defer func() { _ = s.Close() }()
	var conn net.Conn = s
	if o.URL.Scheme == "https" {
		shaking := time.Now()
		secure, err := handshake(ctx, s, o.URL.Hostname())
		t.phase(stageTLS, shaking)
		t.RTT = check.Duration(time.Since(s.start))
		if err == nil {
			err = judge(secure.ConnectionState(), o.Trust, time.Now(), &t)
		} else {
			err = s.withoutCertificate(err)
		}
		if err != nil {
			t.failOn(ctx, err, s, stageTLS)
			return t, nil
		}
		s.settle()
		conn = secure
	}
	asked := time.Now()
	answer, err := roundTrip(conn, o.URL, func() {
		t.phase(stageFirstByte, asked)
		t.RTT = check.Duration(time.Since(s.start))
	})
	if err != nil {
		t.RTT = check.Duration(time.Since(s.start))
		t.failOn(ctx, s.withoutCertificate(lastWord(conn, err)), s, stageFirstByte)
		return t, nil
	}
	answer.From = s.addr
	return t, answer
}

// askHTTP is the dialog of ports that are taken for HTTP: any status is an answer, 5xx
// is a warning.
func askHTTP(_ context.Context, s *session, t Talk) (string, error) {
	host := s.addr.String()
	if t.Host != "" {
		host = net.JoinHostPort(t.Host, strconv.Itoa(int(s.addr.Port())))
	}
	answer, err := roundTrip(s, &url.URL{Scheme: "http", Host: host, Path: "/"}, func() {})
	if err != nil {
		return "", err
	}
	text := "HTTP " + answer.Text
	if answer.Server != "" {
		text += ", server " + answer.Server
	}
	if p := answer.broken(); p != nil {
		p.soft = true
		if answer.Bare {
			text += ", " + BareAnswer
		}
		return text, p
	}
	return text, nil
}

// BareAnswer is told of an error of which Answer.Bare holds.
const BareAnswer = "neither Server nor Date"

// Judge gives t a failure of kind http when the answer's status is 5xx.
func (t *Try) Judge(a *Answer) {
	if p := a.broken(); p != nil {
		t.Failure, t.Detail = p.kind, p.detail
	}
}

func (a *Answer) broken() *problem {
	if a.Status < http.StatusInternalServerError {
		return nil
	}
	detail := "HTTP " + a.Text
	if a.Body != "" {
		detail += fmt.Sprintf(" %q", a.Body)
	}
	return problemf(check.HTTP, "%s", detail)
}

// roundTrip sends a GET and reads the head of the answer; first is called when its
// first byte has come.
func roundTrip(conn net.Conn, u *url.URL, first func()) (*Answer, error) {
	request := newRequest(http.MethodGet, u)
	return trip(conn, request, request.Write, first)
}

func newRequest(method string, u *url.URL) *http.Request {
	return &http.Request{
		Method: method, URL: u, Host: u.Host, Close: true,
		Header: http.Header{"User-Agent": {userAgent}, "Accept": {"*/*"}},
	}
}

// trip is roundTrip with a request, and how it is written.
func trip(conn net.Conn, request *http.Request, write func(io.Writer) error, first func()) (*Answer, error) {
	if err := write(conn); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	limited := &io.LimitedReader{R: conn, N: maxHead}
	r := bufio.NewReaderSize(limited, 1<<10)
	if _, err := r.Peek(1); err != nil {
		return nil, err
	}
	first()
	// Peek only as far as it has come: a banner may be shorter than "HTTP/".
	begin, _ := r.Peek(min(r.Buffered(), 40))
	const protocol = "HTTP/"
	if n := min(len(begin), len(protocol)); string(begin[:n]) != protocol[:n] {
		if isTLSRecord(begin) {
			return nil, problemf(check.Protocol, "answers with a TLS record instead of HTTP")
		}
		return nil, problemf(check.Protocol, "answers %q instead of HTTP", Clean(string(begin), 40))
	}
	response, err := http.ReadResponse(r, request)
	if err != nil {
		if limited.N == 0 {
			return nil, problemf(check.Protocol, "answers a head of more than %d KiB", maxHead>>10)
		}
		if KindOf(err, nowhere) != "" {
			return nil, err
		}
		return nil, problemf(check.Protocol, "answers no valid HTTP: %s", Clean(err.Error(), 120))
	}
	defer func() { _ = response.Body.Close() }()
	answer := &Answer{
		Status:   response.StatusCode,
		Text:     Clean(response.Status, 60),
		Server:   Clean(response.Header.Get("Server"), 40),
		Location: Clean(response.Header.Get("Location"), 120),
		Bare:     response.Header.Get("Server") == "" && response.Header.Get("Date") == "",
	}
	// The head was the answer. A body that does not come along with it is not awaited.
	const line, some, patience = 120, 1 << 10, 50 * time.Millisecond
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	most := int64(line)
	if answer.Status == http.StatusBadRequest {
		most = some // it may say why
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, most))
	if answer.Status == http.StatusBadRequest {
		for _, words := range saidByTLS {
			if !strings.Contains(string(body), words) {
				continue
			}
			// Who was asked in TLS hands on what somebody behind it says.
			if _, secure := conn.(*tls.Conn); secure {
				answer.Behind = words
				break
			}
			return nil, problemf(check.Protocol, "answers HTTP %s, \"%s\": this port, or one that it hands the request to, speaks TLS", answer.Text, words)
		}
	}
	text, _, _ := strings.Cut(string(body), "\n")
	answer.Body = Clean(text, line)
	return answer, nil
}

// saidByTLS is what servers of HTTPS answer, in the clear, to a request in plain HTTP: Go's,
// nginx, Apache, Tomcat.
var saidByTLS = []string{
	"Client sent an HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port",
	"speaking plain HTTP to an SSL-enabled server port", "combination of host and port requires TLS",
}
