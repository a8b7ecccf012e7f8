package netsys

import (
	"context"
	"errors"
	"time"
)

// volley is what came of several packets sent at once.
type volley struct {
	outcome map[int]error // by size; a size that is absent was not sent
	tooBig  *ICMPError    // the smallest MTU that somebody named
	fatal   error
}

func (v volley) arrived(size int) bool {
	err, sent := v.outcome[size]
	return sent && err == nil
}

// largest is the largest size that arrived, 0 for none.
func (v volley) largest() int {
	top := 0
	for size := range v.outcome {
		if v.arrived(size) {
			top = max(top, size)
		}
	}
	return top
}

// gaps counts the sizes below top that did not arrive.
func (v volley) gaps(top int) int {
	n := 0
	for size := range v.outcome {
		if size < top && !v.arrived(size) {
			n++
		}
	}
	return n
}

// leastMTU is the smallest MTU that a link for IPv4 may have, in bytes.
const leastMTU = 68

// settled is the outcome of one packet.
type settled struct {
	size int
	err  error
	rtt  time.Duration
}

// volley sends a packet of each size, in the order given, and waits for what comes
// back. It returns as soon as the fate of the first, largest one is known. Without
// any answer it waits that long; after one, three times as long as that took.
func (s *search) volley(ctx context.Context, patience time.Duration, sizes ...int) volley {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	v := volley{outcome: map[int]error{}}
	results := make(chan settled, len(sizes))
	waiting := 0
	for _, size := range sizes {
		if _, twice := v.outcome[size]; twice {
			continue
		}
		v.outcome[size] = ErrNoAnswer
		probe, err := s.prober.Send(size)
		if err != nil {
			v.note(settled{size: size, err: err})
			continue
		}
		waiting++
		go func(sent time.Time) {
			defer probe.Close()
			err := probe.Wait(ctx)
			results <- settled{size: size, err: err, rtt: time.Since(sent)}
		}(time.Now())
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for heard := false; waiting > 0 && !v.decided(sizes[0]); {
		select {
		case <-ctx.Done():
			return v
		case <-timer.C:
			return v
		case r := <-results:
			waiting--
			v.note(r)
			if r.err == nil && (s.report.RTT == 0 || r.rtt < s.report.RTT) {
				s.report.RTT = r.rtt
			}
			if !heard && !errors.Is(r.err, ErrNoAnswer) {
				heard = true
				timer.Reset(max(s.timing.least, 3*r.rtt))
			}
		}
	}
	return v
}

// decided reports whether nothing more need be waited for.
func (v volley) decided(largest int) bool {
	return v.fatal != nil || v.tooBig != nil || v.arrived(largest)
}

func (v *volley) note(r settled) {
	if _, sent := v.outcome[r.size]; sent {
		v.outcome[r.size] = r.err
	}
	// A word that is no help is none: routers older than RFC 1191 name no MTU, and a
	// hostile one might name more than was sent, or less than IP allows (RFC 791).
	e := asICMP(r.err)
	helpful := e != nil && e.TooBig() && e.MTU >= leastMTU && e.MTU < r.size
	if helpful && (v.tooBig == nil || e.MTU < v.tooBig.MTU) {
		v.tooBig = e
	}
	if fatalToProbe(r.err) {
		v.fatal = r.err
	}
}
