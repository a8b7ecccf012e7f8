package checks

import (
	"fmt"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "service.ingresstls",
		Area:    "service",
		Summary: "the TLS secrets of Ingresses that lead to a service exist, hold a certificate with its key, are in time, and are for the rule's host",
		Read: func(f *facts.Facts) []check.Result {
			var results []check.Result
			for _, s := range f.Services {
				seen := map[string]bool{}
				for _, rule := range s.Ingresses {
					key := rule.Ingress + " " + rule.Host
					if rule.TLS == nil || rule.TLS.Unasked || seen[key] {
						continue
					}
					seen[key] = true
					r := judgeIngressTLS(s, rule, f.Now)
					r.Label = check.Label{
						Title: nameFrom(f, s.Ref()) + " ingress TLS", Target: rule.Host,
						Object: ingressObject(s, rule), Subject: serviceObject(s.Ref()),
					}
					r.TaskID = "service.ingresstls " + s.Namespace + "/" + key
					results = append(results, r)
				}
			}
			return results
		},
	}))
}

// judgeIngressTLS is pure: what the secret of an Ingress is worth for a rule's host.
func judgeIngressTLS(s facts.Service, rule facts.IngressRule, now time.Time) check.Result {
	t := *rule.TLS
	named := "secret " + t.Secret
	broken := func(format string, args ...any) check.Result {
		r := failed(check.TLS, named+" "+format, args...)
		r.Meaning = "ingress controllers show this certificate, or one of their own in its place: clients that verify refuse to talk"
		return r
	}
	switch {
	case t.Secret == "":
		return check.Skipf("", "names no secret: the certificate is the controller's own matter")
	case t.Forbidden:
		r := check.Skipf(fmt.Sprintf("get secrets %s in namespace %s, or --from-outside to see what is served", t.Secret, s.Namespace), "cannot tell what %s holds: needs get secrets", named)
		r.With("API", "%s", t.Unread)
		return r
	case t.Unread != "":
		return check.Skipf("", "cannot tell what %s holds: %s", named, t.Unread)
	case t.Missing:
		return broken("does not exist")
	case len(t.Names) == 0 && t.Broken != "" && t.NotAfter.IsZero():
		return broken("is of no use: %s", t.Broken)
	}
	r := check.Result{Status: check.Pass, Summary: fmt.Sprintf("%s is for %s, until %s", named, rule.Host, t.NotAfter.UTC().Format(time.DateOnly))}
	switch {
	case now.After(t.NotAfter):
		r = broken("expired on %s", t.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(t.NotBefore):
		r = broken("is not valid before %s (or this clock is wrong: %s)", t.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case !t.Covers:
		r = broken("is not for %s", rule.Host)
	case t.Broken != "":
		r = broken("is of no use: %s", t.Broken)
	}
	names := strings.Join(t.Names, ", ")
	if names == "" {
		names = "no alternative name at all"
	}
	r.With("certificate", "%s, until %s", names, t.NotAfter.UTC().Format(time.DateOnly))
	return r
}
