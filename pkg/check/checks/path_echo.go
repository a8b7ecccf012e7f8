package checks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[echoParams]{
		ID:      "path.echo",
		Area:    "path",
		Summary: "of 20 echoes to a pod that is the only one tried on its node, or of 20 connections to a closed port of it, hardly any is lost: the kernel answers those, no process can be too slow for them",
		Plan:    planPathEcho,
		Run:     runPathEcho,
	}))
}

// closedPort is one that nobody listens on: tcpmux, RFC 1078, which is historic. The
// kernel answers a SYN to it with a reset of its own (RFC 9293, 3.5.2).
const closedPort = 1

// echoParams is the far end of a path.
type echoParams struct {
	Addr netip.Addr `json:"addr"`
}

// planPathEcho takes the pods that path.loss tries alone on their nodes: where it tries
// two, they tell loss on the way from one pod's own.
func planPathEcho(f *facts.Facts) []check.Planned[echoParams] {
	peers := lossPeers(f)
	group := func(p lossPeer) string { return p.node + " " + netsys.Family(p.at.Addr()) }
	tried := map[string]int{}
	for _, p := range peers {
		tried[group(p)]++
	}
	var tasks []check.Planned[echoParams]
	for _, p := range peers {
		if tried[group(p)] == 1 {
			tasks = append(tasks, check.Planned[echoParams]{
				Label:    check.Label{Title: "echoes", Target: p.at.Addr().String(), Object: p.object},
				Attempts: lossAttempts,
				Timeout:  lossTimeout,
				Params:   echoParams{Addr: p.at.Addr()},
			})
		}
	}
	return tasks
}

func runPathEcho(ctx context.Context, t check.Task, p echoParams) check.Result {
	report, err := netsys.Ping(ctx, p.Addr, netsys.PingOptions{Count: t.Attempts, Interval: echoInterval})
	if errors.Is(err, netsys.ErrNotPermitted) {
		peer := addrPeer(netip.AddrPortFrom(p.Addr, closedPort))
		return judgePathEcho(dial.Attempts(ctx, t.Attempts, t.Timeout.D(), func(ctx context.Context, _ int) dial.Try {
			return dial.Connect(ctx, peer)
		}))
	}
	if err != nil {
		return pingFailure(p.Addr, err)
	}
	return judgePathEcho(echoTries(report))
}

// judgePathEcho is pure. Lost echoes are a warning at most: some networks let only so
// many of them pass. A reset is an answer; one to a SYN that had to be repeated is not.
func judgePathEcho(tries []dial.Try) check.Result {
	answered, lost := 0, 0
	var attempts []check.Attempt
	for _, t := range tries {
		switch {
		case t.Err != nil:
			continue
		case t.Repeats > 0 || t.Failure == check.Timeout:
			lost++
			if t.Failure != check.Timeout {
				t.Failure, t.Detail = "", ""
			}
		case t.Failure == "", t.Failure == check.Refused, t.Failure == check.Reset:
			answered++
			t.Failure, t.Detail = "", ""
		default:
			return check.Skipf("", "cannot be measured: %s", t.Failure.Meaning())
		}
		attempts = append(attempts, t.Attempt)
	}
	if answered == 0 {
		return check.Skipf("", "no echo is answered")
	}
	r := check.Result{Status: check.Pass, Attempts: attempts}
	if lost > fewRepeats {
		r.Status, r.Failure = check.Warn, check.Loss
	}
	r.Summary = fmt.Sprintf("%d of %d answered", answered, answered+lost)
	return r
}
