package netsys

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fakePath is a path that answers after a moment, for what it lets through.
type fakePath struct {
	mtu     int     // the largest size that arrives
	signal  int     // the MTU that a router names for what is larger, 0 for none
	silent  bool    // nothing is ever answered
	limit   int     // how many answers there are between two pauses, 0 for any number
	loss    float64 // of packets, at random
	dropAll int     // so many packets are lost at first
	reject  bool    // a router says: prohibited

	mu     sync.Mutex
	random *rand.Rand
	sent   int
	burst  int
	last   time.Time
}

func (p *fakePath) Method() string { return "fake" }
func (p *fakePath) Limited() bool  { return p.limit > 0 }

// testTiming is a hundredth of what is true.
var testTiming = timing{first: 20 * time.Millisecond, least: 10 * time.Millisecond, pace: 10 * time.Millisecond}

func (p *fakePath) Send(size int) (sizeProbe, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent++
	if now := time.Now(); now.Sub(p.last) > testTiming.pace*9/10 {
		p.burst = 0
		p.last = now
	}
	router := netip.MustParseAddr("192.0.2.1")
	switch {
	case p.silent, p.sent <= p.dropAll, p.loss > 0 && p.random.Float64() < p.loss:
		return fakeProbe{err: ErrNoAnswer}, nil
	case p.reject:
		return fakeProbe{err: &ICMPError{Errno: syscall.EHOSTUNREACH, Type: 3, Code: 13, From: router}}, nil
	case size > p.mtu && p.signal > 0 && size > p.signal:
		return fakeProbe{err: &ICMPError{Errno: syscall.EMSGSIZE, Type: 3, Code: 4, MTU: p.signal, From: router}}, nil
	case size > p.mtu:
		return fakeProbe{err: ErrNoAnswer}, nil
	}
	p.burst++
	if p.limit > 0 && p.burst > p.limit {
		return fakeProbe{err: ErrNoAnswer}, nil
	}
	return fakeProbe{}, nil
}

type fakeProbe struct{ err error }

func (p fakeProbe) Close() error { return nil }
func (p fakeProbe) Wait(ctx context.Context) error {
	if errors.Is(p.err, ErrNoAnswer) {
		<-ctx.Done()
	}
	return p.err
}

func TestSearch(t *testing.T) {
	tests := []struct {
		name     string
		path     *fakePath
		want     PathReport
		maxSends int
	}{
		{"full", &fakePath{mtu: 1500}, PathReport{Verdict: PathFull, Largest: 1500}, 2},
		{"full, limited", &fakePath{mtu: 1500, limit: 6}, PathReport{Verdict: PathFull, Largest: 1500}, 1},
		{"signalled", &fakePath{mtu: 1450, signal: 1450}, PathReport{Verdict: PathSignalled, Largest: 1450}, 4},
		{"black hole at a plausible size", &fakePath{mtu: 1450}, PathReport{Verdict: PathBlackHole, Largest: 1450, Vanishes: 1460}, 50},
		{"black hole between plausible sizes", &fakePath{mtu: 1445}, PathReport{Verdict: PathBlackHole, Largest: 1442, Vanishes: 1450}, 50},
		{"black hole just below", &fakePath{mtu: 1499}, PathReport{Verdict: PathBlackHole, Largest: 1492, Vanishes: 1500}, 50},
		{"black hole, few answers", &fakePath{mtu: 1400, limit: 6}, PathReport{Verdict: PathBlackHole, Largest: 1400, Vanishes: 1410}, 50},
		{"black hole, one answer at a time", &fakePath{mtu: 1400, limit: 1}, PathReport{Verdict: PathBlackHole, Largest: 1400, Vanishes: 1410}, 90},
		{"black hole, all but nothing arrives", &fakePath{mtu: 200}, PathReport{Verdict: PathBlackHole, Largest: 128, Vanishes: 296}, 200},
		{"a word, and a black hole below it", &fakePath{mtu: 1400, signal: 1450}, PathReport{Verdict: PathBlackHole, Largest: 1400, Vanishes: 1410}, 60},
		{"first packets lost", &fakePath{mtu: 1500, dropAll: 2}, PathReport{Verdict: PathFull, Largest: 1500}, 10},
		{"one large packet lost", &fakePath{mtu: 1500, dropAll: 1}, PathReport{Verdict: PathFull, Largest: 1500, Lost: 1}, 40},
		{"silent", &fakePath{silent: true}, PathReport{Verdict: PathUnmeasured}, 4},
		{"rejected", &fakePath{reject: true}, PathReport{Verdict: PathUnmeasured}, 2},
		{"a word that names no MTU", &fakePath{mtu: 1400, signal: 1}, PathReport{Verdict: PathBlackHole, Largest: 1400, Vanishes: 1410}, 50},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				s := search{prober: tt.path, timing: testTiming, report: PathReport{Promise: 1500, Verdict: PathUnmeasured}, firstTries: 2}
				got := s.run(ctx)
				if got.Verdict != tt.want.Verdict || got.Largest != tt.want.Largest || got.Vanishes != tt.want.Vanishes || got.Lost != tt.want.Lost {
					t.Errorf("got %+v, want %+v", got, tt.want)
				}
				if got.Verdict == PathUnmeasured && got.Reason == "" {
					t.Error("unmeasured without a reason")
				}
				if tt.path.sent > tt.maxSends {
					t.Errorf("%d packets sent, want at most %d", tt.path.sent, tt.maxSends)
				}
			})
		})
	}
}

