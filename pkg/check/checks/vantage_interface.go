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

// maxLinksShown is how many interfaces are described in the evidence; all of them
// are in the result's kernel facts.
const maxLinksShown = 12

func init() {
	Registry.Add(check.Define(check.Spec[interfaceParams]{
		ID:      "vantage.interface",
		Area:    "vantage",
		Summary: "the vantage point has an interface that is up, with its address, a default route, and loopback",
		Plan: func(f *facts.Facts) []check.Planned[interfaceParams] {
			p := interfaceParams{Pod: f.Vantage.Kind == facts.VantagePod}
			if p.Pod {
				p.IPs = f.Vantage.IPs()
			}
			return []check.Planned[interfaceParams]{{Label: check.Label{Title: "interface"}, Key: "links", Params: p}}
		},
		Run: runInterface,
	}))
}

// interfaceParams say what the API knows of the vantage point.
type interfaceParams struct {
	Pod bool `json:"pod,omitempty"`
	// IPs are those of the pod. A node's may be elsewhere: an ExternalIP often is.
	IPs []netip.Addr `json:"ips,omitempty"`
}

func runInterface(_ context.Context, _ check.Task, p interfaceParams) check.Result {
	var k facts.Kernel
	var err error
	if k.Links, err = netsys.Links(); err != nil {
		return check.Errorf("%v", err)
	}
	if k.Routes, err = netsys.Routes(); err != nil {
		return check.Errorf("%v", err)
	}
	r := check.Result{}
	if k.Neighbours, err = netsys.Neighbours(); err != nil {
		r.With("neighbours", "%v", err) // worth knowing, but no reason to give up
	}
	judged := judgeInterface(k, p)
	judged.Evidence = append(judged.Evidence, r.Evidence...)
	judged.Kernel = &k
	return judged
}

// judgeInterface is pure: what the kernel says of the vantage point's interfaces.
func judgeInterface(k facts.Kernel, p interfaceParams) check.Result {
	var r check.Result
	shown := slices.DeleteFunc(slices.Clone(k.Links), func(l facts.Link) bool { return !worthShowing(l) })
	up := slices.DeleteFunc(slices.Clone(shown), func(l facts.Link) bool { return !usable(l) })
	defaults := defaultRoutes(k.Routes)
	missing := missingIPs(k.Links, p.IPs)
	switch {
	case len(up) == 0:
		r = failed(check.NoRoute, "no interface with an address is up")
		r.Meaning = "the namespace has no way out: the CNI did not set the interface up, or somebody took it down"
	case len(missing) > 0:
		r = failed(check.Config, "the pod's address %s by the API is on no interface", strings.Join(missing, ", "))
		r.Status = check.Warn
		r.Meaning = "the API and the kernel disagree: what is sent to the pod's address does not reach it"
	case p.Pod && len(defaults) == 0:
		r = failed(check.NoRoute, "%s, but no default route", linkNamesOf(up))
		r.Status = check.Warn
	case p.Pod && loopbackDown(k.Links):
		r = failed(check.Config, "%s, but lo is down", linkNamesOf(up))
		r.Status = check.Warn
		r.Meaning = "processes in the pod do not reach one another, nor themselves, by 127.0.0.1, localhost or the pod's own address"
	default:
		r = check.Result{Status: check.Pass, Summary: linkNamesOf(up)}
	}
	for i, l := range shown {
		if i == maxLinksShown {
			r.With("and", "%d more interfaces with addresses", len(shown)-maxLinksShown)
			break
		}
		r.With(dial.Clean(l.Name, 32), "%s", describeLink(l))
	}
	if hidden := len(k.Links) - len(shown); hidden > 0 {
		r.With("other interfaces", "%d without an address of their own", hidden)
	}
	if len(defaults) == 0 {
		r.With("default route", "none")
	} else {
		r.With("default route", "%s", fewOf(defaults))
	}
	return r
}

// worthShowing leaves out loopback and what has neither an address nor an error, such
// as the many veths of a node.
func worthShowing(l facts.Link) bool {
	return !isLoopback(l) && (len(l.Addrs) > 0 || l.RxErrors+l.TxErrors > 0)
}

func isLoopback(l facts.Link) bool {
	return l.Name == "lo" || slices.ContainsFunc(l.Addrs, func(a string) bool {
		p, err := netip.ParsePrefix(a)
		return err == nil && p.Addr().IsLoopback()
	})
}

// loopbackDown reports whether lo, which every network namespace has, is down.
func loopbackDown(links []facts.Link) bool {
	return slices.ContainsFunc(links, func(l facts.Link) bool { return l.Name == "lo" && !l.Up })
}

// usable reports whether packets could leave by l: it is up, somebody holds the other
// end, and it has an address beyond the link.
func usable(l facts.Link) bool {
	carrier := l.State == "up" || l.State == "unknown" || l.State == "dormant"
	links := []facts.Link{l}
	return l.Up && carrier && len(globalAddrs(links, netsys.IPv4))+len(globalAddrs(links, netsys.IPv6)) > 0
}

func linkNamesOf(links []facts.Link) string {
	names := make([]string, 0, len(links))
	for _, l := range links {
		names = append(names, fmt.Sprintf("%s up, MTU %d", dial.Clean(l.Name, 32), l.MTU))
	}
	return fewOf(names)
}

func describeLink(l facts.Link) string {
	admin := "down"
	if l.Up {
		admin = "up"
	}
	parts := []string{fmt.Sprintf("MTU %d, %s (%s)", l.MTU, admin, l.State)}
	if len(l.Addrs) > 0 {
		parts = append(parts, fewOf(l.Addrs))
	}
	if l.PeerIndex != 0 {
		parts = append(parts, fmt.Sprintf("peer ifindex %d", l.PeerIndex))
	}
	if l.RxErrors+l.TxErrors+l.RxDropped+l.TxDropped > 0 {
		parts = append(parts, fmt.Sprintf("errors rx %d tx %d, dropped rx %d tx %d", l.RxErrors, l.TxErrors, l.RxDropped, l.TxDropped))
	}
	return strings.Join(parts, ", ")
}

// defaultRoutes are the default routes in words: "via 10.244.1.1 dev eth0".
func defaultRoutes(routes []facts.Route) []string {
	var list []string
	for _, route := range routes {
		if route.Dst != "default" || route.Type != "unicast" {
			continue
		}
		text := "dev " + dial.Clean(route.Dev, 32)
		if route.Gateway != "" {
			text = "via " + route.Gateway + " " + text
		}
		list = append(list, text)
	}
	return slices.Compact(list)
}

// missingIPs are the addresses of a pod that no interface has.
func missingIPs(links []facts.Link, ips []netip.Addr) []string {
	have := map[netip.Addr]bool{}
	for _, l := range links {
		for _, text := range l.Addrs {
			if p, err := netip.ParsePrefix(text); err == nil {
				have[p.Addr().Unmap()] = true
			}
		}
	}
	var missing []string
	for _, ip := range ips {
		if !have[ip.Unmap()] {
			missing = append(missing, ip.String())
		}
	}
	return missing
}
