package checks

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// maxByProxy is how many requests are made through proxies.
const maxByProxy = 8

func init() {
	Registry.Add(check.Define(check.Spec[byProxyParams]{
		ID:      "target.proxy",
		Area:    "target",
		Summary: "what the pod's own environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) sends to a proxy is answered through that too, unless --external none; a warning, since not every application heeds it",
		Plan:    planTargetProxy,
		Run:     systemDNS.byProxy,
	}))
}

// byProxyParams is a URL to ask a proxy for.
type byProxyParams struct {
	URL   string    `json:"url"`
	Proxy dial.Peer `json:"proxy"`
	// Container is whose environment says so.
	Container string `json:"container"`
	// Service is the service's name without the cluster domain, Port its port and No the
	// NO_PROXY that may except the name with the domain; "" for what is no service's.
	Service string `json:"service,omitempty"`
	Port    uint16 `json:"port,omitempty"`
	No      string `json:"no,omitempty"`
}

func planTargetProxy(f *facts.Facts) []check.Planned[byProxyParams] {
	// A proxy mostly stands outside of the cluster: who wants nothing to be asked there
	// (--external none) does not want that.
	if f.Vantage.Kind != facts.VantagePod || f.Vantage.Pod == nil || len(f.Ask.External) == 0 {
		return nil
	}
	var tasks []check.Planned[byProxyParams]
	seen := map[string]bool{}
	for _, asked := range urlsAsked(f) {
		for _, c := range f.Vantage.Pod.Containers {
			proxy := asked.by(c.Proxy)
			label := asked.url.String() + " by proxy " + proxy
			peer, ok := proxyPeer(proxy)
			if !ok || seen[label] || len(tasks) == maxByProxy {
				continue
			}
			seen[label] = true
			params := byProxyParams{URL: asked.url.String(), Proxy: peer, Container: c.Name}
			if asked.service != "" {
				params.Service, params.Port, params.No = asked.service, asked.port, c.Proxy.No
			}
			tasks = append(tasks, check.Planned[byProxyParams]{
				Label:    check.Label{Title: "by the pod's proxy", Target: label, Object: f.Vantage.String(), Subject: asked.subject},
				Key:      label,
				Attempts: 1,
				Params:   params,
			})
		}
	}
	return tasks
}

// urlAskedFor is a URL that the user asked about, with the other names by which
// applications may ask for the same.
type urlAskedFor struct {
	url     url.URL
	port    uint16
	hosts   []string
	subject string
	service string // the name without the cluster domain, "" for what is no service's
}

// urlsAsked are the URLs among the targets, and those of services' ports that speak HTTP
// by what is known of them.
func urlsAsked(f *facts.Facts) []urlAskedFor {
	var list []urlAskedFor
	for _, t := range f.Targets {
		if t.Kind != target.URL {
			continue
		}
		u, err := url.Parse(t.URL)
		if err != nil {
			continue
		}
		if peer, err := peerOf(u); err == nil {
			list = append(list, urlAskedFor{url: *u, port: peer.Port, hosts: []string{u.Hostname()}, subject: t.URL})
		}
	}
	for _, s := range f.Services {
		if s.Asked == "" || s.Type == "ExternalName" {
			continue
		}
		for _, p := range s.Ports {
			scheme := map[string]string{"http": "http", "tls": "https"}[dial.Guess(p.AppProtocol, p.Name, p.Port).Proto]
			if p.Protocol != facts.TCP || scheme == "" {
				continue
			}
			host := serviceHost(s)
			list = append(list, urlAskedFor{
				url:     url.URL{Scheme: scheme, Host: host + ":" + strconv.Itoa(int(p.Port)), Path: "/"},
				port:    p.Port,
				hosts:   []string{host, s.Name, s.Name + "." + s.Namespace, host + "." + cmp.Or(f.DNS.Domain, assumedDomain)},
				subject: serviceObject(s.Ref()),
				service: host,
			})
		}
	}
	return list
}

// by is the proxy for all the names; "" where one is excepted: who has trouble may ask by
// another.
func (u urlAskedFor) by(env facts.ProxyEnv) string {
	proxy := ""
	for _, host := range u.hosts {
		if proxy = env.For(u.url.Scheme, host, u.port); proxy == "" {
			break
		}
	}
	return proxy
}

// proxyPeer is whom to connect to. A proxy may stand in the pod itself, and none at the
// addresses where a machine is told its secrets: a variable is a stranger's word.
func proxyPeer(proxy string) (dial.Peer, bool) {
	u := url.URL{Host: proxy}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || u.Hostname() == "" {
		return dial.Peer{}, false
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return addrPeer(netip.AddrPortFrom(addr, uint16(port))), addr.Unmap().IsLoopback() || !dial.Own(addr)
	}
	return dial.Peer{Host: u.Hostname(), Port: uint16(port), Claimed: u.Hostname() != "localhost"}, true
}

// byProxy asks, unless the domain of the pod's resolv.conf, which the API does not tell,
// makes a name of the service that is excepted.
func (probe dnsProbe) byProxy(ctx context.Context, t check.Task, p byProxyParams) check.Result {
	u, err := url.Parse(p.URL)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return check.Errorf("%q is no http or https URL", dial.Clean(p.URL, 120))
	}
	if p.exceptedIn(probe.resolvConf) {
		return check.Skipf("", "NO_PROXY of container %s excepts the service's name with the cluster's domain: applications may go there without the proxy", dial.Clean(p.Container, 80))
	}
	wants := false
	tries := dial.Attempts(ctx, t.Attempts, t.Timeout.D(), func(ctx context.Context, _ int) dial.Try {
		try, answer := dial.GetByProxy(ctx, p.Proxy, u)
		wants = answer != nil && answer.Status == 407
		return try
	})
	r := soften(dial.Summarise(tries), true)
	if wants && r.Status == check.Pass {
		r = check.Skipf("", "the proxy answers, and wants a user and password, which the probe does not take")
	}
	r.With("says so", "%s", fmt.Sprintf("%s_PROXY of container %s", map[string]string{"http": "HTTP", "https": "HTTPS"}[u.Scheme], dial.Clean(p.Container, 80)))
	return r
}

// exceptedIn reports whether NO_PROXY excepts the service by its name in the cluster domain
// that a resolv.conf tells.
func (p byProxyParams) exceptedIn(resolvConf string) bool {
	if p.Service == "" {
		return false
	}
	conf, err := netsys.ReadResolvConf(resolvConf)
	if err != nil {
		return false
	}
	domain, env := domainOf(conf), facts.ProxyEnv{HTTP: p.Proxy.String(), No: p.No}
	return domain != "" && env.For("http", p.Service+"."+domain, p.Port) == ""
}
