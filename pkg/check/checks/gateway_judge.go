package checks

import (
	"errors"
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// judgeNoDefaultRoute is pure: a family without a default route.
func judgeNoDefaultRoute(p gatewayParams, links []facts.Link, routes []facts.Route) check.Result {
	var r check.Result
	var onward []string
	for _, route := range routes {
		if route.Family == p.Family && route.Gateway != "" && route.Type == "unicast" {
			onward = append(onward, route.Dst+" via "+route.Gateway)
		}
	}
	switch {
	case !p.Known && len(globalAddrs(links, p.Family)) == 0:
		r = check.Skipf("", "no %s address here", familyName(p.Family))
	case !p.Pod:
		r = check.Skipf("", "this node has no default route for %s: it reaches only the networks in its routing table", familyName(p.Family))
	case len(onward) > 0:
		r = failed(check.NoRoute, "no default route for %s, only routes to %d networks", familyName(p.Family), len(onward))
		r.Status = check.Warn
		r.With("routes", "%s", fewOf(onward))
	default:
		r = failed(check.NoRoute, "no default route for %s: nothing beyond the own network can be reached", familyName(p.Family))
	}
	r.Target = p.Family
	return r
}

// judgeGateway is pure: what was seen of a gateway, in a result. An answer is the best
// evidence, a neighbour entry that was confirmed just now the second best: some CNIs (a
// link-local next hop with proxy ARP) and clouds never answer ICMP. What confirms it
// there is ARP, or the TCP connections of the checks that run meanwhile.
func judgeGateway(g netsys.Gateway, seen gatewaySeen) check.Result {
	r := gatewayAnswer(g, seen)
	r.Target = g.Addr.String()
	r.With("route", "default via %s dev %s", g.Addr, dial.Clean(g.Dev, 32))
	switch {
	case seen.readErr != nil:
		r.With("neighbour", "%v", seen.readErr)
	case !seen.entry.Found:
		r.With("neighbour", "no entry")
	default:
		r.With("neighbour", "%s", strings.TrimSpace(seen.entry.MAC+" "+seen.entry.State))
		if seen.entry.Resolved() {
			r.With("confirmed", "%s ago", dial.Dur(seen.entry.ConfirmedAgo))
		}
	}
	if seen.ping.Method != "" {
		r.With("method", "%s", seen.ping.Method)
	}
	return r
}

func gatewayAnswer(g netsys.Gateway, seen gatewaySeen) check.Result {
	notPermitted := errors.Is(seen.pingErr, netsys.ErrNotPermitted)
	if seen.pingErr != nil && !notPermitted {
		return pingFailure(g.Addr, seen.pingErr)
	}
	r := check.Result{}
	silence := "ICMP is not permitted here (" + unlockICMP + " unlocks it)"
	if seen.pingErr == nil {
		r = dial.Summarise(echoTries(seen.ping))
		switch answered := seen.ping.Answered(); {
		case answered == len(r.Attempts) && answered > 0:
			return r
		case answered > 0:
			r.Status = check.Warn // lost echoes, but the gateway is there
			return r
		}
		silence = "it does not answer ICMP (" + r.Summary + ")"
	} else if seen.nudge == nil {
		r.Status, r.Summary = check.Pass, "answers (UDP to a closed port); "+silence
		return r
	}
	how := "ARP"
	if g.Family == netsys.IPv6 {
		how = "neighbour discovery"
	}
	switch {
	case seen.entry.Failed():
		r.Status, r.Failure = check.Fail, check.Unreachable
		r.Summary = fmt.Sprintf("does not answer %s on %s", how, dial.Clean(g.Dev, 32))
		r.Meaning = "nothing on this link owns the gateway's address: the node's end of the interface is down or detached, its bridge lost the address, or the CNI is gone"
	case seen.entry.Confirmed():
		// The echoes are no attempts then that anything was lost in.
		r.Status, r.Failure, r.Attempts = check.Pass, "", nil
		r.Summary = "resolves as a neighbour (" + seen.entry.State + "); " + silence
	case seen.entry.Fixed():
		reason := "whether the gateway is there cannot be told: its neighbour entry is " + seen.entry.State + ", nothing has passed through it just now, and " + silence
		r = check.Result{Status: check.Skipped, Summary: reason, Skip: &check.Skip{Reason: reason}}
	case notPermitted:
		reason := "whether the gateway is there cannot be told without ICMP: its neighbour entry is " + entryWord(seen.entry)
		r.Status, r.Summary, r.Skip = check.Skipped, reason, &check.Skip{Reason: reason, Unlock: unlockICMP}
	default:
		r.Status = check.Warn
		r.Summary += "; its neighbour entry is " + entryWord(seen.entry)
	}
	return r
}

func entryWord(e netsys.NeighbourEntry) string {
	switch {
	case !e.Found:
		return "absent"
	case e.Resolved():
		return e.State + ", from earlier and not confirmed within the last seconds"
	}
	return e.State
}

// foldGateways makes one result of those of a multipath route: the worst, which
// names the others.
func foldGateways(results []check.Result) check.Result {
	worst := 0
	for i, r := range results {
		if r.Status > results[worst].Status {
			worst = i
		}
	}
	r := results[worst]
	if len(results) == 1 {
		return r
	}
	for i, other := range results {
		if i != worst {
			r.With("other next hop", "%s: %s", other.Target, other.Summary)
		}
	}
	return r
}
