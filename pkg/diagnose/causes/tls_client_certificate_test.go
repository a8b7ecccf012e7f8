package causes

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// A certificate that the client lacks is not one of the server's that is not accepted.
func TestClientCertificate(t *testing.T) {
	if !strings.HasPrefix(dial.WantsCertificate, wantsCertificate) {
		t.Fatalf("%q is not how %q begins", wantsCertificate, dial.WantsCertificate)
	}
	for _, tt := range []struct {
		status         check.Status
		detail, causes string
	}{
		{check.Warn, dial.WantsCertificate + " (remote error: tls: certificate required)", "NL-TLS-CLIENT-CERTIFICATE"},
		{check.Fail, "certificate expired on 2026-01-01", "NL-TLS-CERTIFICATE"},
		{check.Fail, "remote error: tls: protocol version not supported", ""},
	} {
		w := newWorld()
		w.add("target.http", "target", "https://vault.shop/", "", "", 1)
		r := &w.results[len(w.results)-1]
		r.Status, r.Failure = tt.status, check.TLS
		r.Attempts = []check.Attempt{{Failure: check.TLS, Detail: tt.detail}}
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if got := strings.Join(codes(v.Causes), " "); got != tt.causes {
			t.Errorf("%s: causes %q, want %q", tt.detail, got, tt.causes)
		}
		if tt.causes != "" && v.Causes[0].Try[0] != "" && !strings.Contains(v.Causes[0].Try[0], "-connect vault.shop:443") {
			t.Errorf("%s: try %q", tt.detail, v.Causes[0].Try)
		}
	}
}

// TestTwoURLs: what is wrong at one says nothing of the other.
func TestTwoURLs(t *testing.T) {
	expired, mutual := "certificate expired on 2026-01-01", dial.WantsCertificate+" (remote error: tls: certificate required)"
	for _, details := range [][]string{{expired, mutual}, {mutual, expired}} {
		w := newWorld()
		for i, detail := range details {
			w.add("target.http", "target", []string{"https://a.shop/", "https://b.shop/"}[i], "", "", 1)
			r := &w.results[len(w.results)-1]
			r.Status, r.Failure, r.Attempts = check.Fail, check.TLS, []check.Attempt{{Failure: check.TLS, Detail: detail}}
		}
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if got := strings.Join(codes(v.Causes), " "); got != "NL-TLS-CERTIFICATE NL-TLS-CLIENT-CERTIFICATE" {
			t.Errorf("causes %q of %q", got, details)
		}
		for _, f := range v.Causes {
			if len(f.Explains) != 1 {
				t.Errorf("%s explains %q", f.Code, f.Explains)
			}
		}
	}
}
