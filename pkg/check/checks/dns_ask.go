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

// assumedDomain is the cluster domain where nothing tells another.
const assumedDomain = "cluster.local"

// dnsParams is a question for one DNS server, or for those of resolv.conf.
type dnsParams struct {
	Server  netip.AddrPort `json:"server,omitzero"` // zero: resolv.conf's
	Network string         `json:"network"`
	// Name is absolute, or without its cluster domain when InCluster is set: the
	// probe knows the domain, the plugin does not.
	Name      string `json:"name"`
	InCluster bool   `json:"inCluster,omitempty"`
	// Domain is the cluster domain as far as the API tells.
	Domain string `json:"domain,omitempty"`
	// OwnDNS says that the pod's own dnsConfig chose its name servers: they need
	// not know the cluster's names.
	OwnDNS bool `json:"ownDNS,omitempty"`
	// Types are A, AAAA. One that has no data is no failure when another has, or
	// when Optional is set.
	Types    []string `json:"types"`
	Optional bool     `json:"optional,omitempty"`
	// Want are the addresses that the API has for the name; nil when unknown.
	Want []netip.Addr `json:"want,omitempty"`
	Soft bool         `json:"soft,omitempty"`
}

// dnsProbe asks DNS servers. Its fields are where the vantage point's configuration
// is, and the port of the servers named in it.
type dnsProbe struct {
	resolvConf string
	hosts      string
	port       uint16
}

var systemDNS = dnsProbe{resolvConf: "/etc/resolv.conf", hosts: "/etc/hosts", port: dnsPort}

// run asks every server in question for every type, as often as the task says.
func (probe dnsProbe) run(ctx context.Context, t check.Task, p dnsParams) check.Result {
	conf, confErr := netsys.ReadResolvConf(probe.resolvConf)
	if confErr != nil {
		conf = &facts.ResolvConf{}
	}
	servers := []netip.AddrPort{p.Server}
	if !p.Server.IsValid() {
		switch servers = nameServers(conf, probe.port); {
		case confErr != nil:
			return check.Errorf("%v", confErr)
		case len(servers) == 0:
			return failed(check.Config, "%s names no name server", probe.resolvConf)
		case p.OwnDNS && p.InCluster && domainOf(conf) == "":
			return check.Skipf("", "the pod's own dnsConfig does not lead to the cluster's DNS")
		}
	}
	name, assumed := p.absolute(conf)
	if addr := lookupHosts(probe.hosts, name); addr != "" && !p.InCluster {
		return check.Skipf("", "%s gives %s for it: applications here do not ask DNS", probe.hosts, addr)
	}

	n := max(1, t.Attempts) * len(servers) * len(p.Types)
	blame := watchNeighbour(p.Server.Addr(), t.Timeout.D())
	tries := dial.Attempts(ctx, n, t.Timeout.D(), func(ctx context.Context, i int) dial.Try {
		q := dial.Question{
			Server:  servers[i%len(servers)],
			Network: p.Network,
			Name:    name,
			Type:    p.Types[i/len(servers)%len(p.Types)],
		}
		return askOnce(ctx, q, p, len(servers) > 1)
	})
	p.excuse(tries)
	spareFurther(tries, len(servers))
	blame(tries)
	r := dial.Summarise(tries)
	r.Evidence = append([]check.Evidence{{Key: "name", Value: name}}, r.Evidence...)
	if assumed {
		r.With("cluster domain", "%s is an assumption: neither resolv.conf nor the API tells it", assumedDomain)
	}
	guessedWrong := assumed && r.Failure == check.NXDomain
	return soften(r, p.Soft || guessedWrong)
}

// absolute is the name to ask for, and whether its cluster domain is only assumed.
func (p dnsParams) absolute(conf *facts.ResolvConf) (name string, assumed bool) {
	if !p.InCluster {
		return strings.TrimSuffix(p.Name, ".") + ".", false
	}
	domain := domainOf(conf)
	if domain == "" {
		domain = p.Domain
	}
	if domain == "" {
		domain, assumed = assumedDomain, true
	}
	return p.Name + "." + strings.TrimSuffix(domain, ".") + ".", assumed
}

// askOnce asks one query; many says that its evidence must name the server.
func askOnce(ctx context.Context, q dial.Question, p dnsParams, many bool) dial.Try {
	var t dial.Try
	reply, err := dial.Ask(ctx, q)
	t.RTT, t.Local = check.Duration(reply.RTT), reply.Local
	key := q.Type
	if many {
		key += " from " + q.Server.Addr().String()
	}
	if reply.Truncated {
		t.See("truncated", "over udp, as an answer of this size must be; asked again over tcp")
	}
	if err != nil {
		t.Fail(ctx, err, q.Server)
		if many || len(p.Types) > 1 {
			t.See(key, "%s", t.Failure)
		}
		return t
	}
	if reply.CNAME != "" {
		t.See("alias of", "%s", reply.CNAME)
	}
	t.See(key, "%s", addrsText(reply.Addrs))
	if len(p.Want) > 0 && !slices.ContainsFunc(reply.Addrs, func(a netip.Addr) bool { return slices.Contains(p.Want, a) }) {
		t.Failure = check.WrongAnswer
		t.Detail = fmt.Sprintf("answers %s, but the API says %s", addrsText(reply.Addrs), addrsText(p.Want))
	}
	return t
}

// excuse clears the failure of queries without data where that is legitimate.
func (p dnsParams) excuse(tries []dial.Try) {
	answered := slices.ContainsFunc(tries, func(t dial.Try) bool { return t.Failure == "" && t.Err == nil })
	if !answered && !p.Optional {
		return
	}
	for i := range tries {
		if tries[i].Failure == check.NoData {
			tries[i].Failure, tries[i].Detail = "", "no record of this type"
			tries[i].See("record", "none of this type, which is fine here")
		}
	}
}

// spareFurther makes warnings of what fails at the further servers of a resolv.conf
// while the first one always answers: resolvers ask them only when it does not
// (resolv.conf(5)), and a pod's dnsConfig may add some that know other names.
func spareFurther(tries []dial.Try, servers int) {
	for i, t := range tries {
		if i%servers == 0 && (t.Failure != "" || t.Err != nil) {
			return
		}
	}
	for i := range tries {
		if i%servers != 0 {
			tries[i].Soft = true
		}
	}
}

// addrsText lists a few addresses.
func addrsText(addrs []netip.Addr) string {
	const enough = 4
	texts := make([]string, 0, enough+1)
	for _, a := range addrs[:min(enough, len(addrs))] {
		texts = append(texts, a.String())
	}
	if len(addrs) > enough {
		texts = append(texts, fmt.Sprintf("%d more", len(addrs)-enough))
	}
	return strings.Join(texts, ", ")
}
