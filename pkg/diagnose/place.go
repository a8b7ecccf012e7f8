package diagnose

import (
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// Place is a kind of place on a packet's way.
type Place string

// The places, in the order in which a packet that leaves a pod meets them.
const (
	AtPod       Place = "pod"       // inside the pod at either end: its rules, its routes
	AtInterface Place = "interface" // the pod's own interface
	AtVeth      Place = "veth"      // the node's end of it
	AtBridge    Place = "bridge"    // the bridge of a node's pods, their gateway
	AtService   Place = "service"   // where the node turns a service's address into an endpoint's
	AtNode      Place = "node"      // a node's forwarding: routes, packet filters, settings
	AtOverlay   Place = "overlay"   // a node's tunnel device and what it knows of other nodes
	AtUnderlay  Place = "underlay"  // the network that carries the tunnel between two nodes
	AtBetween   Place = "between"   // somewhere between two nodes
	AtPeer      Place = "peer"      // the pod or host that is asked
	AtApp       Place = "app"       // the process behind its port
)

// Spot is where on a packet's way a cause sits, and what a drawing says there in two or
// three words. The zero Spot is on no way: a setting, a name.
type Spot struct {
	Place Place
	Says  string
}

// shown is the result whose way is drawn for a finding: of those that it explains and
// that set out from the run's own vantage point, the one that shows its place best.
func (c *Case) shown(f Finding, at []string) (check.Result, bool) {
	vantage, home := c.Facts.Vantage.String(), c.Home()
	best, most := -1, 0
	for _, key := range f.Explains {
		i, known := c.byKey[key]
		if !known || c.Results[i].Vantage != vantage {
			continue
		}
		r := c.Results[i]
		addr, ok := TargetAddr(r)
		if !ok || addr.IsLoopback() {
			continue
		}
		node, score := c.NodeOfAddr(addr), 1
		if r.Status == check.Fail {
			score += 2
		}
		if r.Object != "" {
			score++ // it has a name
		}
		if r.Asked != "" {
			score += 3 // it is what the user wants to know of
		}
		if vip := c.isVIP(addr); vip == (f.Spot.Place == AtService) {
			score += 16
		}
		if slices.ContainsFunc(f.Where, func(where string) bool { return strings.HasPrefix(where+" ", r.Target+" ") }) {
			score += 8
		}
		if node != "" && node != home {
			score += 4 // the whole way
			if slices.Contains(at, node) {
				score += 4
			}
		}
		if score > most {
			best, most = i, score
		}
	}
	if best < 0 {
		return check.Result{}, false
	}
	return c.Results[best], true
}

// nodesIn are the nodes that a finding names as places: "node/w1", "its way to node/w2".
func nodesIn(where []string) []string {
	var nodes []string
	for _, text := range where {
		for _, word := range strings.Fields(text) {
			if node, ok := strings.CutPrefix(word, "node/"); ok && !slices.Contains(nodes, node) {
				nodes = append(nodes, node)
			}
		}
	}
	return nodes
}
