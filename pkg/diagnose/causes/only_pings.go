package causes

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// minPinged is how many pods must answer pings and nothing else: of one alone, a rule
// that drops its port is the better guess.
const minPinged = 2

// pingedOnly is what a vantage point finds where no port of any pod on another node
// answers, over TCP or UDP, and pods there answer pings, while ports on its own node do
// answer.
type pingedOnly struct {
	home string
	// nodes are the other ones, sorted; keys those of all bad results about them.
	nodes, keys []string
	// pods is how many of them answer pings, near how many checks on the own node were
	// answered.
	pods, near int
}

func onlyPings(c *diagnose.Case, vantage string) (pingedOnly, bool) {
	p := pingedOnly{home: homeOf(c, vantage)}
	if p.home == "" {
		return p, false
	}
	pinged, silent := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for _, r := range c.Results {
		addr, known := diagnose.TargetAddr(r)
		node := c.NodeOfAddr(addr)
		if !known || r.Vantage != vantage || node == "" {
			continue
		}
		if r.Check == "target.icmp" || r.Check == "path.mtu" || r.Check == "gateway.icmp" {
			pinged[addr] = pinged[addr] || r.Check == "target.icmp" && r.Status == check.Pass
			continue
		}
		if len(r.Attempts) == 0 {
			continue
		}
		switch dead := allFailures(r, check.Timeout, check.Unreachable); {
		case node == p.home && !dead:
			p.near++
		case node != p.home && !dead:
			return p, false
		case node != p.home:
			silent[addr] = true
			if !slices.Contains(p.nodes, node) {
				p.nodes = append(p.nodes, node)
			}
		}
	}
	for addr := range silent {
		if pinged[addr] {
			p.pods++
		}
	}
	if p.near == 0 || p.pods < minPinged {
		return p, false
	}
	slices.Sort(p.nodes)
	for _, node := range p.nodes {
		p.keys = append(p.keys, c.Crossing(p.home, node)...)
	}
	return p, true
}

func (p pingedOnly) evidence() []string {
	return []string{
		fmt.Sprintf("%d pods on other nodes answer pings, and no port of theirs answers over TCP or UDP", p.pods),
		fmt.Sprintf("%d checks of pods on node %s itself were answered", p.near, p.home),
	}
}

func (p pingedOnly) where() []string {
	list := []string{"node/" + p.home}
	for _, n := range p.nodes[:min(len(p.nodes), mostPlaces)] {
		list = append(list, "its way to node/"+n)
	}
	return list
}
