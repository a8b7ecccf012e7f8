package causes

import (
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	way := appWay{
		kinds:      []check.Failure{check.HTTP},
		says:       "is reached, and answers with an HTTP error of its own",
		say:        "are reached, and answer with an HTTP error of their own",
		confidence: diagnose.Likely,
		likely:     "the application fails, or a proxy answers in its stead because what lies behind it is down (502, 503, 504)",
		warned:     unavailable,
	}
	Registry.Add(diagnose.Cause{
		Code:    "NL-APP-ERROR",
		Summary: "an application, or a proxy in front of it, answers with an HTTP error",
		Signal:  "A request is answered with a status of 500 or more: that of a URL which was asked for; or every one to a port of a service, asked by its name in the cluster, with 502, 503 or 504. A server that routes by name may say so to names that it was not told of: it is possible only where the service is entered from outside too, or a pod is asked by its address; what HAProxy (the OpenShift router), or the sidecar of the pod that asks, may have said by itself is left to its row.",
		Meaning: "The network on the way there is in order: who answered was reached. Look at its log, and if it is a proxy, at what stands behind it.",
		Confirm: []string{"curl -v URL: the headers tell who answered"},
		Remedy:  []string{"mend what the log of who answered names", "kubectl netlook service NAME for the service that a proxy sends to"},
		Source:  "RFC 9110, 15.6",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "answers 5xx"},
		Find:    way.find,
	})
}

// unavailable reports whether every attempt was answered by a server that says of itself,
// or of what it stands before, that it is not there. Another error at the path / need not
// mean anything: nobody said that the application serves it. Nor does one of a server that
// may just not know the name it was asked by, as HAProxy's own, or one without a word where
// a sidecar stands between, which Envoy and Linkerd's answer by themselves.
func unavailable(c *diagnose.Case, r check.Result) bool {
	if strings.Contains(value(r, "answer"), dial.BareAnswer) {
		return false
	}
	for _, a := range r.Attempts {
		words := strings.Fields(a.Detail) // "HTTP 503 Service Unavailable"
		if a.Failure != check.HTTP || len(words) < 2 || words[0] != "HTTP" || !slices.Contains([]string{"502", "503", "504"}, words[1]) {
			return false
		}
		if c.Facts.Vantage.Sidecar() != "" && !strings.HasSuffix(a.Detail, `"`) {
			return false
		}
	}
	return len(r.Attempts) > 0
}
