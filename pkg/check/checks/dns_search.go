package checks

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func init() {
	Registry.Add(check.Define(check.Spec[searchParams]{
		ID:      "dns.search",
		Area:    "dns",
		Summary: "short names resolve as applications look them up: through resolv.conf's search list, with its ndots",
		Plan:    planDNSSearch,
		Run:     systemDNS.search,
		Read:    readDNSSearch,
	}))
}

// searchParams is a name as an application would look it up.
type searchParams struct {
	Name string `json:"name"`
	// InCluster says that only a search list with the cluster's domains finds it.
	InCluster bool `json:"inCluster,omitempty"`
	// OwnDNS as in dnsParams.
	OwnDNS bool `json:"ownDNS,omitempty"`
	// Also are longer names of the same service, and Want the addresses that the API has
	// for it: a hosts file that says otherwise leads astray.
	Also []string     `json:"also,omitempty"`
	Want []netip.Addr `json:"want,omitempty"`
}

func planDNSSearch(f *facts.Facts) []check.Planned[searchParams] {
	var tasks []check.Planned[searchParams]
	add := func(name string, p searchParams) {
		p.Name = name
		tasks = append(tasks, check.Planned[searchParams]{
			Label: check.Label{Title: "search list", Target: name}, Attempts: 1, Params: p,
		})
	}
	if meant, sure := clusterDNS(f.Vantage); meant {
		add("kubernetes.default", searchParams{InCluster: true, OwnDNS: !sure})
		for _, s := range f.Services[:min(len(f.Services), maxServiceNames)] {
			if s.Headless && len(s.Ready()) == 0 {
				continue // such a name has no address, by design
			}
			add(searchName(f, s), searchParams{InCluster: true, OwnDNS: !sure, Also: longerNames(f, s), Want: wantedAddrs(f, s)})
		}
	}
	for _, t := range f.Targets {
		if _, err := netip.ParseAddr(t.Host); err != nil && t.Host != "" && (t.Kind == target.Host || t.Kind == target.URL) {
			add(t.Host, searchParams{})
		}
	}
	return tasks
}

// searchName is how an application of the vantage pod calls a service.
func searchName(f *facts.Facts, s facts.Service) string {
	if f.Vantage.Pod != nil && s.Namespace == f.Vantage.Pod.Namespace {
		return s.Name
	}
	return s.Name + "." + s.Namespace
}

// readDNSSearch says why cluster names are not looked up from some pods.
func readDNSSearch(f *facts.Facts) []check.Result {
	if meant, _ := clusterDNS(f.Vantage); meant || f.Vantage.Kind != facts.VantagePod || f.Vantage.Pod == nil {
		return nil
	}
	policy := f.Vantage.Pod.DNSPolicy
	if f.Vantage.Pod.HostNetwork {
		policy += " with hostNetwork"
	}
	r := check.Skipf("", "dnsPolicy %s: this pod resolves as its node does, so names of the cluster are not in its reach", policy)
	r.Label = check.Label{Title: "search list", Target: "kubernetes.default"}
	return []check.Result{r}
}

// candidates are the names that getaddrinfo(3) asks for, in order (resolv.conf(5),
// search and ndots).
func candidates(name string, conf *facts.ResolvConf) []string {
	if strings.HasSuffix(name, ".") {
		return []string{name}
	}
	asIs := name + "."
	var searched []string
	for _, s := range conf.Search {
		searched = append(searched, name+"."+strings.TrimSuffix(s, ".")+".")
	}
	if strings.Count(name, ".") >= conf.Ndots {
		return append([]string{asIs}, searched...)
	}
	return append(searched, asIs)
}

