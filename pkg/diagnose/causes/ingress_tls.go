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
		Code:    "NL-INGRESS-TLS",
		Summary: "the TLS secret of an Ingress is missing, of no use, expired, or for another name",
		Signal:  "The secret that spec.tls names for the rule's host does not exist, holds no certificate with its key, or one that is out of its dates or does not have the host among its names.",
		Meaning: "Clients that verify refuse to talk: the controller shows this certificate, or one of its own in its place. Without TLS, and from inside, all works.",
		Confirm: []string{"kubectl -n NAMESPACE get secret NAME -o jsonpath='{.data.tls\\.crt}' | base64 -d | openssl x509 -noout -dates -subject -ext subjectAltName"},
		Remedy:  []string{"renew the certificate: kubectl -n NAMESPACE create secret tls NAME --cert=FILE --key=FILE --dry-run=client -o yaml | kubectl apply -f -", "kubectl -n NAMESPACE get certificates,certificaterequests (cert-manager)"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/ingress/#tls",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.ingresstls", Status: []check.Status{check.Fail}}) {
				namespace, ingress, _ := strings.Cut(strings.TrimPrefix(r.Object, "ingress/"), "/")
				served := entriesOf(c, r, check.TLS)
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("ingress %s/%s, host %s: %s", namespace, ingress, r.Target, r.Summary),
					Confidence: diagnose.Certain,
					Where:      []string{r.Object, r.Subject},
					// The same is seen from inside and from outside, and told once.
					Evidence: slices.Compact(append(append([]string{seen(r)}, evidenceLines(r)...), seenAll(served)...)),
					Explains: append([]string{diagnose.Key(r)}, diagnose.Keys(served)...),
					Likely:   "a renewal that did not happen, or a secret that was made for another Ingress",
					Try:      []string{fmt.Sprintf("kubectl -n %s describe ingress %s", namespace, ingress)},
					Rank:     rankMeasured,
				})
			}
			return findings
		},
	})
}
