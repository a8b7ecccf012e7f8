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
		{check.Warn, dial.WantsCertificate + " (closed by the peer)", "NL-TLS-CLIENT-CERTIFICATE"},
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
