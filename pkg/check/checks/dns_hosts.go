package checks

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// lookupHosts is the address that a hosts(5) file gives a name, "" when it gives none:
// resolvers ask it first, and a pod's hostAliases are written there.
func lookupHosts(path, name string) string {
	data, err := readBounded(path)
	if err != nil {
		return "" // without the file, DNS decides
	}
	name = strings.TrimSuffix(name, ".")
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		for i, field := range fields {
			if i == 0 || !strings.EqualFold(field, name) {
				continue
			}
			if addr, err := netip.ParseAddr(fields[0]); err == nil {
				return addr.String()
			}
		}
	}
	return ""
}

// longerNames are the names that applications may call a service by, beside the shortest.
func longerNames(f *facts.Facts, s facts.Service) []string {
	full := s.Name + "." + s.Namespace
	names := []string{full, full + ".svc"}
	if f.Vantage.Pod != nil && s.Namespace == f.Vantage.Pod.Namespace {
		names = append([]string{s.Name}, names...)
	}
	return names
}

// wantedAddrs are those at which a service's name may lead to it, nil where they are not
// known: its own, those it has outside, and the vantage pod's where that is one of the
// service's. The kubelet writes a pod's own name into its hosts file, and a pod may have
// the name of its service.
func wantedAddrs(f *facts.Facts, s facts.Service) []netip.Addr {
	if s.Type == "ExternalName" || s.Headless && s.EndpointsUnknown {
		return nil
	}
	addrs := slices.Clone(s.ClusterIPs)
	if s.Headless {
		for _, e := range s.Endpoints {
			addrs = append(addrs, e.Addr.Unmap())
		}
	}
	if len(addrs) == 0 {
		return nil
	}
	addrs = append(addrs, s.ExternalIPs...)
	for _, b := range s.Balancers {
		if addr, err := netip.ParseAddr(b); err == nil {
			addrs = append(addrs, addr.Unmap())
		}
	}
	if self := f.Vantage.Pod; self != nil && behind(s, self) {
		for _, ip := range self.IPs {
			addrs = append(addrs, ip.Unmap())
		}
	}
	return addrs
}

// behind reports whether a pod is one of a service's, ready or not.
func behind(s facts.Service, pod *facts.Pod) bool {
	if slices.ContainsFunc(s.Endpoints, func(e facts.Endpoint) bool { return e.Pod != nil && *e.Pod == pod.Ref() }) {
		return true
	}
	for key, value := range s.Selector {
		if got, has := pod.Labels[key]; !has || got != value {
			return false
		}
	}
	return len(s.Selector) > 0 && s.Namespace == pod.Namespace
}

// fromHosts looks a name up in the hosts file, as resolvers do first. What it says of a
// service that is elsewhere is a failure; of another name, DNS is asked beside it.
func (probe dnsProbe) fromHosts(ctx context.Context, p searchParams, conf *facts.ResolvConf, servers []netip.AddrPort) (r check.Result, found bool) {
	names := append([]string{p.Name}, p.Also...)
	if domain := domainOf(conf); domain != "" && len(p.Also) > 0 {
		names = append(names, p.Also[len(p.Also)-1]+"."+domain)
	}
	for _, name := range names {
		text := lookupHosts(probe.hosts, name)
		addr, err := netip.ParseAddr(text)
		if err != nil || name != p.Name && (len(p.Want) == 0 || slices.Contains(p.Want, addr.Unmap())) {
			continue
		}
		r = check.Result{Status: check.Pass, Summary: fmt.Sprintf("found in %s, no query needed", probe.hosts)}
		if len(p.Want) > 0 && !slices.Contains(p.Want, addr.Unmap()) {
			r = failed(check.WrongAnswer, "%s gives %s for %s, and the service is at %s", probe.hosts, addr, dial.Clean(name, 120), addrsText(p.Want))
			r.Meaning = "resolvers read that file first and never ask DNS: applications in this pod connect to the wrong address"
		}
		r.With("answer", "%s", addr)
		if len(p.Want) == 0 && len(servers) > 0 {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			l := lookup{network: "udp", servers: servers}
			var t dial.Try
			for _, candidate := range candidates(name, conf) {
				addrs, _, _ := l.ask(ctx, candidate, &t)
				if len(addrs) > 0 && !slices.Contains(addrs, addr.Unmap()) {
					r.With(dnsSays, "%s", addrsText(addrs))
				}
				if len(addrs) > 0 {
					break
				}
			}
		}
		return r, true
	}
	return r, false
}

// dnsSays is the evidence of a name that the hosts file and DNS tell differently.
const dnsSays = "DNS says"
