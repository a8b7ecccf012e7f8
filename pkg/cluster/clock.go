package cluster

import (
	"net/http"
	"sync"
	"time"
)

// clock is the cluster's, as the API server tells it with every answer (RFC 9110, the
// field Date). This machine's own may be an hour off, which nobody notices until times
// that the API tells are held against it.
type clock struct {
	now func() time.Time // of this machine

	mu    sync.Mutex
	known bool
	ahead time.Duration // of this machine's, before the cluster's
	took  time.Duration // the round trip that it was measured with: the shortest so far
}

// dateStep is the resolution of the field: a time in it is half a step early on average.
const dateStep = time.Second

// listen is a wrapper of a transport, as rest.Config.Wrap takes it.
func (c *clock) listen(next http.RoundTripper) http.RoundTripper {
	return listener{c, next}
}

type listener struct {
	clock *clock
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (l listener) RoundTrip(request *http.Request) (*http.Response, error) {
	began := l.clock.now()
	response, err := l.next.RoundTrip(request)
	if err == nil && response != nil {
		l.clock.heard(began, l.clock.now(), response.Header.Get("Date"))
	}
	return response, err
}

// heard takes the time that an answer carries. The server wrote it some time between the
// request and the answer.
func (c *clock) heard(began, ended time.Time, date string) {
	told, err := http.ParseTime(date)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if took := ended.Sub(began); !c.known || took < c.took {
		c.known, c.took = true, took
		c.ahead = began.Add(took / 2).Sub(told.Add(dateStep / 2))
	}
}

// read is the cluster's time, and how far this machine's clock is before it: this
// machine's and 0 where no answer has told.
func (c *clock) read() (now time.Time, ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Add(-c.ahead), c.ahead
}
