package netsys

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// sizeProber sends packets of given sizes to one peer that answers if they arrive.
type sizeProber interface {
	Method() string
	// Limited says that the peer limits the rate of its answers.
	Limited() bool
	// Send sends one packet of size bytes. Errors are those of probe.Wait.
	Send(size int) (sizeProbe, error)
}

// sizeProbe is a packet under way.
type sizeProbe interface {
	// Wait returns nil when the packet is known to have arrived, a *ICMPError when
	// somebody says it did not, ErrNoAnswer when ctx ended first.
	Wait(ctx context.Context) error
	Close() error
}

// smallSize is a packet that passes wherever anything does, in bytes.
const smallSize = 128

// plausibleMTUs are sizes that links and tunnels have: jumbo frames, clouds'
// (8951, 1460), Ethernet, PPPoE (1492), IPIP (1480), GRE, Geneve and VXLAN (1450),
// WireGuard (1420, 1440), and combinations of them; the IPv6 minimum, and less.
var plausibleMTUs = []int{
	9000, 8981, 8951, 8901, 1500, 1492, 1480, 1476, 1472, 1460, 1450, 1442, 1440, 1430, 1420, 1412, 1410, 1400,
	1390, 1380, 1370, 1350, 1300, 1280, 1200, 1000, 576, 296,
}

// overheads are what encapsulations take from a link's MTU, in bytes: IPIP 20, GRE
// 24, SIT or IPIP6 40, VXLAN 50 or 70 (over IPv6), Geneve 58, WireGuard 60 or 80.
var overheads = []int{20, 24, 40, 50, 58, 60, 70, 80, 100}

// timing are the waits of a search, so that tests need not wait as long.
type timing struct {
	first time.Duration // for the first answer of all
	least time.Duration // after an answer, for the others of the same volley
	pace  time.Duration // until a rate-limited peer may answer again
}

// defaultTiming: Linux sends one port unreachable a second to a peer once a burst of
// six is used up (net.ipv4.icmp_ratelimit; net/ipv4/inetpeer.c, XRLIM_BURST_FACTOR).
var defaultTiming = timing{first: 600 * time.Millisecond, least: 150 * time.Millisecond, pace: 1100 * time.Millisecond}

// search is a measurement with one prober.
type search struct {
	prober sizeProber
	timing timing
	report PathReport
	// firstTries is how often silence to everything is taken for loss, at least once.
	firstTries int

	ceiling int // the largest size still in question
	missed  int // how often the ceiling vanished while something smaller arrived
	control int // how often something smaller did not arrive though it should have
}

// maxSignals bounds how many routers may name ever smaller MTUs.
const maxSignals = 10

func (s *search) run(ctx context.Context) PathReport {
	s.report.Method = s.prober.Method()
	s.ceiling = s.report.Promise
	for try, signals := 0, 0; try < max(1, s.firstTries) && signals < maxSignals; {
		seen := s.look(ctx)
		switch {
		case seen.fatal != nil:
			s.report.Reason = seen.fatal.Error()
			return s.report
		case seen.arrived(s.ceiling):
			return s.arrived()
		case s.lower(seen):
			signals++
			try = 0
		case seen.arrived(s.small()):
			s.missed++
			if s.hunt(ctx) {
				return s.report
			}
			signals++ // it found a router's word instead: begin again below it
		default:
			try++
		}
		if ctx.Err() != nil {
			break
		}
	}
	if s.report.Reason == "" {
		s.report.Reason = "no answer"
	}
	return s.report
}

// look sends the ceiling and a small packet. To a peer that answers only so many the
// ceiling goes alone first: on a healthy path that is all it takes.
func (s *search) look(ctx context.Context) volley {
	if s.prober.Limited() {
		if seen := s.volley(ctx, s.timing.least, s.ceiling); seen.decided(s.ceiling) {
			return seen
		}
	}
	return s.volley(ctx, s.timing.first, s.ceiling, s.small())
}

// small is the size of the packet that shows the peer answers. It is never above the
// ceiling: a router may name less than smallSize, and there is nothing to search for below that.
func (s *search) small() int { return min(smallSize, s.ceiling) }

