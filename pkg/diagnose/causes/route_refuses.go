package causes

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// refusingRoutes are those of a vantage point's own table that its failures met: the rest
// of what it looks at may well be reached. A node has such routes for blocks of addresses
// whose pods have narrower ones (Calico, Cilium): there they say that the pod is gone, and
// count for services alone. What a node itself sends is routed before it is translated.
func refusingRoutes(c *diagnose.Case, vantage string) []diagnose.Finding {
	isPod := strings.HasPrefix(vantage, "pod/")
	var findings []diagnose.Finding
	at := map[string]int{} // in findings, by route
	for _, r := range c.Find(diagnose.Match{Vantage: vantage, Status: failing, Failure: []check.Failure{check.NoRoute, check.Denied}}) {
		addr, ok := diagnose.TargetAddr(r)
		if !ok || r.Vantage != vantage || !isPod && !clusterIP(c, addr) {
			continue
		}
		route, ok := routeOf(c, vantage, addr)
		if !ok || !route.Refuses() {
			continue
		}
		text := route.Type + " " + route.Dst
		i, known := at[text]
		if !known {
			i = len(findings)
			at[text] = i
			findings = append(findings, diagnose.Finding{
				Headline:   fmt.Sprintf("%s has a route that refuses %s: %s", vantage, addr, text),
				Confidence: diagnose.Certain,
				Where:      []string{vantage},
				Likely:     "somebody or something in it has added that route",
				Try:        []string{"ip route   (in " + vantage + ")", fmt.Sprintf("ip route del %s   (there)", text)},
				Rank:       rankMeasured,
			})
		}
		f := &findings[i]
		f.Evidence = append(f.Evidence, seen(r))
		f.Explains = append(f.Explains, diagnose.Key(r))
	}
	for i := range findings {
		findings[i].Evidence = firstOf(findings[i].Evidence, mostEvidence)
		findings[i].Explains = c.Through(findings[i].Explains)
	}
	return findings
}

// routeOf is the route of a vantage point's own main table, as far as it was read, that is
// narrowest around an address.
func routeOf(c *diagnose.Case, vantage string, addr netip.Addr) (facts.Route, bool) {
	for _, r := range c.Find(diagnose.Match{Check: "vantage.interface", Vantage: vantage}) {
		if r.Kernel != nil && r.Vantage == vantage {
			return narrowest(r.Kernel.Routes, addr)
		}
	}
	return facts.Route{}, false
}

// narrowest is the route around an address with the longest prefix. Both families have a
// "default"; it is the one of the address's family, if that is told.
func narrowest(routes []facts.Route, addr netip.Addr) (best facts.Route, found bool) {
	bits := -1
	for _, route := range routes {
		if !route.InMain() {
			continue
		}
		dst, err := netip.ParsePrefix(route.Dst)
		if route.Dst == "default" && (route.Family == "" || (route.Family == "ipv4") == addr.Is4()) {
			dst, err = netip.PrefixFrom(addr, 0), nil
		}
		if err == nil && dst.Contains(addr) && dst.Bits() > bits {
			best, found, bits = route, true, dst.Bits()
		}
	}
	return best, found
}
