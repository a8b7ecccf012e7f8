package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-TLS-CERTIFICATE",
		Summary: "a server's certificate has expired, is not yet valid, is for another name, or is signed by a stranger",
		Signal:  "The connection comes about, and the TLS handshake ends at the certificate: its dates, its names, or its issuer.",
		Meaning: "The network is in order; clients that verify refuse to talk.",
		Confirm: []string{"openssl s_client -connect ADDRESS:PORT -servername NAME </dev/null | openssl x509 -noout -dates -subject -ext subjectAltName"},
		Remedy:  []string{"renew the certificate, or ask by a name that is in it", "kubectl -n NAMESPACE get certificates,secrets (cert-manager)"},
		Source:  "RFC 5280, 4.1.2.5; RFC 9525",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, group := range brokenTLS(c, ofCertificate) {
				r := group[0]
				at := r.Target
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("the certificate at %s is not accepted: %s", at, reasonOf(r)),
					Confidence: diagnose.Certain,
					Where:      places(c, group),
					Evidence:   append(seenAll(group), firstOf(evidenceLines(r), mostEvidence)...),
					Explains:   diagnose.Keys(group),
					Likely:     "a renewal that did not happen or was not loaded, or a name that the certificate does not have",
					Try:        []string{"openssl s_client " + hostPort(at) + " </dev/null | openssl x509 -noout -dates -subject -ext subjectAltName"},
					Rank:       rankMeasured,
				})
			}
			return findings
		},
	})
}

// brokenTLS are the handshakes that failed in some way, but for the API server's: by the
// service they are about, or each for itself where they are about none.
func brokenTLS(c *diagnose.Case, so func(check.Result) bool) [][]check.Result {
	found := slices.DeleteFunc(c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.TLS}}), func(r check.Result) bool {
		return !so(r) || strings.HasPrefix(r.Check, "api.")
	})
	var groups [][]check.Result
	for _, group := range bySubject(found) {
		if group[0].Subject != "" {
			groups = append(groups, group)
			continue
		}
		for _, r := range group {
			groups = append(groups, []check.Result{r})
		}
	}
	return groups
}

// certificateWords are what the handshake's end says when it is the certificate's doing.
var certificateWords = []string{"expired", "not valid before", "not yet valid", "is for ", "signed by", "unknown authority", "certificate"}

func ofCertificate(r check.Result) bool {
	text := reasonOf(r)
	if strings.HasPrefix(text, wantsCertificate) {
		return false // it is not the server's that is missing
	}
	for _, word := range certificateWords {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// reasonOf is what the attempts say, once.
func reasonOf(r check.Result) string {
	for _, a := range r.Attempts {
		if a.Failure == check.TLS && a.Detail != "" {
			return a.Detail
		}
	}
	return r.Summary
}

// hostPort says to openssl where to connect: of a URL its host and port, or the address
// at which it was asked for and the host to ask for.
func hostPort(target string) string {
	rest, url := strings.CutPrefix(target, "https://")
	rest, at, elsewhere := strings.Cut(rest, " at ")
	host, _, _ := strings.Cut(rest, "/")
	switch {
	case url && elsewhere:
		return "-connect " + at + " -servername " + host
	case url && !strings.Contains(host, ":"):
		host += ":443"
	}
	return "-connect " + host
}
