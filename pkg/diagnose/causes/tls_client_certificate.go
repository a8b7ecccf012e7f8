package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-TLS-CLIENT-CERTIFICATE",
		Summary: "a server wants a certificate of its clients (mutual TLS), and ends the connection without one",
		Signal:  "In the TLS handshake the server asks for a certificate, and ends the connection once it has got none: by an alert, or by closing it.",
		Meaning: "The network is in order, and the server does what it was told. The probe has no certificate; whether the application has one that the server accepts, it cannot tell.",
		Confirm: []string{"openssl s_client -connect ADDRESS:PORT -servername NAME </dev/null 2>&1 | grep -A3 'client certificate CA names' (whose it is to be)", "curl -v --cert FILE --key FILE URL (with the application's own)"},
		Remedy:  []string{"give the client a certificate that one of those CAs has signed, or renew it", "bring the client into the mesh that the server is in", "only if its owner agrees that clients no longer prove who they are: let the server do without (PERMISSIVE in place of STRICT, verify_client optional)"},
		Source:  "RFC 8446, 4.3.2 and 4.4.2",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "wants mutual TLS"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, group := range brokenTLS(c, func(r check.Result) bool { return strings.HasPrefix(reasonOf(r), wantsCertificate) }) {
				r := group[0]
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("the server at %s wants a certificate of its clients: without one it ends the connection", r.Target),
					Confidence: diagnose.Likely, // the application may have one, and fail by something else
					Where:      places(c, group),
					Evidence:   append(seenAll(group), firstOf(evidenceLines(r), mostEvidence)...),
					Explains:   diagnose.Keys(group),
					Likely:     "mutual TLS, and a client without a certificate, or with one that the server does not accept",
					Try:        []string{"openssl s_client " + hostPort(r.Target) + " </dev/null | grep -A3 'client certificate CA names'"},
					Rank:       rankMeasured,
				})
			}
			return findings
		},
	})
}

// wantsCertificate is dial.WantsCertificate: what an attempt says that ended so.
const wantsCertificate = "the server wants a certificate of its clients"
