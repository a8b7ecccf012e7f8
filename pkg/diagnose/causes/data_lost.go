package causes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-PATH-DATA-LOST",
		Summary: "connections open, and the packets with data in them are lost on the way",
		Signal: "The TCP handshake passes. Then the probe's own kernel says (tcp(7), TCP_INFO) that what it sent was sent again and is still not acknowledged, which the peer's kernel would do even if its process hung; " +
			"or that later packets of the answer have come and earlier ones have not.",
		Meaning: "The application never gets the request, or its answer does not come back. Clients hang until their own timeout; connect checks and TCP probes see nothing of it.",
		Confirm: []string{"kubectl netlook pod CLIENT --to pod/POD:PORT --deep", "ss -tin dst ADDRESS (in the client's pod, meanwhile: unacked, retrans)", "tcpdump -ni any host ADDRESS (on both nodes: where the request is last seen)"},
		Remedy:  []string{"mend the rule that lets handshakes pass and no data: by length, by content, by connection state where it sees one direction only", "lower the MTU where it is the large packets that are lost"},
		Source:  "tcp(7), TCP_INFO; include/uapi/linux/tcp.h, struct tcp_info; RFC 9293, section 3.4",
		// It has no spot: where on the way they are lost is what is not known.
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, group := range undelivered(c) {
				findings = append(findings, dataLost(c, group))
			}
			return findings
		},
	})
}

// undelivered are the results of which data were lost on connections that had opened, by
// what they are about; without those that only go through others of them.
func undelivered(c *diagnose.Case) [][]check.Result {
	var groups [][]check.Result
	var told []string
	for _, group := range bySubject(c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.Undelivered}})) {
		keys := diagnose.Keys(group)
		if !slices.ContainsFunc(keys, func(key string) bool { return !slices.Contains(told, key) }) {
			continue
		}
		groups, told = append(groups, group), append(told, c.Through(keys)...)
	}
	return groups
}

// repeatsHandshake is after how long a peer sends its SYN-ACK again (RFC 6298, section 2.1,
// and a little more).
const repeatsHandshake = 1100 * time.Millisecond

// halfOpen reports whether the peer went on as if not even the end of the handshake had
// arrived, or would have had no time to. An accept queue that is full does the same.
func halfOpen(r check.Result) bool {
	return value(r, "handshake") != "" ||
		!slices.ContainsFunc(r.Attempts, func(a check.Attempt) bool { return a.Failure == check.Undelivered && a.RTT.D() >= repeatsHandshake })
}

func dataLost(c *diagnose.Case, group []check.Result) diagnose.Finding {
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("connections to %s open, and packets with data in them are lost on the way", group[0].Target),
		Confidence: diagnose.Likely,
		Where:      places(c, group),
		Evidence:   seenAll(group),
		Explains:   c.Through(diagnose.Keys(group)),
		Likely:     "a packet filter that lets handshakes pass, or a firewall that sees one direction only",
		Rank:       rankSymptom + 1,
	}
	if s := c.Service(group[0].Subject); s != nil && group[0].Check == "service.endpoint" {
		f.Headline = fmt.Sprintf("connections to %d endpoints of service %s open, and packets with data in them are lost on the way", len(group), s.Ref())
		if len(group) == 1 {
			f.Headline = fmt.Sprintf("connections to an endpoint of service %s open, and packets with data in them are lost on the way", s.Ref())
		}
	}
	if i := slices.IndexFunc(group, halfOpen); i >= 0 {
		f.Confidence = diagnose.Possible // the peer itself may drop them
		if said := value(group[i], "handshake"); said != "" {
			f.Evidence = append(f.Evidence, said)
		}
	}
	if slices.ContainsFunc(group, func(r check.Result) bool { return !allFailures(r, check.Undelivered) }) {
		f.Confidence = diagnose.Possible // now and then packets are lost on a bad link
	}
	if large := fullSize(c, group[0]); large != "" {
		f.Evidence = append(f.Evidence, large)
	} else {
		f.Likely += ", or a link that loses large packets"
	}
	nodes := waypoints(c, group)
	for _, node := range nodes {
		if !c.Deep(node) {
			f.Try = append(f.Try, netlookNode(node))
			continue
		}
		lines, try := rulesSeen(c, node)
		f.Evidence = append(f.Evidence, lines...)
		f.Try = append(f.Try, try...)
	}
	where := "in the network of " + group[0].Vantage
	if len(nodes) > 0 {
		where = "on node " + strings.Join(nodes, " and node ")
	}
	f.Try = append(f.Try, fmt.Sprintf("tcpdump -ni any host %s   (%s: where the request, and the answer, are last seen)", hostOf(group[0]), where))
	return f
}

func hostOf(r check.Result) string {
	if addr, known := diagnose.TargetAddr(r); known {
		return addr.String()
	}
	return r.Target
}

// fullSize is the path measurement that tells that it is not the packets' size, "" without
// one.
func fullSize(c *diagnose.Case, r check.Result) string {
	for _, m := range c.Find(diagnose.Match{Check: "path.mtu", Status: []check.Status{check.Pass}, Vantage: r.Vantage}) {
		if m.Vantage == r.Vantage && c.NodeOf(m) != "" && c.NodeOf(m) == c.NodeOf(r) {
			return seen(m) + ": it is not the size of the packets alone"
		}
	}
	return ""
}

// waypoints are the nodes that the packets of these results pass, as far as is known.
func waypoints(c *diagnose.Case, results []check.Result) []string {
	var nodes []string
	for _, r := range results {
		for _, node := range []string{homeOf(c, r.Vantage), c.NodeOf(r)} {
			if node != "" && !slices.Contains(nodes, node) {
				nodes = append(nodes, node)
			}
		}
	}
	return nodes[:min(len(nodes), mostPlaces)]
}