// arrived ends the search: the ceiling arrives.
func (s *search) arrived() PathReport {
	s.report.Largest = s.ceiling
	s.report.Verdict = PathFull
	if s.ceiling < s.report.Promise {
		s.report.Verdict = PathSignalled
	}
	s.report.Lost += s.missed
	return s.report
}

// lower takes a router's word for a smaller MTU.
func (s *search) lower(seen volley) bool {
	e := seen.tooBig
	if e == nil || e.MTU >= s.ceiling {
		return false
	}
	if e.Local {
		// The interface itself has shrunk since it was asked.
		s.report.Promise = e.MTU
	} else {
		s.report.By = e.From
	}
	s.ceiling, s.missed = e.MTU, 0
	return true
}

// hunt looks for the largest size that passes below a ceiling that seems to vanish,
// and makes sure of both. It returns false when a router named a smaller MTU after
// all, so that the search is to begin again.
func (s *search) hunt(ctx context.Context) (ended bool) {
	candidates := s.candidates()
	best, controls := smallSize, 1
	next := candidates
	for round := 0; ctx.Err() == nil; round++ {
		if round > 0 && s.prober.Limited() && !pause(ctx, s.timing.pace) {
			break
		}
		// In descending order: of a peer that answers only so many, the first answer
		// is for the largest that arrived.
		sizes := append([]int{s.ceiling}, next...)
		seen := s.volley(ctx, s.timing.first, append(sizes, best)...)
		if seen.fatal != nil {
			break
		}
		if seen.arrived(s.ceiling) {
			s.arrived()
			return true
		}
		if s.lower(seen) {
			return false
		}
		before := best
		if top := seen.largest(); top == 0 {
			s.control++
		} else {
			s.missed++
			controls++
			best = max(best, top)
			if !s.prober.Limited() {
				s.control += seen.gaps(top) // smaller ones that did not arrive: the path loses packets
			}
		}
		next = above(candidates, best)
		if best == smallSize {
			next = candidates // the answers were used up: ask for all again
		}
		// Three times the ceiling was lost while others arrived, and twice more for each
		// of those that did not (once, where the peer may just have used its answers up);
		// and the size next above the best was tried without
		// success more than once, unless nothing but the small one ever arrives.
		doubt := 2 * s.control
		if s.prober.Limited() {
			doubt = s.control
		}
		sure := s.missed >= 3+doubt && controls >= 3
		if settled := round > 0 && best == before; sure && settled && (best > smallSize || round >= 3) {
			return s.blackHole(best, candidates)
		}
	}
	s.report.Reason = fmt.Sprintf("answers come too irregularly to tell a lost packet from one too large (%d bytes went unanswered %d times)", s.ceiling, s.missed)
	return true
}

func (s *search) blackHole(best int, candidates []int) bool {
	s.report.Verdict = PathBlackHole
	s.report.Largest = best
	s.report.Vanishes = s.ceiling
	if higher := above(candidates, best); len(higher) > 0 {
		s.report.Vanishes = higher[0]
	}
	s.report.Lost += s.control
	return true
}

// candidates are the sizes worth trying below the ceiling, in descending order.
func (s *search) candidates() []int {
	list := slices.Clone(plausibleMTUs)
	for _, o := range overheads {
		list = append(list, s.ceiling-o)
	}
	list = slices.DeleteFunc(list, func(c int) bool { return c <= smallSize || c >= s.ceiling })
	slices.Sort(list)
	list = slices.Compact(list)
	slices.Reverse(list)
	return list
}

// above returns the smallest of the descending candidates that is larger than best,
// in a list of at most one.
func above(candidates []int, best int) []int {
	for i, c := range slices.Backward(candidates) {
		if c > best {
			return candidates[i : i+1]
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// fatalToProbe reports whether an error ends a measurement: anything but silence and
// a router's word on size.
func fatalToProbe(err error) bool {
	e := asICMP(err)
	return e != nil && !e.TooBig() && e.Errno != syscall.EAGAIN && e.Errno != syscall.ENOBUFS
}