// search looks a name up as an application would, and tells what that took.
func (probe dnsProbe) search(ctx context.Context, t check.Task, p searchParams) check.Result {
	conf, err := netsys.ReadResolvConf(probe.resolvConf)
	if err != nil {
		return check.Errorf("%v", err)
	}
	servers := nameServers(conf, probe.port)
	if r, found := probe.fromHosts(ctx, p, conf, servers); found {
		return r
	}
	setting := []check.Evidence{
		{Key: "search", Value: dial.Clean(strings.Join(conf.Search, " "), 300)},
		{Key: "ndots", Value: fmt.Sprint(conf.Ndots)},
	}
	var r check.Result
	switch {
	case len(servers) == 0:
		r = failed(check.Config, "%s names no name server", probe.resolvConf)
	case p.InCluster && domainOf(conf) == "" && p.OwnDNS:
		return check.Skipf("", "the pod's own dnsConfig has no search list of the cluster")
	case p.InCluster && domainOf(conf) == "":
		r = failed(check.Config, "the search list has none of the cluster's domains: short names cannot resolve")
		r.Meaning = "the kubelet writes them from its clusterDomain and clusterDNS settings; a pod's dnsConfig can replace them"
	default:
		l := lookup{network: "udp", servers: servers}
		tries := dial.Attempts(ctx, 1, t.Timeout.D(), func(ctx context.Context, _ int) dial.Try {
			return l.run(ctx, candidates(p.Name, conf))
		})
		r = dial.Summarise(tries)
		if r.Status == check.Pass {
			r.Summary = fmt.Sprintf("found with name %d of %d, %d queries, %s",
				l.names, len(candidates(p.Name, conf)), l.queries, dial.Dur(r.Attempts[0].RTT.D()))
		}
		if r.Status == check.Pass && l.deaf > 0 {
			r.Status, r.Failure = check.Warn, check.Timeout
			r.Summary += fmt.Sprintf(", after %d of %d name servers did not answer", l.deaf, len(servers))
			r.Meaning = "applications wait for the silent name server first, usually 5 s for each name"
		}
	}
	r.Evidence = append(setting, r.Evidence...)
	return r
}

// lookup walks through names and servers as a resolver does.
type lookup struct {
	network string
	servers []netip.AddrPort
	names   int // asked for
	queries int // sent
	deaf    int // servers that did not answer
}

// run asks for one name after the other until one has an address. A name that does
// not exist, or has no address, leads to the next one; a server that does not answer,
// to the next server with the rest of the time.
func (l *lookup) run(ctx context.Context, names []string) (t dial.Try) {
	start := time.Now()
	defer func() { t.RTT = check.Duration(time.Since(start)) }()
	for _, name := range names {
		l.names++
		addrs, kind, err := l.ask(ctx, name, &t)
		switch {
		case len(addrs) > 0:
			t.See("asked", "%s", name)
			t.See("answer", "%s", addrsText(addrs))
			t.Failure, t.Detail = "", ""
			return t
		case kind == check.NXDomain, kind == check.NoData, kind == check.ServFail:
			t.See("asked", "%s: %s", name, kind)
			// What is worst is what the application sees in the end.
			if t.Failure != check.ServFail {
				t.Failure, t.Detail = kind, name
			}
		default:
			t.See("asked", "%s: %s", name, kind)
			t.Fail(ctx, err, l.servers[0])
			return t
		}
	}
	return t
}

// ask asks for both families of one name, at one server after the other.
func (l *lookup) ask(ctx context.Context, name string, t *dial.Try) (addrs []netip.Addr, kind check.Failure, err error) {
	for i := l.deaf; i < len(l.servers); i++ {
		part, cancel := share(ctx, len(l.servers)-i)
		addrs, err = l.pair(part, name, l.servers[i])
		cancel()
		kind = dial.KindOf(err, l.servers[i])
		if len(addrs) > 0 || kind == check.NXDomain || kind == check.NoData {
			return addrs, kind, err
		}
		t.See("name server "+l.servers[i].Addr().String(), "%s for %s", kind, name)
		if kind != check.ServFail {
			// A resolver would try it again for each name; once is enough to know.
			l.deaf = min(i+1, len(l.servers)-1)
		}
	}
	return addrs, kind, err
}

func share(ctx context.Context, parts int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || parts <= 1 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(parts))
}

// pair asks for A and AAAA at the same time. An error of one that is more than "no
// such record" counts even when the other has an answer: applications wait for both.
func (l *lookup) pair(ctx context.Context, name string, server netip.AddrPort) ([]netip.Addr, error) {
	types := [2]string{"A", "AAAA"}
	type outcome struct {
		reply dial.Reply
		err   error
	}
	l.queries += len(types)
	outcomes := make(chan outcome, len(types))
	for _, recordType := range types {
		go func() {
			reply, err := dial.Ask(ctx, dial.Question{Server: server, Network: l.network, Name: name, Type: recordType})
			outcomes <- outcome{reply, err}
		}()
	}
	var addrs []netip.Addr
	var worst error
	for range types {
		o := <-outcomes
		addrs = append(addrs, o.reply.Addrs...)
		switch kind := dial.KindOf(o.err, server); {
		case o.err == nil:
		case kind == check.NoData && worst != nil:
		case kind == check.NoData, kind == check.NXDomain:
			if worst == nil || dial.KindOf(worst, server) == check.NoData {
				worst = o.err
			}
		default:
			return nil, o.err
		}
	}
	if len(addrs) > 0 {
		return addrs, nil
	}
	return nil, worst
}
