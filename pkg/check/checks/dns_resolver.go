package checks

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "dns.resolver",
		Area:    "dns",
		Summary: "each name server of a resolv.conf that does not lead to the cluster's DNS answers at all: any answer counts",
		Plan:    planDNSResolver,
		Run: func(ctx context.Context, t check.Task, _ struct{}) check.Result {
			return systemDNS.resolvers(ctx, t)
		},
	}))
}

// planDNSResolver asks where no question about the cluster's own names does: from pods
// whose dnsConfig or dnsPolicy names servers of their own, and from nodes.
func planDNSResolver(f *facts.Facts) []check.Planned[struct{}] {
	if meant, sure := clusterDNS(f.Vantage); meant && sure {
		return nil
	}
	return []check.Planned[struct{}]{{Label: check.Label{Title: "resolver", Target: "resolv.conf"}, Key: "resolv.conf"}}
}

// resolvers asks each server for the name servers of the root, which every one knows or
// declines to tell.
func (probe dnsProbe) resolvers(ctx context.Context, t check.Task) check.Result {
	conf, err := netsys.ReadResolvConf(probe.resolvConf)
	if err != nil {
		return check.Errorf("%v", err)
	}
	servers := nameServers(conf, probe.port)
	if len(servers) == 0 {
		return check.Skipf("", "%s names no name server", probe.resolvConf)
	}
	type outcome struct {
		server int
		kind   check.Failure
		rtt    time.Duration
	}
	outcomes := make(chan outcome, len(servers))
	for i, server := range servers {
		go func() {
			tries := dial.Attempts(ctx, 2, t.Timeout.D(), func(ctx context.Context, _ int) dial.Try {
				var try dial.Try
				reply, err := dial.Ask(ctx, dial.Question{Server: server, Network: "udp", Name: ".", Type: "NS"})
				try.RTT, try.Failure = check.Duration(reply.RTT), dial.KindOf(err, server)
				return try
			})
			best := outcome{server: i, kind: tries[0].Failure}
			for _, try := range tries {
				if !slices.Contains(noWord, try.Failure) {
					best.kind, best.rtt = try.Failure, try.RTT.D()
				}
			}
			outcomes <- best
		}()
	}
	kinds, rtts := make([]check.Failure, len(servers)), make([]time.Duration, len(servers))
	for range servers {
		o := <-outcomes
		kinds[o.server], rtts[o.server] = o.kind, o.rtt
	}
	return judgeResolvers(servers, kinds, rtts)
}

// noWord are the outcomes of asking that are no answer of a server.
var noWord = []check.Failure{check.Timeout, check.Unreachable, check.Refused, check.NoRoute, check.Denied}

// judgeResolvers is pure.
func judgeResolvers(servers []netip.AddrPort, kinds []check.Failure, rtts []time.Duration) check.Result {
	var dead []string
	var worst check.Failure
	evidence := make([]check.Evidence, 0, len(servers))
	for i, server := range servers {
		said := "answers, " + dial.Dur(rtts[i])
		if slices.Contains(noWord, kinds[i]) {
			said = string(kinds[i])
			dead = append(dead, server.Addr().String())
			if worst == "" {
				worst = kinds[i]
			}
		}
		evidence = append(evidence, check.Evidence{Key: server.Addr().String(), Value: said})
	}
	var r check.Result
	switch {
	case len(dead) == 0:
		r = check.Result{Status: check.Pass, Summary: fmt.Sprintf("%d of %d name servers answer", len(servers), len(servers))}
	case len(dead) == len(servers):
		r = failed(worst, "no name server of resolv.conf answers: %s", fewOf(dead))
		r.Meaning = "nothing resolves here, whatever the cluster's DNS answers: it is not asked"
	default:
		r = failed(worst, "%d of %d name servers never answer: %s", len(dead), len(servers), fewOf(dead))
		r.Meaning = "resolvers ask the servers in their order, and wait for a silent one first, usually 5 s for each name"
		if slices.Contains(noWord, kinds[0]) {
			break
		}
		r.Status = check.Warn // the first one answers
	}
	r.Evidence = evidence
	return r
}
