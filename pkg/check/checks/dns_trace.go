package checks

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

const (
	// maxTracedNames is how many names a run traces, maxTracedQueries how many queries
	// of one.
	maxTracedNames   = 8
	maxTracedQueries = 32
	// manyQueries for a name are worth a warning: a pod of its own search list and ndots
	// makes eight for a name outside the cluster. Each costs a round trip, and
	// the DNS servers of a cluster carry them for every connection that is made by name.
	manyQueries = 10
)

func init() {
	Registry.Add(check.Define(check.Spec[traceParams]{
		ID:      "dns.trace",
		Area:    "dns",
		Summary: "what a resolver really sends for a name: every query of the search list in order, A and AAAA, with what came back (asked for by the commands dns and service)",
		Plan: func(f *facts.Facts) []check.Planned[traceParams] {
			tasks := traceWalked(f)
			for _, name := range f.Ask.Names[:min(len(f.Ask.Names), maxTracedNames)] {
				tasks = append(tasks, check.Planned[traceParams]{
					Label: check.Label{Title: "queries", Target: name}, Attempts: 1, Params: traceParams{Name: name},
				})
			}
			return tasks
		},
		Run: systemDNS.trace,
	}))
}

// traceParams is the name to look up.
type traceParams struct {
	Name string `json:"name"`
	// Told says that another check judges the same lookup: what fails is told here, and
	// counts there.
	Told bool `json:"told,omitempty"`
}

// traceWalked looks the service that is walked up by the name that an application at the
// vantage point would use.
func traceWalked(f *facts.Facts) []check.Planned[traceParams] {
	meant, _ := clusterDNS(f.Vantage)
	for _, s := range f.Services {
		if s.Ref() != f.Ask.Walk || !meant || s.Headless && len(s.Ready()) == 0 {
			continue // a headless name without endpoints has no address, by design
		}
		name := searchName(f, s)
		return []check.Planned[traceParams]{{
			Label: check.Label{Title: "queries", Target: name, Subject: serviceObject(s.Ref())}, Attempts: 1,
			Params: traceParams{Name: name, Told: true},
		}}
	}
	return nil
}

// traced is one query and what came of it.
type traced struct {
	name, recordType string
	reply            dial.Reply
	kind             check.Failure
}

func (q traced) String() string {
	said := "answered " + addrsText(q.reply.Addrs)
	switch {
	case q.kind == check.Timeout:
		said = "no answer"
	case q.kind != "":
		said = string(q.kind)
	case q.reply.CNAME != "":
		said += ", an alias of " + q.reply.CNAME
	}
	if q.reply.Truncated {
		said += ", truncated over UDP and asked again over TCP"
	}
	if q.reply.RTT > 0 && q.kind != check.Timeout {
		said += ", " + dial.Dur(q.reply.RTT)
	}
	return fmt.Sprintf("%s %s: %s", q.name, q.recordType, said)
}

// trace walks through the names of the search list as getaddrinfo(3) does, and tells of
// every query. It ends, as a resolver does, with the first name that has an address.
func (probe dnsProbe) trace(ctx context.Context, t check.Task, p traceParams) check.Result {
	conf, err := netsys.ReadResolvConf(probe.resolvConf)
	if err != nil {
		return check.Errorf("%v", err)
	}
	if addr := lookupHosts(probe.hosts, p.Name); addr != "" {
		return check.Result{Status: check.Pass, Summary: fmt.Sprintf("found in %s, no query needed", probe.hosts)}
	}
	servers := nameServers(conf, probe.port)
	if len(servers) == 0 {
		return failed(check.Config, "%s names no name server", probe.resolvConf)
	}
	ctx, cancel := context.WithTimeout(ctx, t.Timeout.D())
	defer cancel()
	names := candidates(p.Name, conf)
	var queries []traced
	found := -1
	for i, name := range names {
		pair := tracePair(ctx, name, servers[0])
		queries = append(queries, pair...)
		if len(pair[0].reply.Addrs)+len(pair[1].reply.Addrs) > 0 {
			found = i
			break
		}
		if ctx.Err() != nil || len(queries) >= maxTracedQueries {
			break
		}
	}
	r := judgeTrace(queries, found, names)
	if p.Told && r.Status != check.Pass {
		r.Status, r.Failure = check.Warn, ""
	}
	r.Evidence = append([]check.Evidence{
		{Key: "server", Value: servers[0].Addr().String() + nodeLocal(servers[0].Addr())},
		{Key: "search", Value: dial.Clean(strings.Join(conf.Search, " "), 300)},
		{Key: "ndots", Value: fmt.Sprint(conf.Ndots)},
	}, r.Evidence...)
	return r
}

