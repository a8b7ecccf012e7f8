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
		Code:    "NL-NODE-GATEWAY",
		Summary: "nobody answers for the gateway of a node's default route",
		Signal:  "What is outside the cluster does not answer pods of the node, and on the node the address of a default route's gateway does not resolve (ARP, neighbour discovery) where it was asked for.",
		Meaning: "What leaves the cluster from that node is sent to an address that nobody has. Of several default routes the one with the lowest metric is taken, whether its gateway lives or not.",
		Confirm: []string{"ip route show default; ip neigh show GATEWAY (on the node): FAILED or INCOMPLETE"},
		Remedy:  []string{"where it is the only default route, or the right one: mend the router, or its link; do not delete the route", "ip route del default via GATEWAY dev DEVICE (on the node), where another default route is the right one", "see who has set it: a DHCP client on a second interface, a VPN, the network's configuration"},
		Source:  "ip-route(8), metric; arp(7)",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtUnderlay, Says: "dead gateway"},
		Find:    findNodeGateway,
	})
}

func findNodeGateway(c *diagnose.Case) []diagnose.Finding {
	home := c.Home()
	lost := outsideLost(c)
	if len(lost) == 0 || home == "" {
		return nil
	}
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "node.neightable", Vantage: "node/"}) {
		if r.Vantage != "node/"+home || r.Kernel == nil {
			continue
		}
		for _, route := range r.Kernel.Routes {
			gateway, err := netip.ParseAddr(route.Gateway)
			i := unresolved(*r.Kernel, route)
			if route.Dst != "default" || !route.InMain() || err != nil || i < 0 {
				continue
			}
			behind := slices.DeleteFunc(slices.Clone(lost), func(l check.Result) bool {
				addr, ok := diagnose.TargetAddr(l)
				return ok && addr.Is4() != gateway.Is4()
			})
			if len(behind) == 0 || outsideAnswers(c, gateway.Is4()) {
				continue
			}
			f := diagnose.Finding{
				Headline:   fmt.Sprintf("node %s sends what leaves the cluster to %s on %s, and nobody there has that address", home, gateway, route.Dev),
				Confidence: diagnose.Certain,
				Where:      []string{"node/" + home},
				Evidence:   append(seenAll(behind), fmt.Sprintf("node %s: default via %s dev %s, whose neighbour entry is %s", home, gateway, route.Dev, r.Kernel.Neighbours[i].State)),
				Explains:   diagnose.Keys(behind),
				Likely:     "a default route too many, with a lower metric than the right one: DHCP on a second interface, a VPN; or the router is down",
				Try:        []string{"ip route show default   (on node " + home + ")"},
				Rank:       rankMeasured,
			}
			if others := otherDefaults(r.Kernel.Routes, route); len(others) > 0 {
				f.Evidence = append(f.Evidence, "it also has default "+strings.Join(others, ", "))
				f.Confidence = diagnose.Likely // that one may be the one in use
				f.Try = append(f.Try, fmt.Sprintf("ip route del default via %s dev %s   (there, if another default route is the right one)", gateway.WithZone(""), device(route.Dev)))
			}
			named := !slices.ContainsFunc(behind, func(l check.Result) bool {
				_, ok := diagnose.TargetAddr(l)
				return ok
			})
			if named && slices.ContainsFunc(r.Kernel.Routes, func(other facts.Route) bool {
				return other.Dst == "default" && other.InMain() && unresolved(*r.Kernel, other) < 0
			}) {
				f.Confidence = diagnose.Possible // a name does not tell by which family it was tried
			}
			findings = append(findings, f)
		}
	}
	return findings
}

// unresolved is the neighbour entry of a route's gateway that does not resolve, by its index;
// -1 for none.
func unresolved(k facts.Kernel, route facts.Route) int {
	return slices.IndexFunc(k.Neighbours, func(n facts.Neighbour) bool {
		return n.IP == route.Gateway && n.Dev == route.Dev && (n.State == "failed" || n.State == "incomplete")
	})
}

// outsideLost are the results of the vantage point and of its node that say that somebody
// outside the cluster, whose name resolves, does not answer.
func outsideLost(c *diagnose.Case) []check.Result {
	vantage := c.Facts.Vantage.String()
	var lost []check.Result
	for _, r := range c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.Timeout, check.Unreachable}}) {
		addr, ok := diagnose.TargetAddr(r)
		if (r.Vantage == vantage || r.Vantage == "node/"+c.Home()) && (r.Check == "external.host" || ok && c.Outside(addr)) && !byName(r) {
			lost = append(lost, r)
		}
	}
	return lost
}

// outsideAnswers reports whether somebody outside the cluster answers in a family, or by a
// name, which has none: there is another way out then, and whoever does not answer may be
// gone.
func outsideAnswers(c *diagnose.Case, v4 bool) bool {
	return slices.ContainsFunc(c.Find(diagnose.Match{Vantage: c.Facts.Vantage.String(), Status: []check.Status{check.Pass}}), func(r check.Result) bool {
		addr, ok := diagnose.TargetAddr(r)
		return r.Vantage == c.Facts.Vantage.String() && len(r.Attempts) > 0 && (ok && c.Outside(addr) && addr.Is4() == v4 || !ok && r.Check == "external.host")
	})
}

// otherDefaults are the other default routes of a route's family, in words.
func otherDefaults(routes []facts.Route, than facts.Route) []string {
	var list []string
	for _, r := range routes {
		if r.Dst == "default" && r.InMain() && r.Family == than.Family && (r.Gateway != than.Gateway || r.Dev != than.Dev) {
			list = append(list, "via "+r.Gateway+" dev "+r.Dev)
		}
	}
	return list
}
