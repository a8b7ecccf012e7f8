package cluster

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// TestClockSkew: with this machine's clock an hour off either way, facts carry the
// cluster's time, as the API server's answers tell it.
func TestClockSkew(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.NotFound(w, nil) // its Date is of the true time
	}))
	t.Cleanup(server.Close)
	for name, off := range map[string]time.Duration{"right": 0, "an hour ahead": time.Hour, "an hour behind": -time.Hour} {
		own := &clock{now: func() time.Time { return time.Now().Add(off) }}
		config := &rest.Config{Host: server.URL}
		config.Wrap(own.listen)
		clientset, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		c := NewFor(clientset, config, "shop")
		c.clock = own
		f, err := c.Gather(t.Context(), Request{Node: &corev1.Node{ObjectMeta: objectMeta("", "w1")}})
		if err != nil {
			t.Fatal(err)
		}
		if miss := time.Since(f.Now).Abs(); miss > 2*time.Second {
			t.Errorf("%s: the cluster's time is missed by %s", name, miss)
		}
		if miss := (f.Ahead - off).Abs(); miss > 2*time.Second {
			t.Errorf("%s: ahead by %s", name, f.Ahead)
		}
	}
}

// TestClockUntold: without a date this machine's clock has to do.
func TestClockUntold(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := &clock{now: func() time.Time { return at }}
	for _, date := range []string{"", "yesterday"} {
		c.heard(at, at, date)
	}
	if now, ahead := c.read(); !now.Equal(at) || ahead != 0 {
		t.Errorf("%s, ahead by %s", now, ahead)
	}
	// The shortest round trip tells best.
	c.heard(at, at.Add(10*time.Second), at.Add(-time.Hour).Format(http.TimeFormat))
	c.heard(at, at.Add(time.Second), at.Add(-time.Minute).Format(http.TimeFormat))
	c.heard(at, at.Add(5*time.Second), at.Format(http.TimeFormat))
	if _, ahead := c.read(); ahead != time.Minute {
		t.Errorf("ahead by %s", ahead)
	}
}