// nodeLocalNet is where NodeLocal DNSCache listens: on 169.254.20.10, unless it is told
// another one (kubernetes: cluster/addons/dns/nodelocaldns). Not all of what is
// link-local is: clouds have their own DNS servers and metadata at 169.254.169.0/24.
var nodeLocalNet = netip.MustParsePrefix("169.254.20.0/24")

// nodeLocal says that a name server is one on the node itself.
func nodeLocal(addr netip.Addr) string {
	if nodeLocalNet.Contains(addr.Unmap()) {
		return " (NodeLocal DNSCache, on the node itself)"
	}
	return ""
}

// tracePair asks for A and AAAA at the same time.
func tracePair(ctx context.Context, name string, server netip.AddrPort) []traced {
	pair := []traced{{name: name, recordType: "A"}, {name: name, recordType: "AAAA"}}
	done := make(chan struct{}, len(pair))
	for i := range pair {
		go func() {
			defer func() { done <- struct{}{} }()
			q := &pair[i]
			var err error
			q.reply, err = dial.Ask(ctx, dial.Question{Server: server, Network: "udp", Name: name, Type: q.recordType})
			if q.kind = dial.KindOf(err, server); err != nil && q.kind == "" {
				q.kind = check.Timeout // the deadline, or the socket: nothing was said
			}
		}()
	}
	for range pair {
		<-done
	}
	return pair
}

// judgeTrace is pure. found is the index of the name that had an address, -1 for none.
func judgeTrace(queries []traced, found int, names []string) check.Result {
	var r check.Result
	silent := 0
	for i, q := range queries {
		r.With(fmt.Sprintf("query %d", i+1), "%s", q)
		if q.kind == check.Timeout {
			silent++
		}
	}
	for _, family := range []struct{ name, recordType string }{{"IPv4", "A"}, {"IPv6", "AAAA"}} {
		if text := resolvedTo(queries, family.recordType); found >= 0 {
			r.With(family.name, "%s", text)
		}
	}
	if rest := names[min(len(names), len(queries)/2):]; len(rest) > 0 && found >= 0 {
		r.With("not sent", "%s: the answer came before", strings.Join(rest, " "))
	}
	switch {
	case silent > 0 && found < 0:
		r.Status, r.Failure = check.Fail, check.Timeout
		r.Summary = fmt.Sprintf("%d of %d queries were not answered", silent, len(queries))
	case found < 0:
		r.Status, r.Failure = check.Fail, check.NXDomain
		r.Summary = fmt.Sprintf("no name of %d has an address, after %d queries", len(names), len(queries))
	case silent > 0:
		r.Status, r.Failure = check.Warn, check.Timeout
		r.Summary = fmt.Sprintf("resolves; %d of %d queries were not answered", silent, len(queries))
	case len(queries) >= manyQueries:
		r.Status, r.Failure = check.Warn, check.Config
		r.Summary = fmt.Sprintf("resolves with query %d: %d before it found nothing", len(queries)-1, len(queries)-2)
		r.Meaning = "the name has fewer dots than ndots, so each domain of the search list is tried first; a dot at its end, or a lower ndots in dnsConfig, asks for it at once"
	default:
		r.Status = check.Pass
		r.Summary = fmt.Sprintf("resolves with name %d of %d, %d queries", found+1, len(names), len(queries))
	}
	return r
}

// resolvedTo are the addresses of one type that the lookup ended with.
func resolvedTo(queries []traced, recordType string) string {
	for _, q := range slices.Backward(queries) {
		if q.recordType != recordType {
			continue
		}
		switch {
		case len(q.reply.Addrs) > 0:
			return addrsText(q.reply.Addrs)
		case q.kind == check.Timeout:
			return "not known: no answer"
		}
		break
	}
	return "none"
}
