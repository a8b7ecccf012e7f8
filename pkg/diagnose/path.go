package diagnose

import (
	"net/netip"
	"slices"
	"strings"
)

// Path is the way of one packet that a finding stops, hop by hop, as far as it was read:
// names of a node's devices are there only where that node's kernel was asked.
type Path struct {
	// From is the vantage point, To the target as its result has it.
	From string `json:"from"`
	To   string `json:"to"`
	// Hops are in the order in which the packet meets them; Links join each to the next.
	Hops  []PathHop  `json:"hops"`
	Links []PathLink `json:"links"`
}

// PathStatus says what is known of a hop or a link.
type PathStatus string

// What is known of a hop. Only what packets passed, or counters show, is ok.
const (
	HopOK      PathStatus = "ok"
	HopBroken  PathStatus = "broken"
	HopSuspect PathStatus = "suspect" // a candidate's place: it may be here
	HopUnknown PathStatus = "unknown"
)

// HopKind is what a hop is.
type HopKind string

// The kinds of hop.
const (
	HopPod       HopKind = "pod"
	HopInterface HopKind = "interface"
	HopVeth      HopKind = "veth"
	HopBridge    HopKind = "bridge"
	HopNode      HopKind = "node"
	HopOverlay   HopKind = "overlay"
	HopUnderlay  HopKind = "underlay"
	HopService   HopKind = "service"
	HopPeer      HopKind = "peer"
	HopApp       HopKind = "app"
)

// PathHop is one thing that a packet passes.
type PathHop struct {
	Kind HopKind `json:"kind"`
	Name string  `json:"name"`
	// Node is the node that it is on, "" when that is not known.
	Node string `json:"node,omitempty"`
	// MTU is that of the device, in bytes, 0 when it was not read.
	MTU int `json:"mtu,omitempty"`
	// Note is what was seen there, in a few words.
	Note   string     `json:"note,omitempty"`
	Status PathStatus `json:"status"`
}

// PathLink joins a hop to the next.
type PathLink struct {
	// Kind is wire within a node, tunnel where packets are wrapped, network between nodes.
	Kind   string     `json:"kind"`
	Note   string     `json:"note,omitempty"`
	Status PathStatus `json:"status"`
}

// The kinds of link.
const (
	LinkWire    = "wire"
	LinkTunnel  = "tunnel"
	LinkNetwork = "network"
)

// mostPaths is how many findings of a verdict are drawn.
const mostPaths = 32

// draw gives the findings of a verdict their paths.
func (c *Case) draw(findings []Finding) {
	for i := range findings[:min(len(findings), mostPaths)] {
		findings[i].Path = c.pathOf(findings[i])
	}
}

// pathOf is the way on which a finding sits, nil when it sits on none.
func (c *Case) pathOf(f Finding) *Path {
	if f.Spot.Place == "" {
		return nil
	}
	at := nodesIn(f.Where)
	r, found := c.shown(f, at)
	if !found {
		return nil
	}
	b := c.newPath(f, r, at)
	b.build()
	if !b.mark() {
		return nil
	}
	b.prove()
	b.path.Links = b.links
	return &b.path
}

// end is one end of a way.
type end struct {
	addr  netip.Addr
	node  string
	links nodeLinks
	pod   bool // it has a network namespace of its own
}

// far reports whether the packet crosses from one node to another.
func (b *pathBuilder) far() bool {
	return b.to.node != b.from.node || b.to.node == ""
}

// mark puts the break where the finding says, and reports whether there is such a place.
func (b *pathBuilder) mark() bool {
	switch b.spot.Place {
	case AtUnderlay, AtBetween:
		return b.markBetween()
	case AtPod, AtInterface:
		if b.spot.Place == AtInterface && b.mine() {
			return b.markFirst(b.near, HopInterface, HopPod)
		}
		if b.mine() {
			return b.markFirst(b.near, HopPod)
		}
		return b.markFirst(b.away, HopPeer)
	case AtPeer:
		return b.markFirst(b.away, HopPeer)
	case AtApp:
		return b.markFirst(b.away, HopApp, HopPeer)
	case AtService:
		return b.markFirst(b.all, HopService) || b.markFirst(b.near, HopNode)
	}
	kinds := map[Place][]HopKind{
		AtVeth: {HopVeth, HopBridge, HopNode}, AtBridge: {HopBridge, HopNode},
		AtNode: {HopNode}, AtOverlay: {HopOverlay, HopNode},
	}[b.spot.Place]
	side := b.near
	if b.atFar() {
		side = b.away
	}
	return b.markNamed(side) || b.markFirst(side, kinds...)
}

// mine reports whether a finding about a pod is about the vantage point's own.
func (b *pathBuilder) mine() bool {
	return slices.ContainsFunc(b.where, func(w string) bool { return strings.HasPrefix(w+" ", b.path.From+" ") })
}

// atFar reports whether a finding about a node is about the far one, or on a way within
// one node about the far pod.
func (b *pathBuilder) atFar() bool {
	if b.to.node != b.from.node {
		return len(b.at) > 0 && b.to.node == b.at[0]
	}
	if b.spot.Place != AtVeth || b.mine() {
		return false
	}
	veth := b.find(b.near, HopVeth)
	return veth < 0 || b.hops[veth].Note != detached
}

// markNamed marks the device that the finding's headline names, where it names one.
func (b *pathBuilder) markNamed(in func(int) bool) bool {
	if b.spot.Place != AtBridge {
		return false
	}
	words := strings.FieldsFunc(b.headline, func(r rune) bool { return r == ' ' || r == ',' || r == ':' })
	for i, h := range b.hops {
		if in(i) && (h.Kind == HopBridge || h.Kind == HopOverlay) && slices.Contains(words, h.Name) {
			return b.set(i)
		}
	}
	return false
}

// markFirst marks the first hop of these kinds on one side, the first kind first.
func (b *pathBuilder) markFirst(in func(int) bool, kinds ...HopKind) bool {
	for _, kind := range kinds {
		if i := b.find(in, kind); i >= 0 {
			return b.set(i)
		}
	}
	return false
}

func (b *pathBuilder) find(in func(int) bool, kind HopKind) int {
	for i, h := range b.hops {
		if in(i) && h.Kind == kind {
			return i
		}
	}
	return -1
}

func (b *pathBuilder) set(i int) bool {
	b.path.Hops[i].Status, b.broken = b.status, 2*i
	if b.spot.Says != "" {
		b.path.Hops[i].Note = b.spot.Says
	}
	return true
}

// markBetween marks the link between two nodes.
func (b *pathBuilder) markBetween() bool {
	if !b.far() || b.split == 0 || b.split >= len(b.hops) {
		return false
	}
	l := &b.links[b.split-1]
	l.Status, l.Note, b.broken = b.status, b.spot.Says, 2*b.split-1
	if port := b.port(); port != "" && b.spot.Place == AtUnderlay {
		l.Note = strings.TrimSpace(port + " " + b.spot.Says)
	}
	return true
}
