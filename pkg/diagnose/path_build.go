package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// detached is the note of a veth that is a port of no bridge though others are.
const detached = "no bridge"

// pathBuilder makes one path: its hops, then the mark, then what is proven.
type pathBuilder struct {
	c        *Case
	path     Path
	spot     Spot
	headline string
	where    []string
	at       []string // the nodes that the finding names
	status   PathStatus
	result   check.Result
	from, to end
	hops     []PathHop // of path, for reading
	links    []PathLink
	split    int // the first hop of the far end
	broken   int // 2*i for hop i, 2*i+1 for the link behind it
}

func (c *Case) newPath(f Finding, r check.Result, at []string) *pathBuilder {
	b := &pathBuilder{c: c, spot: f.Spot, headline: f.Headline, where: f.Where, at: at, status: HopBroken, result: r}
	if f.Confidence == Possible {
		b.status = HopSuspect
	}
	b.path.From, b.path.To = c.Facts.Vantage.String(), r.Target
	v := c.Facts.Vantage
	b.from = end{node: c.Home(), pod: v.Kind == facts.VantagePod && v.Pod != nil && !v.Pod.HostNetwork}
	addr, _ := TargetAddr(r)
	for _, own := range v.IPs() {
		if !b.from.addr.IsValid() || own.Unmap().Is4() == addr.Is4() {
			b.from.addr = own.Unmap()
		}
	}
	b.to = end{addr: addr, node: c.NodeOfAddr(addr)}
	b.to.pod = b.to.node != ""
	switch {
	case c.isVIP(addr):
		b.to.node = b.from.node // it is turned into an endpoint's address there
	case !b.to.pod:
		b.to.node = c.HostOfAddr(addr)
	}
	b.from.links, b.to.links = c.linksOf(b.from.node), c.linksOf(b.to.node)
	return b
}

// build lays the hops out.
func (b *pathBuilder) build() {
	near := b.side(b.from, true)
	var away []PathHop
	object := b.result.Object
	switch {
	case b.c.isVIP(b.to.addr):
		name := b.to.addr.String()
		if s := b.c.servedBy(b.result); s != nil {
			name = "service " + s.Ref().String()
		}
		away = []PathHop{{Kind: HopService, Name: name, Node: b.from.node}}
	case b.to.pod:
		away = b.side(b.to, false)
		slices.Reverse(away)
		if b.spot.Place == AtApp {
			away = append(away, PathHop{Kind: HopApp, Name: portOf(b.result), Node: b.to.node})
		}
	default:
		if object == "" {
			object = b.path.To
		}
		away = []PathHop{{Kind: HopPeer, Name: short(object), Node: b.to.node}}
	}
	b.split = len(near)
	b.path.Hops = slices.Concat(near, away)
	for i := range b.path.Hops {
		b.path.Hops[i].Status = HopUnknown
	}
	b.hops = b.path.Hops
	b.links = make([]PathLink, len(b.hops)-1)
	for i := range b.links {
		b.links[i] = PathLink{Kind: b.linkKind(i), Status: HopUnknown}
	}
}

func (b *pathBuilder) linkKind(i int) string {
	a, z := b.hops[i].Kind, b.hops[i+1].Kind
	switch {
	case b.far() && i == b.split-1 && z != HopService:
		if a == HopUnderlay && b.find(b.near, HopOverlay) >= 0 {
			return LinkTunnel
		}
		return LinkNetwork
	case a == HopOverlay && z == HopUnderlay, a == HopUnderlay && z == HopOverlay:
		return LinkTunnel
	}
	return LinkWire
}

// side is one end's hops from the pod outwards.
func (b *pathBuilder) side(e end, own bool) []PathHop {
	var hops []PathHop
	var inside *facts.Link
	if e.pod || own {
		hop := PathHop{Kind: HopPeer, Name: e.addr.String(), Node: e.node}
		switch {
		case own && e.pod:
			hop.Kind, hop.Name = HopPod, short(b.path.From)
		case own:
			hop.Kind, hop.Name = HopNode, short(b.path.From)
			if b.c.Facts.Vantage.Kind == facts.VantagePod {
				hop.Kind = HopPod
			}
		case b.result.Object != "":
			hop.Name = short(b.result.Object)
		}
		hops = append(hops, hop)
	}
	if own && e.pod {
		if inside = b.inside(); inside != nil {
			hops = append(hops, PathHop{Kind: HopInterface, Name: inside.Name, Node: e.node, MTU: inside.MTU})
		}
	}
	if len(e.links) == 0 {
		if e.node != "" && (e.pod || !own) {
			hops = append(hops, PathHop{Kind: HopNode, Name: e.node, Node: e.node})
		}
		return hops
	}
	return append(hops, b.devices(e, own, inside)...)
}

