package checks

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// What VXLAN adds to a packet, in bytes: outer IP, UDP and VXLAN headers and the
// inner Ethernet one (RFC 7348).
const (
	vxlanOverheadV4 = 50
	vxlanOverheadV6 = 70
)

func init() {
	Registry.Add(check.Define(check.Spec[nodeParams]{
		ID:      "node.links",
		Area:    "node",
		Summary: "the interfaces that carry pod traffic (CNI bridge, VXLAN device) are there and up, and their MTUs fit",
		Plan:    planNode("links"),
		Run: func(_ context.Context, _ check.Task, p nodeParams) check.Result {
			k, err := linksAndRoutes()
			if err != nil {
				return check.Errorf("%v", err)
			}
			return judgeLinks(p, k)
		},
	}))
}

// judgeLinks is pure: the interfaces that carry pod traffic.
func judgeLinks(p nodeParams, k facts.Kernel) check.Result {
	links := podLinks(p, k)
	var broken, doubtful []string
	kind, doubt := check.Config, check.MTU
	if p.Self.vxlan() && len(vxlanDevices(k.Links, p.Self.Flannel.VNI)) == 0 && p.flannelGone(k) == "" {
		broken = append(broken, fmt.Sprintf("no vxlan device with VNI %d", p.Self.Flannel.VNI))
	}
	for _, l := range links {
		name := dial.Clean(l.Name, 32)
		switch {
		case !l.Up:
			broken = append(broken, name+" is down")
		case (l.State == "down" || l.State == "lowerlayerdown") && carriesNobody(l, k.Links):
			doubtful, doubt = append(doubtful, name+" has no carrier"), check.Unreachable
		}
		if why := tooLargeFor(l, k.Links); why != "" {
			doubtful = append(doubtful, why)
		}
	}
	var r check.Result
	switch {
	case len(broken) > 0:
		r = failed(kind, "%s", fewOf(broken))
		r.Meaning = "what is to go through this interface is dropped: pods of this node lose each other, or the other nodes"
	case len(doubtful) > 0:
		r = failed(doubt, "%s", fewOf(doubtful))
		r.Status = check.Warn
	case len(links) == 0:
		return check.Skipf("", "no interface here has an address of, or a route to, a node's pod CIDR: this CNI does not show which carry pods")
	default:
		r = check.Result{Status: check.Pass, Summary: linkNamesOf(links)}
	}
	for i, l := range links {
		if i < maxLinksShown {
			r.With(dial.Clean(l.Name, 32), "%s, %s", orWord(l.Kind, "device"), describeLink(l))
		}
	}
	return r
}

func orWord(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return dial.Clean(text, 32)
}

// podLinks are the interfaces that carry pod traffic, as far as addresses, routes and
// flannel's VNI tell. Addresses count because those stay when an interface goes down,
// while its routes go.
func podLinks(p nodeParams, k facts.Kernel) []facts.Link {
	cidrs := map[string]bool{}
	for _, peer := range append([]nodePeer{p.Self}, p.Peers...) {
		for _, c := range peer.PodCIDRs {
			cidrs[c.String()] = true
		}
	}
	byRoute := map[string]bool{}
	for _, r := range k.Routes {
		if r.Type == "unicast" && cidrs[r.Dst] {
			byRoute[r.Dev] = true
		}
	}
	var vxlans map[string]bool
	if p.Self.vxlan() {
		vxlans = vxlanDevices(k.Links, p.Self.Flannel.VNI)
	}
	return slices.DeleteFunc(slices.Clone(k.Links), func(l facts.Link) bool {
		// A CNI that routes each pod by itself has a veth a pod: those come and go with
		// their pods.
		mine := p.Self.owns(l) && l.Kind != "veth" || byRoute[l.Name] || vxlans[l.Name]
		return isLoopback(l) || !mine
	})
}

// carriesNobody reports whether an interface without carrier should have one: a
// bridge without any port just has no pods yet.
func carriesNobody(l facts.Link, all []facts.Link) bool {
	if l.Kind != "bridge" {
		return true
	}
	return slices.ContainsFunc(all, func(port facts.Link) bool { return port.Master == l.Name })
}

// tooLargeFor says when a VXLAN device's MTU leaves no room for its headers on the
// link below it, "" when it does.
func tooLargeFor(l facts.Link, all []facts.Link) string {
	if l.VXLAN == nil || l.VXLAN.Device == 0 {
		return ""
	}
	i := slices.IndexFunc(all, func(u facts.Link) bool { return u.Index == l.VXLAN.Device })
	if i < 0 {
		return ""
	}
	overhead := vxlanOverheadV4
	if local, err := netip.ParseAddr(l.VXLAN.Local); err == nil && netsys.Family(local) == netsys.IPv6 {
		overhead = vxlanOverheadV6
	}
	under := all[i]
	if l.MTU+overhead <= under.MTU {
		return ""
	}
	return fmt.Sprintf("%s has MTU %d, but %s with %d leaves room for %d only", dial.Clean(l.Name, 32), l.MTU,
		dial.Clean(under.Name, 32), under.MTU, under.MTU-overhead)
}
