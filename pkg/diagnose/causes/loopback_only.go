package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-APP-LOOPBACK",
		Summary: "an application listens on 127.0.0.1 only, where nobody else reaches it",
		Signal:  "The pod's address refuses on the port, and the pod's own table of sockets has a listener of that port on a loopback address and on no other. Seen by a probe inside the pod (--deep).",
		Meaning: "It works from within the pod (a sidecar, kubectl port-forward, an exec probe), and from nowhere else.",
		Confirm: []string{"kubectl netlook pod CLIENT --to pod/POD:PORT --deep", "ss -ltn (in the pod)"},
		Remedy:  []string{"make the application listen on 0.0.0.0 or [::] (its bind or listen address)"},
		Source:  "ip(7), INADDR_LOOPBACK and INADDR_ANY; https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "on 127.0.0.1 only"},
		Find:    findLoopback,
	})
}

func findLoopback(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, l := range c.Find(diagnose.Match{Check: "pod.listeners", Status: []check.Status{check.Pass}}) {
		if l.Kernel == nil {
			continue
		}
		var refused []check.Result
		var ports []string
		for _, r := range c.Find(diagnose.Match{Object: l.Object, Status: failing, Failure: []check.Failure{check.Refused}}) {
			at, _, ok := diagnose.TargetPort(r)
			if ok && allFailures(r, check.Refused) && loopbackOnly(l.Kernel.Listeners, at) {
				refused = append(refused, r)
				ports = append(ports, fmt.Sprint(at.Port()))
			}
		}
		if len(refused) == 0 {
			continue
		}
		slices.Sort(ports)
		ports = slices.Compact(ports)
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("%s listens on its loopback address only (port %s)", l.Object, strings.Join(ports, ", ")),
			Confidence: diagnose.Certain,
			Where:      places(c, refused),
			Evidence:   append(seenAll(refused), "from inside: "+l.Summary),
			Explains:   c.Through(diagnose.Keys(refused)),
			Likely:     "the application's bind address is localhost",
			Try:        []string{"set its listen address to 0.0.0.0 (or [::]) and roll it out again"},
			Rank:       rankMeasured,
		})
	}
	return findings
}

// loopbackOnly reports whether a port is listened on, and that at loopback addresses alone.
func loopbackOnly(listeners []string, at netip.AddrPort) bool {
	found := false
	for _, text := range listeners {
		l, err := netip.ParseAddrPort(text)
		if err != nil || l.Port() != at.Port() {
			continue
		}
		if !l.Addr().IsLoopback() {
			return false
		}
		found = true
	}
	return found
}
