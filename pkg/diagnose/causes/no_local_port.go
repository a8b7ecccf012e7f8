package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-NO-LOCAL-PORT",
		Summary: "no local port is left to connect from",
		Signal:  "connect(2) fails with EADDRNOTAVAIL although there is a route and a source address (over UDP with EAGAIN), or the namespace's table of sockets has as many connections to one address and port as ip_local_port_range has ports.",
		Meaning: "New connections fail before a packet is sent, at once. A port is free again a minute after its connection was closed (TIME_WAIT); towards other addresses and ports there may be enough.",
		Confirm: []string{"cat /proc/sys/net/ipv4/ip_local_port_range (in the pod)", "ss -tan state time-wait | awk '{print $4}' | sort | uniq -c | sort -n | tail -3 (in the pod)"},
		Remedy: []string{
			"let the application keep its connections open and use them again: a connection for each request leaves each of its ports in TIME_WAIT",
			"set net.ipv4.ip_local_port_range to \"1024 65535\" in spec.securityContext.sysctls of the pod; or net.ipv4.tcp_tw_reuse to 1, which takes over ports in TIME_WAIT",
			"more pods: each has local ports of its own",
		},
		Source: "connect(2), EADDRNOTAVAIL; net/ipv4/inet_hashtables.c, __inet_hash_connect; https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html",
		Spot:   diagnose.Spot{Place: diagnose.AtPod, Says: "no local port left"},
		Find:   findNoLocalPort,
	})
}

func findNoLocalPort(c *diagnose.Case) []diagnose.Finding {
	var order []string
	short := map[string][]check.Result{} // by vantage point
	for _, r := range c.Results {
		if !diagnose.Bad(r) || r.Failure != check.NoPort && !slices.ContainsFunc(r.Attempts, func(a check.Attempt) bool { return a.Failure == check.NoPort }) {
			continue
		}
		if short[r.Vantage] == nil {
			order = append(order, r.Vantage)
		}
		short[r.Vantage] = append(short[r.Vantage], r)
	}
	var findings []diagnose.Finding
	for _, vantage := range order {
		findings = append(findings, noLocalPort(c, vantage, short[vantage]))
	}
	return findings
}

// fewLocalPorts is less than any kernel's default (28,232) by far.
const fewLocalPorts = 1024

// portsIn is how many ports a range like "32768 60999" has.
func portsIn(text string) (ports int, ok bool) {
	var low, high uint16
	if _, err := fmt.Sscan(text, &low, &high); err != nil || low > high {
		return 0, false
	}
	return int(high) - int(low) + 1, true
}

func noLocalPort(c *diagnose.Case, vantage string, short []check.Result) diagnose.Finding {
	refused := slices.DeleteFunc(slices.Clone(short), func(r check.Result) bool { return r.Check == "vantage.sockets" })
	f := diagnose.Finding{
		Headline:   vantage + " has no local port left to connect from",
		Confidence: diagnose.Certain, // the kernel says so
		Where:      []string{vantage},
		Evidence:   seenAll(refused),
		Explains:   c.Through(diagnose.Keys(short)),
		Likely:     "an application that opens a connection for each request: its ports stay in TIME_WAIT for a minute after each",
		Rank:       rankMeasured,
	}
	for _, r := range c.Find(diagnose.Match{Check: "vantage.sockets", Vantage: vantage}) {
		if r.Vantage != vantage {
			continue
		}
		if diagnose.Bad(r) {
			f.Headline = fmt.Sprintf("%s has no local port left: %s", vantage, r.Summary)
			if r.Status == check.Warn && len(refused) == 0 {
				f.Headline = fmt.Sprintf("%s has few local ports left: %s", vantage, r.Summary)
				f.Confidence = diagnose.Likely // not all of them, at this moment
			}
		}
		for _, key := range []string{"net.ipv4.ip_local_port_range", "sockets", "most connections"} {
			if v := value(r, key); v != "" {
				f.Evidence = append(f.Evidence, key+": "+v)
			}
		}
		if ports, ok := portsIn(value(r, "net.ipv4.ip_local_port_range")); ok && ports < fewLocalPorts {
			f.Likely = fmt.Sprintf("the range was narrowed to %s, in spec.securityContext.sysctls of the pod or on its node", check.Count(ports, "port"))
		}
	}
	if namespace, pod := namespaced(vantage); namespace != "" {
		f.Try = []string{
			fmt.Sprintf("kubectl netlook shell %s -n %s -- ss -s", pod, namespace),
			fmt.Sprintf("kubectl netlook shell %s -n %s -- ss -tan", pod, namespace),
			fmt.Sprintf("kubectl -n %s get pod %s -o jsonpath='{.spec.securityContext.sysctls}'", namespace, pod),
		}
	} else {
		f.Try = []string{fmt.Sprintf("kubectl netlook shell %s -- ss -s", vantage)}
	}
	return f
}
