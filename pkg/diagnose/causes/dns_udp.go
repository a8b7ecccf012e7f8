package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-UDP-BLOCKED",
		Summary: "DNS over UDP is lost on the way, DNS over TCP answers",
		Signal:  "The same server answers over TCP port 53 and never over UDP port 53.",
		Meaning: "Resolvers ask over UDP first and wait 5 s a try: lookups hang or fail, although the DNS server is well.",
		Confirm: []string{"kubectl netlook pod POD -o wide", "kubectl get networkpolicies -A"},
		Remedy:  []string{"allow UDP port 53 besides TCP in the NetworkPolicy or firewall that is in the way"},
		Source:  "RFC 7766: both transports are needed",
		Spot:    diagnose.Spot{Place: diagnose.AtPeer, Says: "UDP lost"},
		Find:    findDNSUDP,
	})
}

func findDNSUDP(c *diagnose.Case) []diagnose.Finding {
	tcp := map[string]bool{}  // servers that answer over TCP, by vantage point
	both := map[string]bool{} // servers of which some of either transport is lost or answered
	var lost []check.Result
	for _, r := range c.Find(diagnose.Match{Check: "dns."}) {
		server, transport := serverOf(r)
		switch {
		case transport == "tcp" && r.Status == check.Pass:
			tcp[r.Vantage+" "+server] = true
		case transport == "tcp" && diagnose.Bad(r), transport == "udp" && r.Status == check.Pass,
			transport == "udp" && !allFailures(r, check.Timeout):
			both[r.Vantage+" "+server] = true // loss that does not ask for the transport
		case transport == "udp" && diagnose.Bad(r) && r.Failure == check.Timeout:
			lost = append(lost, r)
		}
	}
	var proven []check.Result
	var servers []string
	for _, r := range lost {
		server, _ := serverOf(r)
		if !tcp[r.Vantage+" "+server] || both[r.Vantage+" "+server] {
			continue
		}
		proven = append(proven, r)
		if len(servers) == 0 || servers[len(servers)-1] != server {
			servers = append(servers, server)
		}
	}
	whole := 0 // results of which every attempt was lost
	for _, r := range proven {
		if allFailures(r, check.Timeout) {
			whole++
		}
	}
	if whole == 0 {
		return nil
	}
	return []diagnose.Finding{{
		Headline:   fmt.Sprintf("DNS over UDP gets no answer, over TCP it does (%s)", proven[0].Target),
		Confidence: diagnose.Likely,
		Where:      places(c, proven),
		Evidence:   seenAll(proven),
		Explains:   append(c.Through(diagnose.Keys(proven)), udpNames(c)...),
		Likely:     "a NetworkPolicy or firewall allows port 53 for TCP only, or drops UDP",
		Try:        []string{"kubectl get networkpolicies -A"},
		Rank:       rankPath,
	}}
}

// serverOf splits the target of a question: "10.96.0.10 udp A".
func serverOf(r check.Result) (server, transport string) {
	fields := strings.Fields(r.Target)
	if len(fields) < 2 {
		return "", ""
	}
	return fields[0], fields[1]
}

// udpNames are what a resolver that asks over UDP fails at.
func udpNames(c *diagnose.Case) []string {
	keys := diagnose.Keys(c.Find(diagnose.Match{Check: "dns.search", Status: failing}))
	for _, id := range []string{"external.host", "target.tcp", "target.http"} {
		for _, r := range c.Find(diagnose.Match{Check: id, Status: failing}) {
			if byName(r) {
				keys = append(keys, diagnose.Key(r))
			}
		}
	}
	return keys
}
