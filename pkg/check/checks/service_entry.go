package checks

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// maxEntries is how many requests are planned for the rules that lead to one service.
const maxEntries = 24

func init() {
	Registry.Add(check.Define(check.Spec[entryParams]{
		ID:      "service.entry",
		Area:    "service",
		Summary: "the rules of Ingresses and routes that lead to a service answer at their addresses, by host and path, over HTTP and TLS (silence is a warning: not every address lets its own cluster in)",
		Plan:    planEntries,
		Run:     runEntry,
		Read:    readEntries,
	}))
}

// entryParams is a URL to be asked for at an address that is not its host's.
type entryParams struct {
	URL     string    `json:"url"`
	Peer    dial.Peer `json:"peer"`
	CA      clusterCA `json:"ca,omitzero"`
	Sidecar string    `json:"sidecar,omitempty"`
	// AnyName says that the rule is for every host: the certificate may be for any.
	AnyName bool `json:"anyName,omitempty"`
}

// entry is one way of asking for a service from outside: which rule says so, the URL by
// which it goes, and the address and port to ask.
type entry struct {
	object, scheme, host, path, at string
	port                           uint16
}

func planEntries(f *facts.Facts) []check.Planned[entryParams] {
	var tasks []check.Planned[entryParams]
	for _, s := range f.Services {
		if s.Asked == "" {
			continue // nobody asked about its ways in
		}
		entries := entriesOf(s)
		for _, e := range entries[:min(len(entries), maxEntries)] {
			tasks = append(tasks, e.task(f, s))
		}
	}
	return tasks
}

// entriesOf are the requests for a service, each once.
func entriesOf(s facts.Service) []entry {
	seen := map[entry]bool{}
	return slices.DeleteFunc(append(ingressEntries(s), routeEntries(s)...), func(e entry) bool {
		had := seen[e]
		seen[e] = true
		return had
	})
}

// readEntries says how many requests are too many to be made.
func readEntries(f *facts.Facts) []check.Result {
	var results []check.Result
	for _, s := range f.Services {
		more := 0
		if s.Asked != "" {
			more = len(entriesOf(s)) - maxEntries
		}
		if more <= 0 {
			continue
		}
		r := check.Skipf("", "%d requests by other rules, hosts or addresses were not made: %d are", more, maxEntries)
		r.Label = check.Label{Title: nameFrom(f, s.Ref()) + " way in by rule", Target: fmt.Sprintf("%d more", more), Object: serviceObject(s.Ref()), Subject: serviceObject(s.Ref())}
		r.TaskID = "service.entry more " + s.Ref().String()
		results = append(results, r)
	}
	return results
}

// ingressEntries are those of Ingresses: port 80 of each address, and 443 where the rule
// has a certificate.
func ingressEntries(s facts.Service) []entry {
	var list []entry
	for _, rule := range s.Ingresses {
		if rule.Pattern {
			continue
		}
		for _, at := range rule.Addresses {
			if !askable(at) {
				continue
			}
			e := entry{object: ingressObject(s, rule), scheme: "http", host: rule.Host, path: rule.Path, at: at, port: 80}
			list = append(list, e)
			if rule.TLS != nil {
				e.scheme, e.port = "https", 443
				list = append(list, e)
			}
		}
	}
	return list
}

// maxHosts is how many hosts of one route are asked for.
const maxHosts = 3

// routeEntries are those of HTTP routes: at each address of each Gateway, by each
// listener that takes the route.
func routeEntries(s facts.Service) []entry {
	var list []entry
	for _, route := range s.Routes {
		if route.Kind != "HTTPRoute" || route.Path == "" {
			continue
		}
		for _, p := range route.Parents {
			for _, g := range s.Gateways {
				if g.Ref() != p.Gateway {
					continue
				}
				listeners, _ := listenersFor(g, route, p)
				for _, l := range listeners {
					list = append(list, listenerEntries(route, g, l)...)
				}
			}
		}
	}
	return list
}

func listenerEntries(route facts.GatewayRoute, g facts.Gateway, l facts.Listener) []entry {
	scheme := map[string]string{"HTTP": "http", "HTTPS": "https"}[l.Protocol]
	if scheme == "" || l.Port == 0 {
		return nil
	}
	hosts := route.Hosts[:min(len(route.Hosts), maxHosts)]
	if len(hosts) == 0 {
		hosts = []string{cmp.Or(l.Host, "*")}
	}
	var list []entry
	for _, host := range hosts {
		if l.Host != "" && !sameHosts(l.Host, host) {
			continue
		}
		for _, at := range g.Addresses {
			if askable(at) {
				list = append(list, entry{object: routeObject(route), scheme: scheme, host: host, path: route.Path, at: at, port: l.Port})
			}
		}
	}
	return list
}

// askable reports whether an address that an object of the API claims may be sent to. A
// status is written by others: it must not lead this machine to itself or to the
// metadata service of its cloud.
func askable(at string) bool {
	addr, err := netip.ParseAddr(at)
	if err != nil {
		return !strings.EqualFold(strings.TrimSuffix(at, "."), "localhost")
	}
	return !dial.Own(addr)
}

func (e entry) task(f *facts.Facts, s facts.Service) check.Planned[entryParams] {
	peer := dial.Peer{Host: e.at, Port: e.port, Claimed: true}
	if addr, err := netip.ParseAddr(e.at); err == nil {
		peer = addrPeer(netip.AddrPortFrom(addr.Unmap(), e.port))
	}
	u := url.URL{Scheme: e.scheme, Host: e.asked(), Path: e.path}
	return check.Planned[entryParams]{
		Label: check.Label{
			Title:   nameFrom(f, s.Ref()) + " way in by rule",
			Target:  u.String() + " at " + peer.String(),
			Object:  e.object,
			Subject: serviceObject(s.Ref()),
		},
		// Whether the rule is followed shows at once; loss is looked for elsewhere.
		Attempts: 1,
		Key:      s.Ref().String() + " " + e.object + " " + u.String() + " " + peer.String(),
		Params:   entryParams{URL: u.String(), Peer: peer, CA: clusterCAOf(f.Vantage), Sidecar: f.Vantage.Sidecar(), AnyName: e.host == "*"},
	}
}

// asked is the host to ask for: the rule's own; for a rule of every host the address, and
// for a wildcard some name below it.
func (e entry) asked() string {
	if below, wild := strings.CutPrefix(e.host, "*."); wild {
		return "netlook." + below
	}
	if e.host != "*" {
		return e.host
	}
	if addr, err := netip.ParseAddr(e.at); err == nil && addr.Is6() {
		return "[" + addr.String() + "]"
	}
	return e.at
}

func runEntry(ctx context.Context, t check.Task, p entryParams) check.Result {
	u, err := url.Parse(p.URL)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return check.Errorf("%q is no http or https URL", dial.Clean(p.URL, 120))
	}
	return judgeEntry(askURL(ctx, t, urlAsked{URL: u, Peer: p.Peer, CA: p.CA, AnyName: p.AnyName, Sidecar: p.Sidecar}))
}

// judgeEntry is pure. A certificate that nobody accepts is wrong wherever it is seen;
// that nothing is heard may be the fault of the place, and an error of the application is
// not one of the way. What was answered is the point: a 404 may be the controller's.
func judgeEntry(r check.Result) check.Result {
	for _, e := range r.Evidence {
		if e.Key == "status" && r.Status == check.Pass {
			r.Summary = "HTTP " + e.Value + ", " + strings.TrimPrefix(r.Summary, "ok, ")
		}
	}
	return soften(r, r.Failure != check.TLS)
}
