package checks

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[aliasParams]{
		ID:      "service.alias",
		Area:    "service",
		Summary: "the name that an ExternalName service is an alias of resolves, through however many aliases of its own, and is a name",
		Plan:    planServiceAlias,
		Run:     systemDNS.alias,
		Read:    readServiceAlias,
	}))
}

// aliasParams is a service and the name that it stands for.
type aliasParams struct {
	Service string `json:"service"`
	Name    string `json:"name"`
}

func planServiceAlias(f *facts.Facts) []check.Planned[aliasParams] {
	var tasks []check.Planned[aliasParams]
	for _, s := range f.Services {
		if s.Type != "ExternalName" || s.ExternalName == "" || aliasOfAddress(s) {
			continue
		}
		tasks = append(tasks, check.Planned[aliasParams]{
			Label:  aliasLabel(f, s),
			Params: aliasParams{Service: serviceHost(s), Name: strings.TrimSuffix(s.ExternalName, ".") + "."},
		})
	}
	return tasks
}

func aliasLabel(f *facts.Facts, s facts.Service) check.Label {
	return check.Label{
		Title: nameFrom(f, s.Ref()) + " alias", Target: s.ExternalName,
		Object: serviceObject(s.Ref()), Subject: serviceObject(s.Ref()), Asked: s.Asked,
	}
}

func aliasOfAddress(s facts.Service) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(s.ExternalName, "."))
	return err == nil
}

// readServiceAlias tells an address in the place of the name, which the API takes: DNS
// servers answer with a CNAME all the same, to a name of digits that nobody has.
func readServiceAlias(f *facts.Facts) []check.Result {
	var results []check.Result
	for _, s := range f.Services {
		if s.Type != "ExternalName" || !aliasOfAddress(s) {
			continue
		}
		r := failed(check.Config, "%s is an address: an alias needs a name", dial.Clean(s.ExternalName, 80))
		r.Meaning = "resolvers look for a host of that name and find none; a Service without selector, with an EndpointSlice of one's own, leads to an address"
		r.Label = aliasLabel(f, s)
		r.TaskID = "service.alias " + s.Ref().String()
		results = append(results, r)
	}
	return results
}

// alias follows the name as it is, without the search list: a CNAME is absolute (RFC
// 1034, 3.6.2).
func (probe dnsProbe) alias(ctx context.Context, t check.Task, p aliasParams) check.Result {
	plain := dial.Clean(strings.TrimSuffix(p.Name, "."), 80)
	if addr := lookupHosts(probe.hosts, p.Name); addr != "" {
		return check.Result{Status: check.Pass, Summary: fmt.Sprintf("%s gives %s for it", probe.hosts, addr)}
	}
	conf, err := netsys.ReadResolvConf(probe.resolvConf)
	if err != nil {
		return check.Errorf("%v", err)
	}
	servers := nameServers(conf, probe.port)
	if len(servers) == 0 {
		return failed(check.Config, "%s names no name server", probe.resolvConf)
	}
	ctx, cancel := context.WithTimeout(ctx, t.Timeout.D())
	defer cancel()
	// As resolvers do: each server once, and all of them once more, since a datagram may
	// be lost; only silence leads to the next one.
	asks := append(append([]netip.AddrPort{}, servers...), servers...)
	var chain dial.Chain
	var kind check.Failure
	for i, server := range asks {
		part, cancel := share(ctx, len(asks)-i)
		chain, err = dial.Follow(part, dial.Question{Server: server, Network: "udp", Name: p.Name})
		cancel()
		if kind = dial.KindOf(err, server); kind != check.Timeout {
			break
		}
	}
	r := judgeChain(chain, kind, plain)
	links := []check.Evidence{{Key: "link 1", Value: p.Service + " is an alias of " + plain}}
	for i, name := range chain.Names[min(1, len(chain.Names)):] {
		links = append(links, check.Evidence{Key: fmt.Sprintf("link %d", i+2), Value: dial.Clean(chain.Names[i], 120) + " is an alias of " + dial.Clean(name, 120)})
	}
	r.Evidence = append(links, r.Evidence...)
	return r
}

// judgeChain is pure: where a chain of aliases ends.
func judgeChain(chain dial.Chain, kind check.Failure, name string) check.Result {
	last, links := name, max(0, len(chain.Names)-1)
	if links > 0 {
		last = dial.Clean(strings.TrimSuffix(chain.Names[links], "."), 120)
	}
	behind := ""
	if links > 0 {
		behind = fmt.Sprintf(", %d aliases further on", links)
	}
	if links == 1 {
		behind = ", an alias further on"
	}
	var r check.Result
	switch kind {
	case "":
		r = check.Result{Status: check.Pass, Summary: fmt.Sprintf("resolves to %s%s", addrsText(chain.Addrs), behind)}
	case check.NXDomain:
		r = failed(kind, "%s does not resolve: no such name%s", last, behind)
	case check.NoData:
		r = failed(kind, "%s does not resolve: it has no address%s", last, behind)
	case check.Timeout:
		r = failed(kind, "%s does not resolve: the DNS servers do not answer", last)
	case check.Config:
		r = failed(kind, "the alias goes round in a circle: %s leads back to itself%s", last, behind)
		if !chain.Loop {
			r = failed(kind, "the chain of aliases does not end after %d", links)
		}
		r.Meaning = "resolvers follow a few aliases and give up: such a name has no address"
	default:
		r = failed(kind, "%s does not resolve: %s%s", last, kind, behind)
	}
	ends := last
	if len(chain.Addrs) > 0 {
		ends += ": " + addrsText(chain.Addrs)
	}
	r.With("ends", "%s", ends)
	return r
}
