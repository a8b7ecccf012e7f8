package checks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[resolverParams]{
		ID:      "dns.resolver",
		Area:    "dns",
		Summary: "each name server of a resolv.conf that does not lead to the cluster's DNS answers at all: any answer counts",
		Plan:    planDNSResolver,
		Run:     systemDNS.resolvers,
	}))
}

// resolverParams are those of dns.resolver.
type resolverParams struct {
	// Inherited says that the node's servers are asked, which nobody chose for the pod:
	// where a site has none, nothing need be amiss.
	Inherited bool `json:"inherited,omitempty"`
	// Domain is the cluster domain as far as the API tells.
	Domain string `json:"domain,omitempty"`
}

// planDNSResolver asks where no question about the cluster's own names does: from pods
// whose dnsConfig or dnsPolicy names servers of their own, and from nodes.
func planDNSResolver(f *facts.Facts) []check.Planned[resolverParams] {
	meant, sure := clusterDNS(f.Vantage)
	if meant && sure {
		return nil
	}
	return []check.Planned[resolverParams]{{
		Label: check.Label{Title: "resolver", Target: "resolv.conf"}, Key: "resolv.conf",
		Params: resolverParams{Inherited: !meant, Domain: f.DNS.Domain},
	}}
}

// resolverQuestions are asked of a server until it answers one. What it has to forward
// gets no answer at a site without a way out, however well the server is, so that there
// are some that it may answer by itself: localhost (RFC 6761), the site's own domain, and
// the cluster's, at the cluster's servers.
func resolverQuestions(conf *facts.ResolvConf, domain string) []dial.Question {
	list := []dial.Question{{Name: ".", Type: "NS"}, {Name: "localhost.", Type: "A"}}
	domain = cmp.Or(domainOf(conf), domain, assumedDomain)
	list = append(list, dial.Question{Name: "kubernetes.default.svc." + strings.TrimSuffix(domain, ".") + ".", Type: "A"})
	for _, s := range conf.Search {
		if s = strings.TrimSuffix(s, "."); s != "" && s != domain && !strings.HasSuffix(s, "."+domain) {
			return append(list, dial.Question{Name: s + ".", Type: "SOA"})
		}
	}
	return list
}

// resolvers puts those questions to each server.
func (probe dnsProbe) resolvers(ctx context.Context, t check.Task, p resolverParams) check.Result {
	conf, err := netsys.ReadResolvConf(probe.resolvConf)
	if err != nil {
		return check.Errorf("%v", err)
	}
	servers := nameServers(conf, probe.port)
	if len(servers) == 0 {
		return check.Skipf("", "%s names no name server", probe.resolvConf)
	}
	questions := resolverQuestions(conf, p.Domain)
	kinds, rtts, errs := make([]check.Failure, len(servers)), make([]time.Duration, len(servers)), make([]error, len(servers))
	var asked sync.WaitGroup
	for i, server := range servers {
		asked.Go(func() { kinds[i], rtts[i], errs[i] = askAny(ctx, server, questions, t.Timeout.D()) })
	}
	asked.Wait()
	if err := errors.Join(errs...); err != nil {
		return check.Errorf("%v", err)
	}
	r := judgeResolvers(servers, kinds, rtts)
	return soften(r, p.Inherited)
}

// askAny puts questions to a server and returns at the first answer, whatever it says.
func askAny(ctx context.Context, server netip.AddrPort, questions []dial.Question, timeout time.Duration) (kind check.Failure, rtt time.Duration, err error) {
	ctx, done := context.WithCancel(ctx)
	defer done()
	var answered atomic.Bool
	tries := dial.Attempts(ctx, len(questions), timeout, func(ctx context.Context, i int) (try dial.Try) {
		q := questions[i]
		q.Server, q.Network = server, "udp"
		reply, err := dial.Ask(ctx, q)
		try.RTT, try.Failure = check.Duration(reply.RTT), dial.KindOf(err, server)
		if err != nil && (try.Failure == "" || errors.Is(ctx.Err(), context.Canceled)) {
			try.Err = err // a cancelled context moves the socket's deadline
		} else if !slices.Contains(noWord, try.Failure) && answered.CompareAndSwap(false, true) {
			done() // the others need not wait
		}
		return try
	})
	for _, try := range tries {
		switch {
		case try.Err != nil:
			err = cmp.Or(err, try.Err)
		case !slices.Contains(noWord, try.Failure):
			return try.Failure, try.RTT.D(), nil
		default:
			kind = cmp.Or(kind, try.Failure)
		}
	}
	if kind != "" {
		err = nil
	}
	return kind, 0, err
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
