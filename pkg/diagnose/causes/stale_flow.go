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
		Code:    "NL-SVC-STALE-FLOW",
		Summary: "UDP flows to a service still go to a pod that is gone",
		Signal:  "A node's connection tracking holds UDP flows to a service's ClusterIP that it sends to an address which is none of the service's endpoints, and packets still pass. New sockets are served well, so that only a list of the flows shows it.",
		Meaning: "Who keeps sending from the same port (a resolver with one socket, a syslog or metrics client) keeps its flow alive, and gets no answer until it stops for half a minute.",
		Confirm: []string{"conntrack -L -p udp -d CLUSTER-IP (on the node)"},
		Remedy:  []string{"conntrack -D -p udp -d CLUSTER-IP (on the node): the next packet makes a new flow", "see whether kube-proxy runs on the node: it deletes such flows when endpoints go"},
		Source:  "kubernetes/kubernetes#105657; pkg/proxy/conntrack/cleanup.go",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtService, Says: "old flow"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "node.staleflows", Vantage: "node/", Status: []check.Status{check.Warn}}) {
				if r.Kernel == nil {
					continue
				}
				node := strings.TrimPrefix(r.Vantage, "node/")
				var vips []netip.Addr
				for _, flow := range r.Kernel.Flows {
					if dst, err := netip.ParseAddrPort(flow.Orig.Dst); err == nil && !slices.Contains(vips, dst.Addr()) {
						vips = append(vips, dst.Addr())
					}
				}
				f := diagnose.Finding{
					Headline:   fmt.Sprintf("%s on node %s", r.Summary, node),
					Confidence: diagnose.Likely, // an endpoint may have come since the API was read
					Where:      []string{"node/" + node},
					Evidence:   evidenceLines(r),
					Explains:   []string{diagnose.Key(r)},
					Likely:     "their endpoint went away, and nobody deleted its flows: kube-proxy was down or had not noticed",
					Rank:       rankService,
				}
				for _, vip := range vips[:min(len(vips), mostPlaces)] {
					f.Try = append(f.Try, fmt.Sprintf("conntrack -D -p udp -d %s   (on node %s)", vip, node))
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}
