package dial

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

func TestGetByProxy(t *testing.T) {
	for _, tt := range []struct {
		name, url, status string
		line              string // that the proxy is to read
		want              check.Failure
	}{
		{"http", "http://web.shop/x", "200 OK", "GET http://web.shop/x HTTP/1.1", ""},
		{"an answer of the application", "http://web.shop/x", "404 Not Found", "GET http://web.shop/x HTTP/1.1", ""},
		{"a name that the proxy does not know", "http://web.shop:8080/", "503 Service Unavailable", "GET http://web.shop:8080/ HTTP/1.1", check.HTTP},
		{"https", "https://web.shop/", "200 Connection established", "CONNECT web.shop:443 HTTP/1.1", ""},
		{"https that is denied", "https://web.shop:8443/", "403 Forbidden", "CONNECT web.shop:8443 HTTP/1.1", check.HTTP},
		{"https of who has to say who he is", "https://web.shop/", "407 Proxy Authentication Required", "CONNECT web.shop:443 HTTP/1.1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			read := make(chan string, 1)
			proxy := serve(t, "127.0.0.1", func(c net.Conn) {
				head := make([]byte, 4096)
				n, _ := c.Read(head)
				line, _, _ := strings.Cut(string(head[:n]), "\r\n")
				read <- line
				_, _ = fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", tt.status)
			})
			u, err := url.Parse(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			try, answer := GetByProxy(within(t, 2*time.Second), Peer{Addr: proxy}, u)
			if try.Failure != tt.want || answer == nil || try.Err != nil {
				t.Errorf("%q (%s), %v, answer %+v; want %q", try.Failure, try.Detail, try.Err, answer, tt.want)
			}
			if line := <-read; line != tt.line {
				t.Errorf("sent %q, want %q", line, tt.line)
			}
		})
	}
	u := &url.URL{Scheme: "http", Host: "web.shop"}
	if try, answer := GetByProxy(within(t, 2*time.Second), Peer{Addr: refused(t, "127.0.0.1")}, u); try.Failure != check.Refused || answer != nil {
		t.Errorf("a proxy that is not there: %q, %+v", try.Failure, answer)
	}
	silent := serve(t, "127.0.0.1", hang)
	if try, answer := GetByProxy(within(t, 300*time.Millisecond), Peer{Addr: silent}, u); try.Failure != check.Silent || answer != nil {
		t.Errorf("a proxy that hangs: %q, %+v", try.Failure, answer)
	}
}
