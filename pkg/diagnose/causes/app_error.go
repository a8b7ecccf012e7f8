package causes

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	way := appWay{
		kinds:      []check.Failure{check.HTTP},
		says:       "is reached, and answers with an HTTP error of its own",
		say:        "are reached, and answer with an HTTP error of their own",
		confidence: diagnose.Likely,
		likely:     "the application fails, or a proxy answers in its stead because what lies behind it is down (502, 503, 504)",
	}
	Registry.Add(diagnose.Cause{
		Code:    "NL-APP-ERROR",
		Summary: "an application, or a proxy in front of it, answers with an HTTP error",
		Signal:  "A request is answered with a status of 500 or more.",
		Meaning: "The network on the way there is in order: who answered was reached. Look at its log, and if it is a proxy, at what stands behind it.",
		Confirm: []string{"curl -v URL: the headers tell who answered"},
		Remedy:  []string{"mend what the log of who answered names", "kubectl netlook service NAME for the service that a proxy sends to"},
		Source:  "RFC 9110, 15.6",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "answers 5xx"},
		Find:    way.find,
	})
}
