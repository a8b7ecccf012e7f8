package checks

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

const (
	// lossAttempts is how many connections look for loss: a path that loses 30 % of
	// its packets shows none in 20 less than once in a thousand runs, one that loses
	// 10 % once in eight.
	lossAttempts = 20
	// lossTimeout leaves room for the first retransmission of a SYN, 1 s after the
	// first packet (RFC 6298, 2.1); the next would come 2 s later.
	lossTimeout = 2 * time.Second
	// lossPerNode is how many pods of a node are tried in each family: when one alone
	// loses, it is that pod; when all do, the way. A pod has one address of a family.
	lossPerNode = 2
	// fewRepeats is how many repeated packets are nobody's trouble.
	fewRepeats = 1
)

func init() {
	Registry.Add(check.Define(check.Spec[lossParams]{
		ID:      "path.loss",
		Area:    "path",
		Summary: "of 20 connections to a pod on each node, from 20 source ports, none has to repeat its first packet",
		Plan:    planPathLoss,
		Run:     runPathLoss,
	}))
}

// lossParams is the far end of a path.
type lossParams struct {
	Peer    dial.Peer `json:"peer"`
	Sidecar string    `json:"sidecar,omitempty"`
}

func planPathLoss(f *facts.Facts) []check.Planned[lossParams] {
	var tasks []check.Planned[lossParams]
	for _, p := range lossPeers(f) {
		tasks = append(tasks, check.Planned[lossParams]{
			Label:    check.Label{Title: "loss", Target: p.at.String(), Object: p.object},
			Attempts: lossAttempts,
			Timeout:  lossTimeout,
			Params:   lossParams{Peer: addrPeer(p.at), Sidecar: f.Vantage.Sidecar()},
		})
	}
	return tasks
}

// lossPeer is a port of a pod on a node whose way is looked at.
type lossPeer struct {
	node, object string
	at           netip.AddrPort
}

// lossPeers are the first ready TCP endpoints on each node, of all services in question,
// the cluster's DNS and the pods that are targets.
func lossPeers(f *facts.Facts) []lossPeer {
	var peers []lossPeer
	perNode := map[string]int{} // and family
	seen := map[netip.Addr]bool{}
	paths := mtuPlan{facts: f}
	add := func(node, object string, at netip.AddrPort) {
		addr := at.Addr()
		group := node + " " + netsys.Family(addr)
		if node == "" || paths.own(addr) || seen[addr] || !f.Vantage.HasFamily(addr) || perNode[group] == lossPerNode || len(peers) >= maxPaths {
			return
		}
		seen[addr] = true
		perNode[group]++
		peers = append(peers, lossPeer{node, object, at})
	}
	services := f.Services
	if f.DNS.Service != nil {
		services = append(services[:len(services):len(services)], *f.DNS.Service)
	}
	for _, s := range services {
		for _, e := range s.Ready() {
			for _, port := range e.Ports {
				if port.Protocol == facts.TCP && port.Port != 0 && e.Pod != nil {
					add(e.Node, podObject(*e.Pod), netip.AddrPortFrom(e.Addr.Unmap(), port.Port))
				}
			}
		}
	}
	for _, t := range f.Targets {
		for _, pod := range t.Pods {
			for _, p := range podPorts(t, pod, facts.TCP) {
				for _, ip := range podAddrs(f, pod) {
					add(pod.Node, podObject(pod.Ref()), netip.AddrPortFrom(ip.Unmap(), p.port))
				}
			}
		}
	}
	return peers
}

func runPathLoss(ctx context.Context, t check.Task, p lossParams) check.Result {
	if p.Sidecar != "" {
		return check.Skipf("", "the pod's %s accepts every connection itself: what is lost behind it cannot be seen", p.Sidecar)
	}
	return judgePathLoss(dial.Attempts(ctx, t.Attempts, t.Timeout.D(), func(ctx context.Context, _ int) dial.Try {
		return dial.Connect(ctx, p.Peer)
	}))
}

// judgePathLoss is pure. Any answer will do, a refusal too: it is the way that is
// looked at. Where nothing answers at all, other checks say so.
func judgePathLoss(tries []dial.Try) check.Result {
	var answered, lost, late, repeats int
	var broken error
	var attempts []check.Attempt
	for _, t := range tries {
		if t.Err != nil {
			broken = t.Err
			continue
		}
		attempts = append(attempts, t.Attempt)
		repeats += t.Repeats
		switch t.Failure {
		case check.Timeout:
			lost++
			continue
		case "", check.Refused, check.Reset:
			answered++
		default:
			return check.Skipf("", "cannot be measured: %s", t.Failure.Meaning())
		}
		if t.Repeats > 0 {
			late++
		}
	}
	total := answered + lost
	var r check.Result
	switch {
	case total == 0 && broken != nil:
		return check.Errorf("could not be tried: %v", broken)
	case answered == 0:
		return check.Skipf("", "nothing answers at all")
	case lost > 0:
		r = check.Result{Status: check.Fail, Failure: check.Loss}
		r.Summary = fmt.Sprintf("%d of %d connections did not come about, %d more had to repeat a packet", lost, total, late)
	case repeats > fewRepeats:
		r = check.Result{Status: check.Warn, Failure: check.Loss}
		r.Summary = fmt.Sprintf("%d of %d connections had to repeat a packet that was lost", late, total)
	default:
		r = check.Result{Status: check.Pass, Summary: fmt.Sprintf("%d of %d at once", total-late, total)}
	}
	r.Attempts = attempts
	if repeats > 0 {
		r.With("repeated", "%d packets of %d connections (TCP_INFO)", repeats, total)
	}
	return r
}
