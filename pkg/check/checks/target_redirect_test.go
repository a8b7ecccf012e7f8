package checks

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
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
