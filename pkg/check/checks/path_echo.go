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
		Summary: "of 20 echoes to a pod that is the only one tried on its node, hardly any is lost: a process that accepts too slowly cannot lose them",
		Plan:    planPathEcho,
		Run:     runPathEcho,
	}))
}

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
				Params:   echoParams{Addr: p.at.Addr()},
			})
		}
	}
	return tasks
}

func runPathEcho(ctx context.Context, t check.Task, p echoParams) check.Result {
	report, err := netsys.Ping(ctx, p.Addr, netsys.PingOptions{Count: t.Attempts, Interval: echoInterval})
	if errors.Is(err, netsys.ErrNotPermitted) {
		return check.Skipf("", "ICMP is not permitted here")
	}
	if err != nil {
		return pingFailure(p.Addr, err)
	}
	return judgePathEcho(echoTries(report))
}

// judgePathEcho is pure. Lost echoes are a warning at most: some networks let only so
// many of them pass.
func judgePathEcho(tries []dial.Try) check.Result {
	answered, lost := 0, 0
	var attempts []check.Attempt
	for _, t := range tries {
		switch {
		case t.Err != nil:
			continue
		case t.Failure == "":
			answered++
		case t.Failure == check.Timeout:
			lost++
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
