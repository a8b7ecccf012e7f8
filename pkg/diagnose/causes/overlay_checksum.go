package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-OVERLAY-CHECKSUM",
		Summary: "what a node sends through its tunnel arrives with wrong checksums",
		Signal:  "While the failing checks were repeated, the receiving node counted as many damaged packets as connections got lost. A wrong outer checksum ends the packet there (Udp InCsumErrors), and the tunnel receives nothing; a wrong inner one makes it INVALID for connection tracking, so that the tunnel receives it and no connection comes about. From the pod: pods on other nodes answer pings, whose checksums are never offloaded, and no port of theirs answers.",
		Meaning: "The receiver throws the packets away without an answer: connections hang, or come about after many seconds, when the path that is not offloaded is taken.",
		Confirm: []string{"nstat -az UdpInCsumErrors TcpInCsumErrors; conntrack -S (on the receiving node, twice)", "ethtool -k TUNNEL-DEVICE | grep tx-checksum (on the sending node)", "tcpdump -vvni UNDERLAY udp port 8472 or udp port 4789 (on the receiving node: bad udp cksum)"},
		Remedy:  []string{"ethtool -K TUNNEL-DEVICE tx-checksum-ip-generic off (on the sending node; the CNI makes the device anew at a reboot)", "update the kernel, or the driver and firmware of the interface below the tunnel"},
		Source:  "kubernetes/kubernetes#88986; flannel-io/flannel#1279; net/netfilter/nf_conntrack_proto_tcp.c, tcp_error",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtUnderlay, Says: "damaged"},
		Find:    findOverlayChecksum,
	})
}

func findOverlayChecksum(c *diagnose.Case) []diagnose.Finding {
	bySender := map[string]*diagnose.Finding{}
	var senders []string
	var all []damaged
	for _, h := range silentWays(c) {
		if d, found := damage(c, h); found {
			all = append(all, d)
		}
	}
	for _, d := range append(all, handedOverDamaged(c)...) {
		f := bySender[d.from]
		if f == nil {
			f = &diagnose.Finding{
				Headline:   fmt.Sprintf("what node %s sends through its tunnel arrives damaged: wrong checksums", d.from),
				Confidence: diagnose.Likely,
				Where:      []string{"node/" + d.from},
				Likely:     "a bug in the kernel, or in the driver or firmware of the interface that fills in the checksums of encapsulated packets",
				Rank:       rankMeasured + 1, // a rule that drops what is INVALID only follows
			}
			f.Evidence, f.Try = offloadsOf(c, d.from)
			bySender[d.from] = f
			senders = append(senders, d.from)
		}
		if d.certain {
			f.Confidence = diagnose.Certain
		}
		f.Where = append(f.Where, "its way to node/"+d.to)
		f.Evidence = append([]string{d.text()}, f.Evidence...)
		f.Explains = append(f.Explains, d.keys...)
	}
	var findings []diagnose.Finding
	slices.Sort(senders)
	for _, sender := range senders {
		f := *bySender[sender]
		f.Explains = append(f.Explains, namesLost(c, f.Explains)...)
		findings = append(findings, f)
	}
	return append(findings, checksumSuspects(c)...)
}

// damaged is what arrived broken at the end of one direction.
type damaged struct {
	from, to string
	// lost are our flows that went that way and were not heard of, errors the packets
	// that the receiving node threw away for their checksum, invalid those that its
	// connection tracking could make nothing of.
	lost, errors, invalid uint64
	certain               bool
	keys                  []string
}

func (d damaged) text() string {
	if d.errors > 0 {
		return fmt.Sprintf("%d of our connections from node %s were lost, and node %s threw %d packets away for their checksum meanwhile (InCsumErrors)", d.lost, d.from, d.to, d.errors)
	}
	return fmt.Sprintf("%d of our connections reached node %s through the tunnel from node %s, which has none of them: its connection tracking called %d packets invalid meanwhile", d.lost, d.to, d.from, d.invalid)
}

// manyTimes is how often over our lost connections fit into what a node counted, and it
// still is about them: each damaged packet counts once, and who waits for the rest of a
// handshake repeats its part of it.
const manyTimes = 8

// damage looks for what became of a silent way's packets at either end.
func damage(c *diagnose.Case, h diagnose.Hop) (damaged, bool) {
	if !c.Deep(h.From) || !c.Deep(h.To) {
		return damaged{}, false
	}
	w := watch(c, h)
	for _, way := range []struct {
		leg  leg
		lost uint64
		// whole: nothing at all came through. Some that did would make it loss, beside
		// which strangers' INVALID packets prove nothing.
		whole bool
	}{
		{w.there, w.there.packets - min(w.there.packets, w.arrived), w.looked && w.arrived == 0},
		{w.back, w.back.packets - min(w.back.packets, w.heard), w.nearLooked && w.heard == 0},
	} {
		l := way.leg
		d := damaged{from: l.from, to: l.to, lost: way.lost, keys: h.Keys}
		d.errors, d.invalid = broken(c, l.to)
		switch {
		case d.lost < minTunnelled:
		case d.errors >= d.lost:
			d.certain = true
			return d, true
		case !way.whole || d.invalid < d.lost || l.filtered >= minFiltered || ill(c, l.to) || tracksPast(c, l.to) || accounted(c, h, l):
		case l.counted && l.given >= l.packets && l.received >= l.packets:
			// INVALID packets of strangers are the rule on a busy node, in such a number
			// they are not.
			d.errors, d.certain = 0, d.invalid <= manyTimes*d.lost && d.lost >= 2*minTunnelled
			return d, true
		}
	}
	return damaged{}, false
}

