package checks

import (
	"hash/fnv"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// watchNeighbour looks, shortly before a task's timeout, whether packets to addr leave
// this namespace at all: a next hop that does not resolve means they do not. The kernel
// itself says so (EHOSTUNREACH) only after 3 s, later than most deadlines here (arp(7),
// mcast_solicit and retrans_time_ms). The function returned turns tries that all timed
// out into unreachable ones then. It must be called, once; where the tries ended before
// the look was due, nothing is looked at.
//
// The look is taken before the end, not after, and at a moment that differs by address:
// a thousand dead endpoints would otherwise ask the kernel all at once.
func watchNeighbour(addr netip.Addr, timeout time.Duration) (blame func([]dial.Try)) {
	if !addr.IsValid() {
		return func([]dial.Try) {}
	}
	looked := make(chan deafNeighbour, 1)
	timer := time.AfterFunc(lookAfter(addr, timeout), func() { looked <- findDeafNeighbour(addr) })
	return func(tries []dial.Try) {
		if timer.Stop() {
			return
		}
		if n := <-looked; n.hop.IsValid() {
			n.blame(tries)
		}
	}
}

// lookAfter is between five and seven eighths of the timeout, spread over the addresses.
func lookAfter(addr netip.Addr, timeout time.Duration) time.Duration {
	hash := fnv.New32a()
	hash.Write(addr.AsSlice())
	return timeout*5/8 + timeout/4*time.Duration(hash.Sum32()%256)/256
}

// deafNeighbour is a next hop that does not resolve; the zero value is none.
type deafNeighbour struct {
	hop   netip.Addr
	dev   string
	state string
}

// deafLately is the last look at the whole neighbour table: whether any entry in it does
// not resolve. One look serves all the tasks that want it within deafFor.
var deafLately struct {
	sync.Mutex
	at   time.Time
	some bool
}

// deafFor is short beside what separates the first unanswered ARP request from a look.
const deafFor = 50 * time.Millisecond

func someDeaf() bool {
	deafLately.Lock()
	defer deafLately.Unlock()
	if now := time.Now(); now.Sub(deafLately.at) > deafFor {
		table, err := netsys.Neighbours()
		deafLately.at = now
		// What cannot be read, or not whole, is looked at by address.
		deafLately.some = err != nil || len(table) >= netsys.MaxEntries ||
			slices.ContainsFunc(table, func(n facts.Neighbour) bool { return netsys.NeighbourEntry{Neighbour: n, Found: true}.Failed() })
	}
	return deafLately.some
}

// oneLook lets one task at a time ask about its own address: each question takes netlink
// buffers of 64 KiB, several of them.
var oneLook sync.Mutex

func findDeafNeighbour(addr netip.Addr) deafNeighbour {
	if !someDeaf() {
		return deafNeighbour{}
	}
	oneLook.Lock()
	defer oneLook.Unlock()
	route, err := netsys.RouteTo(addr)
	if err != nil || route.Local {
		return deafNeighbour{}
	}
	hop := addr.WithZone("")
	if route.Gateway != "" {
		if hop, err = netip.ParseAddr(route.Gateway); err != nil {
			return deafNeighbour{}
		}
	}
	entry, err := netsys.Neighbour(hop, route.Link.Index)
	if err != nil || !entry.Failed() {
		return deafNeighbour{}
	}
	return deafNeighbour{hop, route.Link.Name, entry.State}
}

func (n deafNeighbour) blame(tries []dial.Try) {
	for _, t := range tries {
		if t.Err == nil && t.Failure != check.Timeout {
			return // something answered: the neighbour was there
		}
	}
	for i := range tries {
		if t := &tries[i]; t.Failure == check.Timeout {
			t.Failure, t.Soft = check.Unreachable, false
			t.Detail = "the neighbour " + n.hop.String() + " does not resolve"
			t.See("neighbour", "%s on %s does not resolve (%s)", n.hop, n.dev, n.state)
		}
	}
}
