package causes

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func TestPodProxy(t *testing.T) {
	for _, tt := range []struct {
		name    string
		status  check.Status
		failure check.Failure
		broken  bool // when asked directly
		named   bool
	}{
		{"the proxy does not know the name", check.Warn, check.HTTP, false, true},
		{"the target is broken, and the proxy says so", check.Warn, check.HTTP, true, false},
		{"the proxy is gone", check.Warn, check.Refused, false, true},
		{"the proxy's name does not resolve", check.Warn, check.NXDomain, false, true},
		{"the proxy is gone, and the target too", check.Warn, check.Timeout, true, true},
		{"the target is silent, and the proxy waits for it", check.Warn, check.Silent, true, false},
		{"the proxy answers", check.Pass, "", false, false},
	} {
		for _, subject := range []string{"service/shop/web", "http://web.shop/"} {
			w := newWorld()
			w.add("target.http", "target", "http://web.shop/", "", "", 1)
			w.add("target.proxy", "target", "http://web.shop/ by proxy proxy:3128", client, subject, 1)
			r := &w.results[len(w.results)-1]
			r.Status, r.Failure = tt.status, tt.failure
			if tt.broken {
				w.fail(check.Timeout, -1, "target.http", "service.endpoint 10.2.0.3")
			}
			v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
			var got *diagnose.Finding
			for i := range v.Causes {
				if v.Causes[i].Code == "NL-POD-PROXY" {
					got = &v.Causes[i]
				}
			}
			if (got != nil) != tt.named {
				t.Errorf("%s, %s: causes %q", tt.name, subject, codes(v.Causes))
			}
			if got != nil && (got.Confidence != diagnose.Likely || !strings.Contains(got.Headline, "for http://web.shop/ to the proxy proxy:3128") || !strings.Contains(got.Try[0], "-n shop exec client")) {
				t.Errorf("%s: %+v", tt.name, got)
			}
		}
	}
	// A proxy that takes its time is no more than suspected.
	slow := newWorld()
	slow.add("target.http", "target", "http://web.shop/", "", "", 1)
	slow.add("target.proxy", "target", "http://web.shop/ by proxy proxy:3128", client, "http://web.shop/", 1)
	slow.results[len(slow.results)-1].Status, slow.results[len(slow.results)-1].Failure = check.Warn, check.Silent
	if v := Registry.Diagnose(diagnose.NewCase(&slow.facts, slow.results)); len(v.Causes) > 0 || len(v.Candidates) != 1 || v.Candidates[0].Code != "NL-POD-PROXY" {
		t.Errorf("a slow proxy: causes %q, candidates %q", codes(v.Causes), codes(v.Candidates))
	}
	// Of a URL that nobody asked directly nothing is known.
	w := newWorld()
	w.add("target.proxy", "target", "http://web.shop/ by proxy proxy:3128", client, "http://web.shop/", 1)
	r := &w.results[len(w.results)-1]
	r.Status, r.Failure = check.Warn, check.HTTP
	if v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results)); len(v.Causes) > 0 {
		t.Errorf("named without anything to hold it against: %q", codes(v.Causes))
	}
}