// handedOverDamaged are ClusterIPs that fail although all endpoints answer, where the
// nodes of the endpoints throw packets away for their checksum: what goes to a ClusterIP
// may be translated twice on its way out, the encapsulated packet as well, which is what
// kernels got wrong.
func handedOverDamaged(c *diagnose.Case) []damaged {
	var list []damaged
	for _, t := range append(vipTroubles(c), coreTroubles(c)...) {
		from := homeOf(c, t.result.Vantage)
		var seen []string
		for _, e := range t.service.Ready() {
			to := c.NodeOfAddr(e.Addr.Unmap())
			errors, _ := broken(c, to)
			if from == "" || to == "" || to == from || errors < minTunnelled || slices.Contains(seen, to) {
				continue
			}
			seen = append(seen, to)
			lost := uint64(t.result.Lost())
			list = append(list, damaged{from: from, to: to, lost: lost, errors: errors, certain: errors >= lost, keys: t.keys()})
		}
	}
	return list
}

// broken are the packets that a node counted as damaged while the failing checks were
// repeated: those that it threw away when they were for itself, the tunnel's outer ones
// among them (net/ipv4/udp.c, udp_queue_rcv_one_skb), and those that its connection
// tracking called INVALID, which only counts what it could make nothing of
// (net/netfilter/nf_conntrack_core.c, nf_conntrack_in).
func broken(c *diagnose.Case, node string) (errors, invalid uint64) {
	for name, n := range c.Moved[node] {
		if strings.HasSuffix(name, ".InCsumErrors") {
			errors += n
		}
	}
	return errors, c.Moved[node]["conntrack.invalid"]
}

// silentWays are the pairs of nodes between which checks get no answer, with the
// addresses that they looked at: not only those of which every one is dark, since pings
// arrive where the ports are silent.
func silentWays(c *diagnose.Case) []diagnose.Hop {
	var list []diagnose.Hop
	add := func(r check.Result, addr netip.Addr) {
		from, to := homeOf(c, r.Vantage), c.NodeOfAddr(addr)
		if from == "" || to == "" || from == to || c.CutOffFrom(r.Vantage, addr) {
			return
		}
		i := slices.IndexFunc(list, func(h diagnose.Hop) bool { return h.From == from && h.To == to })
		if i < 0 {
			i = len(list)
			list = append(list, diagnose.Hop{From: from, To: to, Keys: c.Crossing(from, to)})
		}
		h := &list[i]
		if !slices.ContainsFunc(h.Dark, func(p diagnose.Peer) bool { return p.Addr == addr }) {
			h.Dark = append(h.Dark, diagnose.Peer{Vantage: r.Vantage, Addr: addr, Node: to})
		}
	}
	for _, r := range c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.Timeout, check.Unreachable, check.Silent, check.Undelivered, check.Loss}}) {
		if addr, known := diagnose.TargetAddr(r); known && r.Vantage != check.VantageAPI && !strings.HasPrefix(r.Check, "node.") {
			add(r, addr)
		}
	}
	return list
}

// offloadsOf says whether a node leaves the checksums of what it encapsulates to the
// interface below its tunnel, and how that is switched off.
func offloadsOf(c *diagnose.Case, node string) (evidence, try []string) {
	for _, r := range c.Find(diagnose.Match{Check: "node.offload", Vantage: "node/"}) {
		if r.Vantage != "node/"+node || r.Kernel == nil {
			continue
		}
		for _, l := range r.Kernel.Links {
			switch tunnel := slices.Contains(tunnels(c, node), l.Name); {
			case l.Offload == nil:
			case tunnel && l.Offload.TxChecksum:
				evidence = append(evidence, fmt.Sprintf("tx checksumming is on at %s of node %s: the interface below it is to fill the checksums in", l.Name, node))
				try = append(try, fmt.Sprintf("ethtool -K %s tx-checksum-ip-generic off   (on node %s)", device(l.Name), node))
			case tunnel:
				evidence = append(evidence, fmt.Sprintf("tx checksumming is off at %s of node %s: the checksums are damaged later on the way", l.Name, node))
			case !l.Offload.TxChecksum:
				evidence = append(evidence, fmt.Sprintf("tx checksumming is off at %s of node %s: the kernel itself fills them in there", l.Name, node))
			}
		}
	}
	if len(try) == 0 {
		try = []string{fmt.Sprintf("ethtool -S INTERFACE   (on node %s, of the interface below the tunnel)", node)}
	}
	return evidence, append(try, "tcpdump -vvni INTERFACE udp   (at the other end: bad udp cksum)")
}

// namesLost are what fails for want of a name, when every DNS server is among what a
// finding explains.
func namesLost(c *diagnose.Case, keys []string) []string {
	if c.Facts.DNS.Service == nil {
		return nil
	}
	ill := map[netip.Addr]bool{}
	for _, key := range keys {
		if r, known := c.Get(key); known {
			if addr, ok := diagnose.TargetAddr(r); ok {
				ill[addr] = true
			}
		}
	}
	ready := c.Facts.DNS.Service.Ready()
	if len(ready) == 0 || slices.ContainsFunc(ready, func(e facts.Endpoint) bool { return !ill[e.Addr.Unmap()] }) {
		return nil
	}
	return namesFailing(c)
}
