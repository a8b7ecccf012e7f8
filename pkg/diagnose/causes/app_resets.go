package causes

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	way := appWay{
		kinds:      []check.Failure{check.Reset, check.Closed},
		says:       "accepts connections, and resets or closes them without an answer",
		say:        "accept connections, and reset or close them without an answer",
		confidence: diagnose.Likely,
		likely:     "it is asked in another protocol than it speaks (TLS, a mesh's mTLS), a proxy there has nobody behind it, or the process ends at a request",
	}
	Registry.Add(diagnose.Cause{
		Code:    "NL-APP-RESETS",
		Summary: "an application accepts connections and resets or closes them without an answer",
		Signal:  "The TCP handshake is completed, and the answer to a request in the port's protocol is a reset, or the end of the connection.",
		Meaning: "The network carries packets both ways; who listens there does not talk to this client. A packet filter on the way that resets connections looks the same.",
		Confirm: []string{"kubectl -n NAMESPACE logs POD --tail=20", "openssl s_client -connect ADDRESS:PORT (it may want TLS)"},
		Remedy:  []string{"name the protocol of the Service's port in appProtocol, and ask in that", "mend what the application's or the proxy's log names"},
		Source:  "RFC 9293, 3.5.2 (reset)",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "resets"},
		Find:    way.find,
	})
}
