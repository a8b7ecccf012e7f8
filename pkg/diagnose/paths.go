package diagnose

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// reaching are the checks that send something to one address and wait for an answer.
var reaching = []string{"service.endpoint", "target.tcp", "target.udp", "target.icmp", "dns.cluster", "dns.service", "path.loss", "path.mtu"}

// Peer is what all checks from one vantage point together say of one address.
type Peer struct {
	Vantage string
	Addr    netip.Addr
	Node    string // that holds it, "" when it is not a pod's
	Object  string
	// Answered counts results in which the address gave any sign of life, a refusal
	// among them; Lost those in which nothing came back.
	Answered, Lost int
	// Keys are those of the results that are bad.
	Keys []string
}

// Dark reports whether nothing at all comes back from the address.
func (p Peer) Dark() bool { return p.Lost > 0 && p.Answered == 0 }

// Peers sums up what is known of every address, sorted by vantage point and address.
// The list is the case's own: it is not to be changed.
func (c *Case) Peers() []Peer { return c.known.peers }

func (c *Case) sumPeers() []Peer {
	at := map[string]int{}
	var list []Peer
	for _, r := range c.Results {
		addr, known := TargetAddr(r)
		if !known || !slices.Contains(reaching, r.Check) || c.isVIP(addr) {
			continue
		}
		key := r.Vantage + " " + addr.String()
		i, seen := at[key]
		if !seen {
			i = len(list)
			at[key] = i
			list = append(list, Peer{Vantage: r.Vantage, Addr: addr, Node: c.NodeOfAddr(addr), Object: r.Object})
		}
		p := &list[i]
		switch {
		case r.Status == check.Pass:
			p.Answered++
		case r.Failure == check.Timeout || r.Failure == check.Unreachable:
			if r.Lost() < len(r.Attempts) {
				p.Answered++
			} else if r.Check != "target.icmp" && r.Check != "path.mtu" || r.Status == check.Fail {
				p.Lost++
			}
		case r.Status == check.Fail || r.Status == check.Warn:
			p.Answered++
		}
		if Bad(r) {
			p.Keys = append(p.Keys, Key(r))
		}
	}
	slices.SortStableFunc(list, func(a, b Peer) int {
		if d := strings.Compare(a.Vantage, b.Vantage); d != 0 {
			return d
		}
		return a.Addr.Compare(b.Addr)
	})
	return list
}

// CutOff reports whether a vantage point gets no sign of life from anybody: neither
// from a pod, its own node's among them or those of several nodes, nor from an API
// server. It is then not the way to one place that is broken.
func (c *Case) CutOff(vantage string) bool {
	cut, seen := c.known.cut[vantage]
	if !seen {
		return c.cutOff(vantage) // nothing was sent to a pod from there
	}
	return cut
}

func (c *Case) cutOff(vantage string) bool {
	home := c.nodeOfVantage(vantage)
	nodes := map[string]bool{}
	for _, p := range c.Peers() {
		if p.Vantage != vantage {
			continue
		}
		if !p.Dark() {
			return false
		}
		nodes[p.Node] = true
	}
	for _, r := range c.Results {
		if r.Vantage == vantage && r.Check == "api.endpoint" && r.Status == check.Pass {
			return false
		}
	}
	return nodes[home] || len(nodes) > 1 || len(nodes) > 0 && len(c.known.lost[vantage]) > 0
}

// isVIP reports whether an address is a service's own: what stands behind it differs
// from connection to connection.
func (c *Case) isVIP(addr netip.Addr) bool { return c.known.vips[addr] }

// Hop is a pair of nodes between which pods' packets are lost.
type Hop struct {
	From, To string
	// Peers are the addresses on To that are dark from From, and how many others on
	// To answer.
	Dark     []Peer
	Answered int
	// Elsewhere counts addresses on other nodes (From itself among them) that answer:
	// without any, it is not To that stands out.
	Elsewhere int
	// Keys are those of all bad results that the loss explains.
	Keys []string
}

// Hops returns the pairs of nodes of which every address on the far one is dark. The
// list is the case's own: it is not to be changed.
func (c *Case) Hops() []Hop { return c.known.hops }

func (c *Case) findHops() []Hop {
	type pair struct{ from, to string }
	hops := map[pair]*Hop{}
	answered := map[string]map[string]int{} // by from, by to
	var order []pair
	for _, p := range c.Peers() {
		from := c.nodeOfVantage(p.Vantage)
		if from == "" || p.Node == "" || p.Node == from || c.CutOffFrom(p.Vantage, p.Addr) {
			continue
		}
		if answered[from] == nil {
			answered[from] = map[string]int{}
		}
		k := pair{from, p.Node}
		if hops[k] == nil {
			hops[k] = &Hop{From: from, To: p.Node}
			order = append(order, k)
		}
		h := hops[k]
		switch {
		case p.Dark():
			h.Dark = append(h.Dark, p)
			h.Keys = append(h.Keys, p.Keys...)
		case p.Answered > 0:
			h.Answered++
			answered[from][p.Node]++
		}
	}
	var list []Hop
	for _, k := range order {
		h := hops[k]
		if len(h.Dark) == 0 || h.Answered > 0 {
			continue
		}
		for to, n := range answered[h.From] {
			if to != h.To {
				h.Elsewhere += n
			}
		}
		list = append(list, *h)
	}
	return list
}

func (c *Case) nodeOfVantage(vantage string) string {
	if node, ok := strings.CutPrefix(vantage, "node/"); ok {
		return node
	}
	return c.Home()
}
