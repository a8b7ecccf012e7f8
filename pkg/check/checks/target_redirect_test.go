package checks

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
)

// A redirect to a port of the same host where nobody listens is one that clients fail at,
// and one that leads elsewhere is none of our business.
func TestRedirectThatLeadsNowhere(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close()
	open := httptest.NewServer(http.NotFoundHandler())
	defer open.Close()
	for _, tt := range []struct {
		name, location string
		want           check.Status
	}{
		{"to a port where nobody listens", "https://" + nobody + "/", check.Warn},
		{"to one that is open", open.URL, check.Pass},
		{"to another path", "/login", check.Pass},
		{"to another host", "https://elsewhere.invalid/", check.Pass},
		{"to another protocol", "ftp://" + nobody, check.Pass},
		{"to what is no URL", "https://[::", check.Pass},
		{"nowhere", "", check.Pass},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", tt.location)
			w.WriteHeader(http.StatusMovedPermanently)
		}))
		task := check.Task{Attempts: 2, Timeout: check.Duration(2 * time.Second)}
		r := runHTTP(t.Context(), task, httpParams{URL: server.URL})
		server.Close()
		told := false
		for _, e := range r.Evidence {
			told = told || e.Key == redirectFails && strings.HasPrefix(e.Value, "refused at port ")
		}
		if r.Status != tt.want || told != (tt.want == check.Warn) {
			t.Errorf("%s: %s %q %v, want %s", tt.name, r.Status, r.Summary, r.Evidence, tt.want)
		}
	}
}

// What follows a redirect asks the address that answered, not the name once more, and takes
// for the port's word only what is one.
func TestRedirectAsksWhoAnswered(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := netip.MustParseAddrPort(closed.Addr().String())
	_ = closed.Close()
	from := &url.URL{Scheme: "http", Host: "nowhere.invalid"}
	answer := &dial.Answer{From: netip.AddrPortFrom(nobody.Addr(), 80), Location: fmt.Sprintf("https://nowhere.invalid:%d/", nobody.Port())}
	var try dial.Try
	redirected(t.Context(), &try, from, answer)
	if try.Failure != check.HTTP || !try.Soft || !strings.Contains(try.Detail, "refused") {
		t.Errorf("a name that does not resolve again: %q (%s)", try.Failure, try.Detail)
	}
	for _, tt := range []struct {
		failure check.Failure
		waited  time.Duration
		want    bool
	}{
		{check.Refused, 0, true}, {check.Unreachable, 0, true}, {check.Timeout, time.Second, true},
		{check.Timeout, 100 * time.Millisecond, false}, {check.NoPort, time.Second, false}, {check.Denied, 0, false}, {"", time.Second, false},
	} {
		if got := nobodyThere(tt.failure, tt.waited); got != tt.want {
			t.Errorf("%q after %s: %v", tt.failure, tt.waited, got)
		}
	}
}
