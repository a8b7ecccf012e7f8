package checks

import (
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// maxPodsAsked bounds of how many pods of its own a node is asked the way to and from.
const maxPodsAsked = 64

// podsInQuestion are the addresses behind the services in question, the cluster's DNS among
// them, that are pods of a node.
func podsInQuestion(f *facts.Facts, node string) []netip.Addr {
	services := slices.Clone(f.Services)
	if f.DNS.Service != nil {
		services = append(services, *f.DNS.Service)
	}
	var list []netip.Addr
	for _, s := range services {
		for _, e := range s.Endpoints {
			if addr := e.Addr.Unmap(); e.Node == node && len(list) < maxPodsAsked && !slices.Contains(list, addr) {
				list = append(list, addr)
			}
		}
	}
	return list
}

// kernelRoutes is what the kernel is asked about routes.
type kernelRoutes struct {
	to      func(netip.Addr) (netsys.RouteChoice, error)
	forward func(src, dst netip.Addr, iif int) (facts.Forward, bool)
}

// strays are pods of the node's own that the kernel sends to another way than the node's
// pods as a whole, or whose packets it sends another way than those of any other pod: a
// route or a policy rule for one address. What is refused is told elsewhere.
func strays(p nodeParams, k facts.Kernel, ask kernelRoutes) []check.Evidence {
	if slices.ContainsFunc(k.Links, leadsPast) {
		return nil
	}
	var r check.Result
	for _, own := range p.Self.PodCIDRs {
		dev, usual, ok := p.Self.ownDevice(own, k)
		if !ok {
			continue
		}
		for _, pod := range p.Pods {
			if !own.Contains(pod) || len(r.Evidence) == maxDifferences {
				continue
			}
			choice, err := ask.to(pod)
			likeAll := choice.Link.Index == dev.Index && choice.Gateway == usual.Gateway || holds(k.Links, choice.Gateway)
			// By a veth of its own it is beside the bridge, and where it should be.
			if beside := choice.Gateway == "" && choice.Link.Kind == "veth"; err == nil && !choice.Local && !likeAll && !beside {
				r.With("astray to", "%s %s", pod, routeText(choice.Route))
			}
			for _, peer := range p.Peers {
				if text, astray := strayFrom(own, pod, peer, dev.Index, k, ask); astray {
					r.With("astray from", "%s %s", pod, text)
					break
				}
			}
		}
	}
	return r.Evidence
}

// leadsPast reports whether a link is one of a plugin that leads its pods' packets by
// programs, or by a veth each: the routes of a node say little of pods then.
func leadsPast(l facts.Link) bool {
	plugin := facts.DeviceOf(l.Name)
	return facts.TracksPast(l.Name) != nil || plugin != nil && plugin.Bridgeless
}

// holds reports whether an address is one of a node's own.
func holds(links []facts.Link, addr string) bool {
	return addr != "" && slices.ContainsFunc(links, func(l facts.Link) bool {
		return slices.ContainsFunc(l.Addrs, func(text string) bool {
			p, err := netip.ParsePrefix(text)
			return err == nil && p.Addr().String() == addr
		})
	})
}

// strayFrom tells of a pod whose packets to a node the kernel sends another way than those
// of another pod, in words.
func strayFrom(own netip.Prefix, pod netip.Addr, peer nodePeer, dev int, k facts.Kernel, ask kernelRoutes) (text string, astray bool) {
	for _, cidr := range peer.PodCIDRs {
		if cidr.Addr().Is4() != pod.Is4() {
			continue
		}
		usual, ok := ask.forward(podOf(own), podOf(cidr), dev)
		its, known := ask.forward(pod, podOf(cidr), dev)
		switch {
		case !ok || !known || usual.Route == nil:
		case its.Refused != "":
			return "to " + cidr.String() + " is refused (" + its.Refused + ")" + ruleFrom(pod, k.Rules), true
		case its.Route != nil && its.Route.Table != usual.Route.Table && routeText(*its.Route) != routeText(*usual.Route): // of one table, routes are shared out
			return "to " + cidr.String() + " " + routeText(*its.Route) + ruleFrom(pod, k.Rules), true
		}
	}
	return "", false
}

// ruleFrom names the first policy rule that asks for a sender and is meant for this one.
func ruleFrom(src netip.Addr, rules []facts.Rule) string {
	for _, r := range rules {
		from, err := netip.ParsePrefix(r.Src)
		if err == nil && from.Contains(src) {
			return ruleAbout(src, []facts.Rule{{Priority: r.Priority, Src: r.Src, Iif: r.Iif, Family: r.Family, Action: r.Action, Table: r.Table}})
		}
	}
	return ""
}
