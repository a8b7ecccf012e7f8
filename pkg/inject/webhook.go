package inject

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

var (
	// webhookText is what the API server says when it cannot ask a webhook whose
	// failurePolicy is Fail; there is no field that holds it
	// (apiserver: pkg/admission/plugin/webhook/errors, pkg/util/webhook/error.go).
	webhookText = regexp.MustCompile(`failed calling webhook "([^"]+)": (?:failed to call webhook: )?(.+)$`)
	// postText is how net/http begins the error of a request.
	postText = regexp.MustCompile(`^Post "([^"]+)": (.+)$`)
)

// webhookOf reads the webhook out of an error of the API server: nil when it is about
// something else.
func webhookOf(err error, doing string) *facts.Webhook {
	m := webhookText.FindStringSubmatch(wire.Clean(err.Error(), 2*maxMessage))
	if m == nil {
		return nil
	}
	w := &facts.Webhook{Name: m[1], Why: m[2], Doing: doing}
	if post := postText.FindStringSubmatch(w.Why); post != nil {
		w.URL, w.Why = post[1], post[2]
	}
	if u, err := url.Parse(w.URL); err == nil {
		u.RawQuery = "" // the deadline
		w.URL = u.String()
		// The API server writes services so, and asks their endpoints itself.
		if labels := strings.Split(u.Hostname(), "."); len(labels) == 3 && labels[2] == "svc" {
			w.Service = facts.Ref{Namespace: labels[1], Name: labels[0]}
		}
	}
	return w
}

// webhookError is the error of a request that a webhook keeps from being answered.
func webhookError(w *facts.Webhook) *Error {
	e := fail(ErrWebhook, "nothing that it judges can be made until it answers: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
		"%s: the API server cannot ask admission webhook %q: %s", w.Doing, w.Name, w.Why)
	e.Webhook = w
	return e
}
