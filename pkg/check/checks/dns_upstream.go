package checks

import (
	"context"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[upstreamParams]{
		ID:      "dns.upstream",
		Area:    "dns",
		Summary: "each server that CoreDNS forwards to answers, over UDP and TCP; those of its node's resolv.conf are asked from there (by the dns command)",
		Plan:    planUpstream,
		Run:     systemDNS.upstream,
		Read:    readUpstream,
	}))
}

// upstreamParams is one upstream server, or those of resolv.conf where Server is zero.
type upstreamParams struct {
	Server  netip.AddrPort `json:"server,omitzero"`
	Network string         `json:"network"`
	Zone    string         `json:"zone"`
	// Elsewhere says that CoreDNS's packets take another way than those from here: that a
	// server does not answer here says nothing about it.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

func planUpstream(f *facts.Facts) []check.Planned[upstreamParams] {
	blocks := parseCorefile(f.DNS.Corefile)
	var tasks []check.Planned[upstreamParams]
	here := AtDNS(f)
	for _, u := range upstreamsOf(blocks) {
		asked := u.Addr.IsValid() || u.isFile() && here
		if !asked || u.Addr.IsValid() && (ownServer(f, u.Addr.String(), listensOn(blocks)) || !f.Vantage.HasFamily(u.Addr.Addr())) {
			continue // a server that is itself is a loop, which state.corefile tells
		}
		for _, network := range []string{"udp", "tcp"} {
			server := "resolv.conf"
			if u.Addr.IsValid() {
				server = serverTarget(u.Addr, dnsPort)
			}
			label := check.Label{Title: "upstream servers", Target: server + " " + network, Subject: serviceObject(dnsRef(f))}
			if u.Zone != "." {
				label.Target += " " + u.Zone
			}
			tasks = append(tasks, check.Planned[upstreamParams]{
				Label: label, Attempts: dnsAttempts(f),
				Params: upstreamParams{Server: u.Addr, Network: network, Zone: u.Zone, Elsewhere: !here},
			})
		}
	}
	return tasks
}

func dnsRef(f *facts.Facts) facts.Ref {
	if f.DNS.Service == nil {
		return facts.Ref{}
	}
	return f.DNS.Service.Ref()
}

// readUpstream says which upstream servers cannot be asked from here.
func readUpstream(f *facts.Facts) []check.Result {
	var results []check.Result
	for _, u := range upstreamsOf(parseCorefile(f.DNS.Corefile)) {
		var r check.Result
		switch {
		case u.Addr.IsValid() || u.isFile() && AtDNS(f):
			continue
		case u.isFile():
			unlock := "--deep"
			if f.DNS.Service != nil {
				if i := slices.IndexFunc(f.DNS.Service.Endpoints, func(e facts.Endpoint) bool { return e.Node != "" }); i >= 0 {
					unlock += ", or --from node/" + f.DNS.Service.Endpoints[i].Node
				}
			}
			r = check.Skipf(unlock, "CoreDNS forwards to the servers in %s of its own node, which only that node knows", u.Other)
		default:
			r = check.Skipf("", "%s is not asked by plain DNS", u.Other)
		}
		r.Label = check.Label{Title: "upstream servers", Target: u.Other, Subject: serviceObject(dnsRef(f))}
		if u.Zone != "." {
			r.Target += " " + u.Zone
		}
		results = append(results, r)
	}
	return results
}

// upstream asks for the name servers of the zone. Whatever is answered, even that it
// does not know, is an answer: a server that has to be asked for something it knows
// would need a name that exists.
func (probe dnsProbe) upstream(ctx context.Context, t check.Task, p upstreamParams) check.Result {
	servers := []netip.AddrPort{p.Server}
	if !p.Server.IsValid() {
		conf, err := netsys.ReadResolvConf(probe.resolvConf)
		if err != nil {
			return check.Errorf("%v", err)
		}
		if servers = nameServers(conf, probe.port); len(servers) == 0 {
			return failed(check.Config, "%s names no name server", probe.resolvConf)
		}
	}
	n := max(1, t.Attempts) * len(servers)
	tries := dial.Attempts(ctx, n, t.Timeout.D(), func(ctx context.Context, i int) dial.Try {
		server := servers[i%len(servers)]
		var try dial.Try
		reply, err := dial.Ask(ctx, dial.Question{Server: server, Network: p.Network, Name: p.Zone, Type: "NS"})
		try.RTT, try.Local = check.Duration(reply.RTT), reply.Local
		if reply.Rcode != "" {
			try.See(server.Addr().String(), "answers %s", reply.Rcode)
			return try
		}
		try.Fail(ctx, err, server)
		if try.Failure != "" {
			try.See(server.Addr().String(), "%s", try.Failure)
		}
		return try
	})
	r := dial.Summarise(tries)
	r.Evidence = append([]check.Evidence{{Key: "asked for", Value: p.Zone + " NS"}}, r.Evidence...)
	return judgeUpstream(r, p.Elsewhere)
}

// judgeUpstream is pure. Silence is a warning at CoreDNS's own place, where another
// server may do; elsewhere it is no more than that this place was not answered.
func judgeUpstream(r check.Result, elsewhere bool) check.Result {
	if r.Status != check.Fail {
		return r
	}
	r.Status = check.Warn
	if elsewhere {
		was := r
		r = check.Skipf("--deep, or --from a node that CoreDNS is on", "%s from here: pods may not be let through to it, and CoreDNS may be", was.Summary)
		r.Failure, r.Attempts, r.Evidence = was.Failure, was.Attempts, was.Evidence
	}
	return r
}