// A lossy path must not pass for a black hole, nor hide one. It runs in a bubble of fake
// time: on a busy machine answers would come late, and count as more loss than there is.
func TestSearchLoss(t *testing.T) {
	const runs = 400
	for _, tt := range []struct {
		name string
		path *fakePath
		want PathVerdict
		most int // of the opposite verdict
	}{
		{"loses a third", &fakePath{mtu: 1500, loss: 0.3}, PathFull, runs / 200},
		{"loses a tenth, limited", &fakePath{mtu: 1500, loss: 0.1, limit: 6}, PathFull, runs / 200},
		{"black hole that loses a tenth as well", &fakePath{mtu: 1400, loss: 0.1}, PathBlackHole, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var wg sync.WaitGroup
				var mu sync.Mutex
				found := map[PathVerdict]int{}
				for i := range runs {
					wg.Go(func() {
						ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
						defer cancel()
						path := &fakePath{mtu: tt.path.mtu, loss: tt.path.loss, limit: tt.path.limit, random: rand.New(rand.NewPCG(1, uint64(i)))}
						s := search{prober: path, timing: testTiming, report: PathReport{Promise: 1500, Verdict: PathUnmeasured}, firstTries: 2}
						got := s.run(ctx)
						mu.Lock()
						defer mu.Unlock()
						found[got.Verdict]++
					})
				}
				wg.Wait()
				t.Log(found)
				opposite := found[PathFull] + found[PathBlackHole] - found[tt.want]
				if opposite > tt.most || found[tt.want] < runs*17/20 {
					t.Errorf("of %d runs: %v, want %s", runs, found, tt.want)
				}
			})
		})
	}
}

// Of a peer that answers nothing, only the last method is tried twice; one that answers
// the second method is measured by it.
func TestMethodsInTurn(t *testing.T) {
	for _, tt := range []struct {
		name          string
		first, second *fakePath
		want          PathVerdict
		sent          [2]int
	}{
		{"dead", &fakePath{silent: true}, &fakePath{silent: true}, PathUnmeasured, [2]int{2, 4}},
		{"echoes filtered", &fakePath{silent: true}, &fakePath{mtu: 1500}, PathFull, [2]int{2, 2}},
		{"one large echo lost", &fakePath{mtu: 1500, dropAll: 1}, &fakePath{silent: true}, PathFull, [2]int{40, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := inTurn(t.Context(), []sizeProber{tt.first, tt.second}, search{
				timing: testTiming, report: PathReport{Promise: 1500, Verdict: PathUnmeasured}, firstTries: 2,
			})
			if got.Verdict != tt.want || tt.first.sent > tt.sent[0] || tt.second.sent > tt.sent[1] {
				t.Errorf("got %+v with %d and %d packets, want %s with at most %v", got, tt.first.sent, tt.second.sent, tt.want, tt.sent)
			}
		})
	}
}
