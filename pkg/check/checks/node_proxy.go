package checks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// Where a kube-proxy listens unless its configuration says otherwise (k/k
// pkg/cluster/ports): its health on all addresses, its metrics on localhost.
const (
	proxyHealthPort  = 10256
	proxyMetricsPort = 10249
)

func init() {
	Registry.Add(check.Define(check.Spec[proxyParams]{
		ID:      "node.proxy",
		Area:    "node",
		Summary: "the node's kube-proxy is healthy, or does not exist; where its rules are in the kernel, it runs",
		Plan: func(f *facts.Facts) []check.Planned[proxyParams] {
			p, ok := nodeFacts(f)
			if !ok {
				return nil
			}
			task := nodeTask("kube-proxy", p)
			return []check.Planned[proxyParams]{{Label: task.Label, Params: proxyParams{IPs: f.Vantage.IPs()}}}
		},
		Run: func(ctx context.Context, _ check.Task, p proxyParams) check.Result {
			return judgeProxy(askProxy(ctx, p.IPs))
		},
	}))
}

// proxyParams are the node's addresses: a kube-proxy may listen on one of them only.
type proxyParams struct {
	IPs []netip.Addr `json:"ips,omitempty"`
}

// proxySeen is what was seen of a kube-proxy.
type proxySeen struct {
	facts.Proxy
	// Refused says that nothing listens on the health port of any address.
	Refused bool
	// Hangs says that the health port takes connections and answers none: the kernel
	// accepts for a process that is stopped, or has no time.
	Hangs bool
	// Live says that /livez answers well where /healthz does not: the node is being
	// drained, and the proxy says so to load balancers (k/k KEP-3836).
	Live     bool
	Where    string
	RulesErr error
	// Replaced is the program that hands services over in kube-proxy's place, by the
	// devices that it makes, "" when none is known to.
	Replaced string
}

// replacements are devices that programs make which take over from kube-proxy.
var replacements = map[string]string{"cilium_host": "Cilium", "kube-dummy-if": "kube-router"}

// askProxy asks the addresses of this node where a kube-proxy may listen.
func askProxy(ctx context.Context, ips []netip.Addr) proxySeen {
	seen := proxySeen{Refused: true}
	addrs := append([]netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, ips...)
	for _, addr := range addrs {
		at := netip.AddrPortFrom(addr, proxyHealthPort)
		try, answer := getLocal(ctx, at, "/healthz")
		if answer == nil {
			seen.Refused = seen.Refused && try.Failure == check.Refused
			seen.Hangs = seen.Hangs || try.Failure == check.Silent
			if seen.Health == "" && try.Failure != check.Refused {
				seen.Health = string(try.Failure)
			}
			continue
		}
		seen.Refused, seen.Where = false, at.String()
		seen.Health, seen.Healthy = answer.Text, answer.Status == http.StatusOK
		if !seen.Healthy {
			_, live := getLocal(ctx, at, "/livez")
			seen.Live = live != nil && live.Status == http.StatusOK
		}
		break
	}
	for _, addr := range addrs {
		if _, answer := getLocal(ctx, netip.AddrPortFrom(addr, proxyMetricsPort), "/proxyMode"); answer != nil && answer.Status == http.StatusOK {
			seen.Mode = dial.Clean(answer.Body, 20)
			break
		}
	}
	seen.Rules, seen.RulesErr = netsys.ProxyRules()
	seen.RulesRead = seen.RulesErr == nil
	links, _ := netsys.Links()
	for _, l := range links {
		if name, known := replacements[l.Name]; known {
			seen.Replaced = name
		}
	}
	return seen
}

func getLocal(ctx context.Context, at netip.AddrPort, path string) (dial.Try, *dial.Answer) {
	return dial.Get(ctx, dial.GetOptions{
		Peer: dial.Peer{Addr: at},
		URL:  &url.URL{Scheme: "http", Host: at.String(), Path: path},
	})
}

// judgeProxy is pure. That nothing answers is no failure of its own: other programs
// replace kube-proxy. That its rules are in the kernel without it is one: nobody keeps
// them up to date.
func judgeProxy(seen proxySeen) check.Result {
	var r check.Result
	switch mode := orWord(seen.Mode, "mode unknown"); {
	case seen.Healthy:
		r = check.Result{Status: check.Pass, Summary: "kube-proxy is healthy, " + mode}
	case seen.Live:
		r = check.Result{Status: check.Pass, Summary: "kube-proxy runs, " + mode + "; it tells load balancers to leave this node out"}
	case seen.Where != "":
		r = failed(check.NotReady, "kube-proxy says that it is not healthy: %s", seen.Health)
		r.Meaning = "kube-proxy cannot bring its rules up to date: services are reached as they were some time ago"
	case seen.Hangs && len(seen.Rules) > 0:
		r = failed(check.NotReady, "kube-proxy takes connections on port %d, but does not answer: it hangs", proxyHealthPort)
		r.Meaning = "kube-proxy does not bring its rules up to date: services are reached as they were when it began to hang"
	case seen.Mode != "":
		r = check.Result{Status: check.Pass, Summary: "kube-proxy runs, " + mode + "; it does not show its health on port " + strconv.Itoa(proxyHealthPort)}
	case seen.Refused && len(seen.Rules) > 0 && seen.Replaced != "":
		r = check.Result{Status: check.Warn, Summary: "kube-proxy does not run, and left its rules behind; " + seen.Replaced + " is here and may hand services over in its place"}
	case seen.Refused && len(seen.Rules) > 0:
		r = failed(check.NotReady, "kube-proxy's rules are here, but it does not run")
		r.Meaning = "the rules stay as they were when it ended: new services and endpoints are unknown to this node, and dead endpoints stay (unless another program has replaced kube-proxy, and its rules were left behind)"
	default:
		r = check.Skipf("", "no kube-proxy answers on port %d: it may be replaced here", proxyHealthPort)
	}
	switch {
	case seen.Where != "":
		r.With("healthz at "+seen.Where, "%s", seen.Health)
	case seen.Refused:
		r.With("healthz", "refused on port %d of each address", proxyHealthPort)
	default:
		r.With("healthz", "%s on port %d", orWord(seen.Health, "no answer"), proxyHealthPort)
	}
	switch {
	case len(seen.Rules) > 0:
		r.With("rules", "%s", fewOf(seen.Rules))
	case seen.RulesErr == nil:
		r.With("rules", "none of kube-proxy's")
	}
	if seen.RulesErr != nil && !errors.Is(seen.RulesErr, netsys.ErrUnsupported) {
		r.With("rules not read", "%s", dial.Clean(fmt.Sprint(seen.RulesErr), 200))
	}
	if backends := proxyBackends(seen.Rules); len(backends) > 1 {
		r.With("backends", "rules in %s at once: those of one are left over", fewOf(backends))
	}
	r.Kernel = &facts.Kernel{Proxy: &seen.Proxy}
	return r
}

// proxyBackends are the first words of rules, each once.
func proxyBackends(rules []string) []string {
	var list []string
	for _, rule := range rules {
		if word, _, _ := strings.Cut(rule, " "); !slices.Contains(list, word) {
			list = append(list, word)
		}
	}
	return list
}
