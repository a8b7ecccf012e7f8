package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-PORTS",
		Summary: "a pod has so few local ports that it runs out of them",
		Signal:  "The kernel's ip_local_port_range in the pod's network namespace has less than 1,024 ports; connections fail before a packet is sent.",
		Meaning: "There are no more connections to one address and port than there are local ports, those in TIME_WAIT included: under load some fail at once, with EADDRNOTAVAIL.",
		Confirm: []string{"kubectl -n NAMESPACE exec POD -- cat /proc/sys/net/ipv4/ip_local_port_range"},
		Remedy:  []string{"set net.ipv4.ip_local_port_range to \"32768 60999\" in the pod's spec.securityContext.sysctls, or leave it out there", "or let the application keep its connections open"},
		Source:  "ip(7), ip_local_port_range; connect(2), EADDRNOTAVAIL",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "vantage.ports", Status: []check.Status{check.Warn}}) {
				f := diagnose.Finding{
					Headline:   fmt.Sprintf("%s has %s", r.Vantage, r.Summary),
					Confidence: diagnose.Certain, // the state itself was read
					Where:      []string{r.Vantage},
					Evidence:   []string{seen(r), portRangeOf(r)},
					Explains:   []string{diagnose.Key(r)},
					Likely:     "spec.securityContext.sysctls of the pod, or a tuning of its node's, narrows the range",
					Rank:       rankMeasured,
				}
				if namespace, pod := namespaced(r.Vantage); namespace != "" { // a node has none
					f.Try = []string{fmt.Sprintf("kubectl -n %s get pod %s -o jsonpath='{.spec.securityContext.sysctls}'", namespace, pod)}
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}

// portRangeOf is the kernel's own line.
func portRangeOf(r check.Result) string {
	const setting = "net.ipv4.ip_local_port_range"
	return setting + " = " + value(r, setting)
}
