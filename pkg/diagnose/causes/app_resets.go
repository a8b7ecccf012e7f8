package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
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
		Find:    func(c *diagnose.Case) []diagnose.Finding { return append(way.find(c), cutEndpoints(c)...) },
	})
}

// cutEndpoints are those of a service that cut whoever asks in the protocol in which the
// others answer. By itself each may speak another one, and passes; through the ClusterIP
// both were met.
func cutEndpoints(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, vip := range c.Find(diagnose.Match{Check: "service.vip", Status: failing, Failure: []check.Failure{check.Reset, check.Closed}}) {
		s := c.Service(vip.Subject)
		if s == nil || vip.Lost() == len(vip.Attempts) || !slices.ContainsFunc(vip.Attempts, cutWhenAsked) {
			continue
		}
		var cut, well []check.Result
		for _, r := range c.Find(diagnose.Match{Check: "service.endpoint", Subject: vip.Subject, Vantage: vip.Vantage, Status: []check.Status{check.Pass}}) {
			if !behindPort(s, vip, r) {
				continue
			}
			if strings.Contains(value(r, "answer"), "is cut when asked") {
				cut = append(cut, r)
			} else {
				well = append(well, r)
			}
		}
		if len(cut) == 0 || len(well) == 0 {
			continue
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("%d of %d endpoints of service %s cut connections when they are asked what the others answer", len(cut), len(cut)+len(well), s.Ref()),
			Confidence: diagnose.Likely,
			Where:      places(c, cut),
			Evidence:   []string{seen(vip), fmt.Sprintf("at %s: %s", cut[0].Target, value(cut[0], "answer")), fmt.Sprintf("at %s: %s", well[0].Target, value(well[0], "answer"))},
			Explains:   []string{diagnose.Key(vip)},
			Likely:     "a proxy in front of it (a sidecar that wants mTLS), another version of the application, or a packet filter on the way there that resets what carries data",
			Try:        []string{fmt.Sprintf("kubectl -n %s get service %s -o yaml", s.Namespace, s.Name)},
			Rank:       rankSymptom + 1,
		}
		if namespace, pod := namespaced(cut[0].Object); namespace != "" {
			f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s logs %s --tail=20", namespace, pod))
		}
		findings = append(findings, f)
	}
	return findings
}

// cutWhenAsked reports whether an attempt ended as those at such an endpoint do: cut at
// the question, while a connection on which nothing is asked stays open.
func cutWhenAsked(a check.Attempt) bool { return strings.HasPrefix(a.Detail, "cut when asked") }

// behindPort reports whether the port of a service that was asked at a ClusterIP leads to
// an endpoint's that was asked by itself: other ports of the service may speak otherwise.
func behindPort(s *facts.Service, vip, endpoint check.Result) bool {
	front, protocol, known := diagnose.TargetPort(vip)
	at, _, ok := diagnose.TargetPort(endpoint)
	i := slices.IndexFunc(s.Ports, func(p facts.ServicePort) bool { return p.Port == front.Port() && p.Protocol == protocol })
	if !known || !ok || i < 0 {
		return false
	}
	return slices.ContainsFunc(s.Endpoints, func(e facts.Endpoint) bool {
		return e.Addr.Unmap() == at.Addr().Unmap() && slices.ContainsFunc(e.Ports, func(p facts.EndpointPort) bool {
			return p.Name == s.Ports[i].Name && p.Protocol == protocol && p.Port == at.Port()
		})
	})
}
