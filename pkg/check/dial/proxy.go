package dial

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// GetByProxy asks an HTTP proxy for a URL as an application would whose environment names
// it: with the whole URL of http (RFC 9112, 3.2.2), and for https with a CONNECT, whose
// tunnel is not used. The answer is nil when t has a failure of the way.
func GetByProxy(ctx context.Context, proxy Peer, u *url.URL) (Try, *Answer) {
	var t Try
	s := connect(ctx, proxy, &t)
	if s == nil {
		return t, nil
	}
	defer func() { _ = s.Close() }()
	asked := time.Now()
	request := newRequest(http.MethodGet, u)
	write := request.WriteProxy
	if u.Scheme == "https" {
		host := u.Host
		if u.Port() == "" {
			host = net.JoinHostPort(u.Hostname(), "443")
		}
		request = newRequest(http.MethodConnect, &url.URL{Host: host})
		write = func(w io.Writer) error { return request.Write(w) }
	}
	answer, err := trip(s, request, write, func() { t.phase(stageFirstByte, asked) })
	t.RTT = check.Duration(time.Since(s.start))
	if err != nil {
		t.failOn(ctx, err, s, stageFirstByte)
		return t, nil
	}
	t.See("status", "%s", answer.Text)
	if p := answer.broken(); p != nil {
		t.Failure, t.Detail = p.kind, p.detail
	} else if request.Method == http.MethodConnect && answer.Status/100 != 2 && answer.Status != http.StatusProxyAuthRequired {
		t.Failure, t.Detail = check.HTTP, "HTTP "+answer.Text+" to CONNECT"
	}
	return t, answer
}
