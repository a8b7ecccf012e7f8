package netsys

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// PathVerdict says what a path MTU measurement found.
type PathVerdict string

// The outcomes of PathMTU. The zero value is none of them.
const (
	// PathFull: the size that the interface promises arrives.
	PathFull PathVerdict = "full"
	// PathSignalled: it does not, but a router says so, and how much fits; the kernel
	// learns that and sends smaller packets.
	PathSignalled PathVerdict = "signalled"
	// PathBlackHole: packets above a size vanish without a word.
	PathBlackHole PathVerdict = "black hole"
	// PathUnmeasured: nothing could be told; Reason says why.
	PathUnmeasured PathVerdict = "unmeasured"
)

// PathReport is what PathMTU found. Sizes are of whole IP packets, in bytes.
type PathReport struct {
	Verdict PathVerdict
	// Reason says why nothing could be measured.
	Reason string
	Route  RouteChoice
	// Promise is what interface and route promise to carry.
	Promise int
	// Largest is the largest size seen arriving.
	Largest int
	// Vanishes is the smallest size above Largest that was sent and vanished, 0 when
	// none did.
	Vanishes int
	// By is the router that named a smaller MTU last.
	By netip.Addr
	// Method is how the sizes were sent: "ping socket", "raw socket", "udp".
	Method string
	// Lost counts packets that went without an answer although their size passes.
	Lost int
	// RTT is of the fastest answer.
	RTT time.Duration
}

// PathMTU measures whether packets as large as the interface towards addr promises
// do arrive there, and if not, what does. A healthy path costs two packets and one
// round trip; a black hole some 30 packets and up to 4 s, since it must not be
// mistaken for a lost packet. The methods, in this order, are an echo with don't
// fragment where ICMP is permitted, and UDP to closed ports, whose "port unreachable"
// proves arrival (RFC 1191; ip(7), IP_MTU_DISCOVER and IP_RECVERR). A peer that answers
// nothing is tried that often. The error wraps the kernel's errno when there is no route.
func PathMTU(ctx context.Context, addr netip.Addr, tries int) (PathReport, error) {
	addr = addr.Unmap()
	route, err := RouteTo(addr)
	if err != nil {
		return PathReport{}, err
	}
	report := PathReport{Route: route, Promise: min(route.MTU, 1<<16-1), Verdict: PathUnmeasured}
	if route.Local {
		report.Reason = "it is an address of this vantage point itself, packets to it leave by no interface"
		return report, nil
	}
	probers, err := sizeProbers(addr)
	if err != nil {
		return report, err
	}
	return inTurn(ctx, probers, search{timing: defaultTiming, report: report, firstTries: tries}), nil
}

// inTurn tries one method after the other until one has an answer. All but the last
// one give up after a first silence: another method is worth more than another try, and
// a run shall not wait for a peer that is dead much longer than its other checks do.
func inTurn(ctx context.Context, probers []sizeProber, plan search) PathReport {
	var silent []string
	for i, p := range probers {
		s := plan
		s.prober = p
		if i < len(probers)-1 {
			s.firstTries = 1
		}
		found := s.run(ctx)
		if found.Verdict != PathUnmeasured || found.RTT > 0 {
			return found // it did answer: another method would not tell more
		}
		silent = append(silent, fmt.Sprintf("%s: %s", p.Method(), found.Reason))
	}
	report := plan.report
	report.Reason = fmt.Sprintf("not even a packet of %d bytes is answered (%s)", smallSize, strings.Join(silent, "; "))
	return report
}
