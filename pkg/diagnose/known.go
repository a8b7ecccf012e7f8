package diagnose

import (
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// known is what causes ask of a case again and again, worked out once.
type known struct {
	nodes map[netip.Addr]string // of endpoints and target pods
	vips  map[netip.Addr]bool
	peers []Peer
	at    map[string]int // in peers, by vantage point and address
	cut   map[string]bool
	hops  []Hop
	lost  map[string][]check.Result // gateways, by vantage point
}

// learn fills known, in the order in which one part needs another.
func (c *Case) learn() {
	k := known{nodes: map[netip.Addr]string{}, vips: map[netip.Addr]bool{}, at: map[string]int{}, cut: map[string]bool{}}
	for _, t := range c.Facts.Targets {
		for _, p := range t.Pods {
			for _, ip := range p.IPs {
				if !p.HostNetwork && k.nodes[ip] == "" {
					k.nodes[ip] = p.Node
				}
			}
		}
	}
	services := c.services()
	for i := range services {
		s := services[len(services)-1-i] // the first that knows an address has the word
		for _, e := range s.Endpoints {
			if e.Node != "" {
				k.nodes[e.Addr.Unmap()] = e.Node
			}
		}
		for _, ip := range s.ClusterIPs {
			k.vips[ip] = true
		}
	}
	if c.Facts.API.Service != nil {
		for _, ip := range c.Facts.API.Service.ClusterIPs {
			k.vips[ip] = true
		}
	}
	for _, t := range c.Facts.Targets {
		if t.Service != nil {
			for _, ip := range t.Service.ClusterIPs {
				k.vips[ip] = true
			}
		}
	}
	for _, n := range slices.Concat(c.Facts.Nodes, c.Facts.Entrances) {
		for _, ip := range n.IPs {
			k.nodes[ip] = "" // its own address is on no node in this sense
		}
	}
	c.known = k
	c.known.peers = c.sumPeers()
	for i, p := range c.known.peers {
		c.known.at[p.Vantage+" "+p.Addr.String()] = i
	}
	c.known.lost = c.findLostGateways()
	for _, p := range c.known.peers {
		if _, seen := c.known.cut[p.Vantage]; !seen {
			c.known.cut[p.Vantage] = c.cutOff(p.Vantage)
		}
	}
	c.known.hops = c.findHops()
}