// devices are a node's own, as its kernel has them.
func (b *pathBuilder) devices(e end, own bool, inside *facts.Link) []PathHop {
	var hops []PathHop
	add := func(kind HopKind, l *facts.Link) {
		if l != nil {
			hops = append(hops, PathHop{Kind: kind, Name: l.Name, Node: e.node, MTU: l.MTU, Note: linkNote(*l)})
		}
	}
	var bridge *facts.Link
	if e.pod {
		veth := b.vethOf(e, own, inside)
		bridge = e.links.bridgeOf(veth, e.addr)
		if veth != nil && bridge != nil && veth.Master == "" {
			copied := *veth
			veth = &copied
			add(HopVeth, veth)
			hops[len(hops)-1].Note = detached
		} else {
			add(HopVeth, veth)
		}
		if own || b.far() {
			add(HopBridge, bridge) // a way within one node meets it once
		}
	}
	crosses := b.far() && !b.c.isVIP(b.to.addr)
	wanted := b.spot.Place == AtNode && (own != b.atFar()) || bridge == nil && e.pod && (own || b.far())
	if wanted && (own && e.pod || !own) {
		hops = append(hops, PathHop{Kind: HopNode, Name: e.node, Node: e.node})
	}
	if !crosses {
		return hops
	}
	tunnel := e.links.tunnel()
	if b.from.pod && b.to.pod {
		add(HopOverlay, tunnel)
		if tunnel != nil {
			hops[len(hops)-1].Note = b.counted(e.node, tunnel.Name, own)
		}
	}
	add(HopUnderlay, e.links.underlay(tunnel, b.c.addrsOf(e.node)))
	return hops
}

// counted says what a tunnel device did while the failing checks were repeated.
func (b *pathBuilder) counted(node, dev string, own bool) string {
	moved, known := b.c.Moved[node]
	switch {
	case !known:
		return ""
	case own:
		return fmt.Sprintf("sent %d", moved["dev."+dev+".txPackets"])
	}
	return fmt.Sprintf("received %d", moved["dev."+dev+".rxPackets"])
}

func linkNote(l facts.Link) string {
	if !l.Up {
		return "down"
	}
	return ""
}

// inside is the vantage pod's own interface, as its kernel has it.
func (b *pathBuilder) inside() *facts.Link {
	for _, r := range b.c.Results {
		if r.Check != "vantage.interface" || r.Vantage != b.path.From || r.Kernel == nil {
			continue
		}
		links := nodeLinks(r.Kernel.Links)
		if l := links.by(func(l facts.Link) bool { return hasAddr(l, b.from.addr) }); l != nil {
			return l
		}
		return links.named("eth0")
	}
	return nil
}

// vethOf is the node's end of a pod's link. The vantage pod's own interface says which it
// is; a peer's is the port at which the bridge knows its hardware address.
func (b *pathBuilder) vethOf(e end, own bool, inside *facts.Link) *facts.Link {
	if own {
		if inside == nil || inside.PeerIndex == 0 {
			return nil
		}
		return e.links.by(func(l facts.Link) bool {
			return l.Kind == "veth" && l.Index == inside.PeerIndex && l.PeerIndex == inside.Index
		})
	}
	mac := ""
	var fdb []facts.FDBEntry
	for _, r := range b.c.Results {
		if r.Kernel == nil || r.Vantage != "node/"+e.node {
			continue
		}
		for _, n := range r.Kernel.Neighbours {
			if ip, err := netip.ParseAddr(n.IP); err == nil && ip.Unmap() == e.addr && n.MAC != "" {
				mac = n.MAC
			}
		}
		fdb = append(fdb, r.Kernel.FDB...)
	}
	for _, entry := range fdb {
		if l := e.links.named(entry.Dev); mac != "" && strings.EqualFold(entry.MAC, mac) && l != nil && l.Kind == "veth" && l.PeerNetns >= 0 {
			return l
		}
	}
	return nil
}

func (c *Case) addrsOf(node string) []netip.Addr {
	for _, n := range slices.Concat(c.Facts.Nodes, c.Facts.Entrances) {
		if n.Name == node {
			return n.IPs
		}
	}
	return nil
}

// short is an object's name without its kind and namespace.
func short(object string) string { return object[strings.LastIndex(object, "/")+1:] }

func portOf(r check.Result) string {
	if at, protocol, ok := TargetPort(r); ok {
		return fmt.Sprintf("port %d/%s", at.Port(), strings.ToLower(string(protocol)))
	}
	return "its port"
}
