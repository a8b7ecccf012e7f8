package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-ON-LINK",
		Summary: "a pod takes addresses that are elsewhere for its own link",
		Signal:  "The pod's routing table sends a ClusterIP, or pods of other nodes, out of an interface without a gateway, and nobody there answers ARP (or neighbour discovery) for them; on its own node pods answer.",
		Meaning: "The pod asks its neighbours for addresses that are behind its gateway, instead of sending to the gateway: it reaches pods on its own node only.",
		Confirm: []string{"ip addr; ip route; ip neigh (in the pod): the route has no via, the entries are FAILED or INCOMPLETE"},
		Remedy:  []string{"mend the prefix length in the CNI's IPAM configuration, and recreate the pod"},
		Source:  "ip-route(8); https://www.cni.dev/plugins/current/ipam/static/",
		Spot:    diagnose.Spot{Place: diagnose.AtInterface, Says: "wrong netmask"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, vantage := range vantages(c) {
				findings = append(findings, onLink(c, vantage)...)
			}
			return findings
		},
	})
}

// onLink finds the routes of a vantage pod that have no gateway and lead to addresses which
// are on no link of the pod's.
func onLink(c *diagnose.Case, vantage string) []diagnose.Finding {
	if !strings.HasPrefix(vantage, "pod/") {
		return nil
	}
	var findings []diagnose.Finding
	at := map[string]int{} // in findings, by route
	results := c.Find(diagnose.Match{Vantage: vantage, Status: failing})
	for _, r := range results {
		addr, ok := diagnose.TargetAddr(r)
		if !ok || r.Vantage != vantage || !strings.HasPrefix(value(r, "neighbour"), addr.String()+" on ") {
			continue // it is not the address itself that does not resolve
		}
		route, ok := routeOf(c, vantage, addr)
		dst, err := netip.ParsePrefix(route.Dst) // no default route: its host may answer for all
		if !ok || err != nil || route.Gateway != "" || route.Type != "unicast" || !awayFrom(c, vantage, addr) || flat(c, vantage, dst) {
			continue
		}
		text := route.Dst + " dev " + route.Dev
		i, known := at[text]
		if !known {
			i = len(findings)
			at[text] = i
			f := diagnose.Finding{
				Headline:   fmt.Sprintf("%s takes all of %s for its own link %s, and asks its neighbours for what is behind its gateway", vantage, route.Dst, route.Dev),
				Confidence: diagnose.Possible, // one network of all pods would look the same, were that one down
				Where:      []string{vantage},
				Evidence:   []string{"its route: " + text + ", without a gateway"},
				Explains:   onThatLink(c, vantage, dst, results),
				Likely:     "its address has a wrong netmask (the CNI's IPAM, or something in the pod has set it)",
				Try:        newPod(c),
				Rank:       rankPod,
			}
			if namespace, pod := namespaced(vantage); namespace != "" {
				f.Try = append([]string{fmt.Sprintf("kubectl netlook shell %s -n %s -- ip route", pod, namespace)}, f.Try...)
			}
			if besideAnswers(c) {
				f.Confidence = diagnose.Likely
			}
			findings = append(findings, f)
		}
		f := &findings[i]
		if clusterIP(c, addr) && f.Confidence < diagnose.Certain { // no link has a ClusterIP
			f.Confidence, f.Rank = diagnose.Certain, rankMeasured
		}
		if len(f.Evidence) < mostEvidence {
			f.Evidence = append(f.Evidence, seen(r)+", "+value(r, "neighbour"))
		}
	}
	return findings
}

// awayFrom reports whether an address is surely not one beside a vantage pod: a ClusterIP,
// or a pod's that belongs to another node's pod network.
func awayFrom(c *diagnose.Case, vantage string, addr netip.Addr) bool {
	if clusterIP(c, addr) {
		return true
	}
	return byNode(c, vantage, addr) && slices.ContainsFunc(c.Facts.Nodes, func(n facts.Node) bool {
		return n.Name != homeOf(c, vantage) && slices.ContainsFunc(n.PodCIDRs, func(p netip.Prefix) bool { return p.Contains(addr) })
	})
}

// byNode reports whether pods have the addresses of their nodes' pod CIDRs, in the family
// of addr, as that of the vantage pod shows: plugins with pools of their own leave what
// nodes were given unused.
func byNode(c *diagnose.Case, vantage string, addr netip.Addr) bool {
	if facts.PluginNamed(c.Facts.Network.Plugin).OwnAddresses() || vantage != c.Facts.Vantage.String() {
		return false
	}
	return slices.ContainsFunc(c.Facts.Nodes, func(n facts.Node) bool {
		return n.Name == homeOf(c, vantage) && slices.ContainsFunc(c.Facts.Vantage.IPs(), func(own netip.Addr) bool {
			return own.Is4() == addr.Is4() && slices.ContainsFunc(n.PodCIDRs, func(p netip.Prefix) bool { return p.Contains(own) })
		})
	})
}

// clusterIP reports whether an address is one of the services that are known of.
func clusterIP(c *diagnose.Case, addr netip.Addr) bool {
	services := slices.Clone(c.Facts.Services)
	for _, s := range []*facts.Service{c.Facts.DNS.Service, c.Facts.API.Service} {
		if s != nil {
			services = append(services, *s)
		}
	}
	return slices.ContainsFunc(services, func(s facts.Service) bool { return slices.Contains(s.ClusterIPs, addr) })
}

// onThatLink are the bad results of a vantage pod that such a route explains: all that is
// elsewhere and within it, and names, where the DNS server is.
func onThatLink(c *diagnose.Case, vantage string, dst netip.Prefix, results []check.Result) []string {
	var keys []string
	for _, r := range results {
		if addr, ok := diagnose.TargetAddr(r); ok && r.Vantage == vantage && dst.Contains(addr) && awayFrom(c, vantage, addr) {
			keys = append(keys, diagnose.Key(r))
		}
	}
	keys = c.Through(keys)
	if dns := c.Facts.DNS.Service; dns != nil && slices.ContainsFunc(dns.ClusterIPs, dst.Contains) {
		keys = append(keys, namesFailing(c)...)
	}
	return keys
}

// flat reports whether somebody who is elsewhere, and within a route, answers all the same:
// the pods of all nodes are on one link then.
func flat(c *diagnose.Case, vantage string, dst netip.Prefix) bool {
	return slices.ContainsFunc(c.Find(diagnose.Match{Vantage: vantage, Status: []check.Status{check.Pass}}), func(r check.Result) bool {
		addr, ok := diagnose.TargetAddr(r)
		return ok && r.Vantage == vantage && len(r.Attempts) > 0 && dst.Contains(addr) && awayFrom(c, vantage, addr)
	})
}
