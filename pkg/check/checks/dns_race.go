package checks

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

const (
	// racePairs is how many pairs of questions are sent, each from a socket of its own.
	racePairs = 40
	// raceWait is how long the answers are waited for.
	raceWait = time.Second
)

func init() {
	Registry.Add(check.Define(check.Spec[traceParams]{
		ID:      "dns.race",
		Area:    "dns",
		Summary: "of 40 pairs of A and AAAA questions, each sent at once from one UDP socket, none loses just one of the two (asked for by the dns command)",
		Plan: func(f *facts.Facts) []check.Planned[traceParams] {
			if len(f.Ask.Names) == 0 {
				return nil
			}
			name := "kubernetes.default.svc." + assumedDomain + "."
			if f.DNS.Domain != "" {
				name = "kubernetes.default.svc." + f.DNS.Domain + "."
			}
			return []check.Planned[traceParams]{{Label: check.Label{Title: "A and AAAA at once", Target: "resolv.conf udp"}, Attempts: 1, Timeout: 2 * raceWait, Params: traceParams{Name: name}}}
		},
		Run: systemDNS.race,
	}))
}

// race sends what glibc sends: both questions back to back from one socket, so that both
// packets are the first of the same flow. Where their entries in connection tracking
// collide, one is dropped (https://www.weave.works/blog/racy-conntrack-and-dns-lookup-timeouts).
func (probe dnsProbe) race(ctx context.Context, _ check.Task, p traceParams) check.Result {
	conf, err := netsys.ReadResolvConf(probe.resolvConf)
	if err != nil {
		return check.Errorf("%v", err)
	}
	servers := nameServers(conf, probe.port)
	if len(servers) == 0 {
		return check.Skipf("", "resolv.conf names no name server")
	}
	ctx, cancel := context.WithTimeout(ctx, raceWait)
	defer cancel()
	answered := make(chan int, racePairs)
	for range racePairs {
		go func() { answered <- askBoth(ctx, servers[0], p.Name) }()
	}
	var counts [3]int
	for range racePairs {
		counts[<-answered]++
	}
	return judgeRace(counts)
}

// askBoth is how many of the two questions were answered.
func askBoth(ctx context.Context, server netip.AddrPort, name string) int {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", server.String())
	if err != nil {
		return 0
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	ids := map[uint16]bool{}
	for _, recordType := range []uint16{dns.TypeA, dns.TypeAAAA} {
		m := new(dns.Msg).SetQuestion(name, recordType)
		packed, err := m.Pack()
		if err != nil {
			return 0
		}
		if _, err := conn.Write(packed); err != nil {
			return 0
		}
		ids[m.Id] = true
	}
	n := 0
	buffer := make([]byte, 4096)
	for len(ids) > 0 {
		size, err := conn.Read(buffer)
		if err != nil {
			break
		}
		if size >= 2 {
			if id := uint16(buffer[0])<<8 | uint16(buffer[1]); ids[id] {
				delete(ids, id)
				n++
			}
		}
	}
	return min(n, 2)
}

// judgeRace is pure: counts are the pairs of which none, one or both were answered. Loss
// in general takes both of a pair now and then; the race takes one, and never both.
func judgeRace(counts [3]int) check.Result {
	none, one, both := counts[0], counts[1], counts[2]
	total := none + one + both
	r := check.Result{Status: check.Pass, Summary: fmt.Sprintf("%d of %d pairs answered whole", both, total)}
	r.With("one of two answered", "%d", one)
	r.With("none answered", "%d", none)
	switch {
	case both+one == 0:
		return check.Skipf("", "nothing is answered at all")
	case one >= 2 && none*4 <= one:
		r.Status, r.Failure = check.Warn, check.Loss
		r.Summary = fmt.Sprintf("%d of %d pairs lost just one of the two answers", one, total)
		r.Meaning = "an application's resolver waits 5 s for the other before it asks again: lookups take so long now and then"
	case one+none > 2: // a busy machine answers the odd one late
		r.Status, r.Failure = check.Warn, check.Loss
		r.Summary = fmt.Sprintf("%d of %d pairs were not answered whole", one+none, total)
	}
	return r
}
