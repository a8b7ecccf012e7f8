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

// noPorts is the summary where nothing hangs on a bridge.
const noPorts = "no bridge has a port"

func init() {
	Registry.Add(check.Define(check.Spec[nodeParams]{
		ID:      "node.bridge",
		Area:    "node",
		Summary: "the host ends of pods' veths are ports of the CNI's bridge, where it uses one; reads hairpin mode and port states",
		Plan:    planNode("bridge ports"),
		Run: func(ctx context.Context, _ check.Task, p nodeParams) check.Result {
			r := runBridge(ctx, p, func() (facts.Kernel, error) {
				k, err := linksAndRoutes()
				if err == nil {
					k.Links, err = netsys.BridgeLinks()
				}
				return k, err
			})
			return aside(r, r.Summary != noPorts, pastKernel(), noPorts)
		},
	}))
}

// runBridge reads until no veth is detached, or those that are have stayed so: a CNI
// makes the veth of a new pod first and attaches it to the bridge then.
func runBridge(ctx context.Context, p nodeParams, read func() (facts.Kernel, error)) check.Result {
	k, detached, rushed, err := lasting(ctx, read, func(k facts.Kernel) []facts.Link { return detachedVeths(p, k) })
	if err != nil {
		return check.Errorf("%v", err)
	}
	if rushed {
		r := judgeBridge(k, nil)
		r.With("not awaited", "%d veths without a bridge, for want of time", len(detached))
		return r
	}
	return judgeBridge(k, detached)
}

// detachedVeths are veths which look like a pod's and have no bridge, although the
// node's other pods hang on one that has an address of the node's pod CIDR: other ends
// in another namespace, up to that alike, but without addresses or routes of their own.
func detachedVeths(p nodeParams, k facts.Kernel) []facts.Link {
	bridges := map[string]bool{}
	for _, l := range k.Links {
		if l.Kind == "bridge" && p.Self.owns(l) {
			bridges[l.Name] = true
		}
	}
	if !slices.ContainsFunc(k.Links, func(l facts.Link) bool { return l.Kind == "veth" && bridges[l.Master] }) {
		return nil
	}
	routed := map[string]bool{}
	for _, r := range k.Routes {
		if dst, err := netip.ParsePrefix(r.Dst); r.Dst == "default" || err == nil && !dst.Addr().IsLinkLocalUnicast() && !dst.Addr().IsMulticast() {
			routed[r.Dev] = true
		}
	}
	var list []facts.Link
	for _, l := range k.Links {
		if l.Kind == "veth" && l.Master == "" && l.PeerNetns >= 0 && !routed[l.Name] && !addressed(l) {
			list = append(list, l)
		}
	}
	return list
}

// addressed reports whether a link has an address beyond the link.
func addressed(l facts.Link) bool {
	links := []facts.Link{l}
	return len(globalAddrs(links, netsys.IPv4))+len(globalAddrs(links, netsys.IPv6)) > 0
}

// judgeBridge is pure: the ports of bridges, and the veths that should be one.
func judgeBridge(k facts.Kernel, detached []facts.Link) check.Result {
	r := check.Result{Status: check.Pass, Kernel: &facts.Kernel{Links: k.Links}}
	ports, noHairpin := map[string]int{}, map[string]int{}
	var idle []string
	for _, l := range k.Links {
		if l.Hairpin == nil {
			continue
		}
		master := dial.Clean(l.Master, 32)
		ports[master]++
		if !*l.Hairpin {
			noHairpin[master]++
		}
		if l.PortState != "forwarding" {
			idle = append(idle, fmt.Sprintf("%s is %s (link %s)", dial.Clean(l.Name, 32), l.PortState, dial.Clean(l.State, 20)))
		}
	}
	var told []string
	for _, master := range sortedKeys(ports) {
		told = append(told, fmt.Sprintf("%s has %d ports", master, ports[master]))
		if noHairpin[master] > 0 {
			r.With("hairpin", "off on %d of %d ports of %s", noHairpin[master], ports[master], master)
		}
	}
	if len(idle) > 0 {
		r.With("not forwarding", "%s", fewOf(idle))
	}
	r.Summary = fewOf(told)
	if len(told) == 0 {
		r.Summary = noPorts
	}
	if len(detached) == 0 {
		return r
	}
	var names []string
	for i, l := range detached {
		name := dial.Clean(l.Name, 32)
		names = append(names, name)
		if i < maxLinksShown {
			r.With(name, "ifindex %d, peer ifindex %d in netns id %d, %s", l.Index, l.PeerIndex, l.PeerNetns, describeLink(l))
		}
	}
	r.Status, r.Failure = check.Warn, check.Config
	r.Summary = fewOf(names) + " on no bridge, while the other pods' veths are"
	r.Meaning = "a veth leads into another network namespace but is no port of the CNI's bridge: its pod reaches nobody"
	return r
}
