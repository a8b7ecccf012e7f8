package causes

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	way := appWay{
		kinds:      []check.Failure{check.Protocol},
		says:       "answers in another protocol than it is asked in",
		say:        "answer in another protocol than they are asked in",
		confidence: diagnose.Likely,
		likely:     "https:// of a port that speaks plain HTTP, or the other way round; or the Service's targetPort leads to another port of the pod than was meant",
	}
	Registry.Add(diagnose.Cause{
		Code:    "NL-APP-PROTOCOL",
		Summary: "an application answers in another protocol than it is asked in",
		Signal:  "The connection comes about and bytes come back, and they are not of the protocol that the URL, the Service's appProtocol or the port's name says.",
		Meaning: "The network is in order. Clients, proxies and Ingress controllers that rely on that name fail at the first byte.",
		Confirm: []string{"curl -v http://ADDRESS:PORT/", "curl -vk https://ADDRESS:PORT/"},
		Remedy:  []string{"ask in the protocol that the port speaks", "set appProtocol of the Service's port, its name, or its targetPort right"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "another protocol"},
		Find:    way.find,
	})
}
