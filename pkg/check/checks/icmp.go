package checks

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// unlockICMP is what lets a probe send ICMP where ping sockets are closed.
const unlockICMP = "--profile netraw"

// echoInterval is the time between two echo requests to one target: short, since a
// healthy path shall cost little more than its round trip.
const echoInterval = 10 * time.Millisecond

// pingFailure is what it means that a ping could not even begin: a skipped result
// with what unlocks it, a route that is missing, or an error.
func pingFailure(addr netip.Addr, err error) check.Result {
	switch {
	case errors.Is(err, netsys.ErrNotPermitted):
		return check.Skipf(unlockICMP, "ICMP is not permitted here: ping sockets are closed and NET_RAW is not held")
	case errors.Is(err, netsys.ErrUnsupported):
		return check.Skipf("", "ICMP can be sent by a probe on Linux only")
	case isNoRoute(err):
		return failed(check.NoRoute, "no route to %s: %v", addr, errnoOf(err))
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return failed(check.Denied, "sending to %s is not allowed: %v", addr, errnoOf(err))
	}
	return check.Errorf("%v", err)
}

// isNoRoute reports whether this kernel refused an address for want of a way to it:
// no route, one of type unreachable or blackhole, or no source address.
func isNoRoute(err error) bool {
	for _, errno := range []syscall.Errno{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EINVAL} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// errnoOf is the errno in err, else err itself.
func errnoOf(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// echoTries turns what became of echo requests into attempts.
func echoTries(report netsys.PingReport) []dial.Try {
	tries := make([]dial.Try, 0, len(report.Echoes))
	for _, e := range report.Echoes {
		var t dial.Try
		t.RTT = check.Duration(e.RTT)
		t.Failure, t.Detail = echoFailure(e.Err)
		if t.Failure == "" && e.Err != nil {
			t.Err = e.Err
		}
		if icmp := icmpError(e.Err); icmp != nil && !icmp.Local {
			t.See("icmp", "%s", whoSaid(icmp))
		}
		tries = append(tries, t)
	}
	return tries
}

// whoSaid is an ICMP error in words; one that comes from this very host means that
// the next hop did not answer ARP or neighbour discovery.
func whoSaid(e *netsys.ICMPError) string {
	if own(e.From) {
		return fmt.Sprintf("%v, which is this vantage point itself: the next hop does not resolve", e)
	}
	return e.Error()
}

// own reports whether addr is an address of this network namespace.
func own(addr netip.Addr) bool {
	if !addr.IsValid() {
		return false
	}
	route, err := netsys.RouteTo(addr)
	return err == nil && route.Local
}

func icmpError(err error) *netsys.ICMPError {
	var icmp *netsys.ICMPError
	if errors.As(err, &icmp) {
		return icmp
	}
	return nil
}

// echoFailure is the kind of failure of one echo, "" for a success and for what says
// nothing about the target.
func echoFailure(err error) (kind check.Failure, detail string) {
	icmp := icmpError(err)
	switch {
	case err == nil:
		return "", ""
	case errors.Is(err, netsys.ErrNoAnswer):
		return check.Timeout, "no answer"
	case icmp == nil:
		return "", ""
	case icmp.TooBig():
		return check.MTU, icmp.Error()
	case !icmp.Local && icmp.PortUnreachable():
		return check.Refused, icmp.Error() // to an echo only a rule answers so
	case !icmp.Local:
		return check.Unreachable, icmp.Error()
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return check.Denied, icmp.Error()
	case isNoRoute(err):
		return check.NoRoute, icmp.Error()
	}
	return "", ""
}
