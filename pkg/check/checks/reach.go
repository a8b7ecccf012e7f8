package checks

import (
	"context"
	"net/netip"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// reachParams is what a task needs that tries to reach one port.
type reachParams struct {
	Protocol facts.Protocol `json:"protocol"`
	Peer     dial.Peer      `json:"peer"`
	Talk     dial.Talk      `json:"talk,omitzero"`
	// Soft makes failures warnings: nobody asked for this target.
	Soft bool `json:"soft,omitempty"`
	// NoBackend says that the API knows nobody ready behind the address.
	NoBackend bool `json:"noBackend,omitempty"`
	// Sidecar is the mesh container that stands between the vantage pod and its peers.
	Sidecar string `json:"sidecar,omitempty"`
}

// reach tries one port as often as the task says, each time from a new source port.
// The first attempt over TCP also listens where nothing can be asked.
func reach(ctx context.Context, t check.Task, p reachParams) check.Result {
	if p.Protocol != facts.TCP && p.Protocol != facts.UDP {
		return check.Skipf("", "%s cannot be spoken by the probe", dial.Clean(string(p.Protocol), 20))
	}
	return judgeReach(&p, tryReach(ctx, &p, t.Attempts, t.Timeout.D()))
}

// tryReach makes the attempts. It has a small frame: see probe.launch.
func tryReach(ctx context.Context, p *reachParams, attempts int, timeout time.Duration) []dial.Try {
	try := func(ctx context.Context, i int) dial.Try {
		return dial.TCP(ctx, dial.TCPOptions{Peer: p.Peer, Talk: p.Talk}, i == 0)
	}
	if p.Protocol == facts.UDP {
		try = func(ctx context.Context, _ int) dial.Try { return dial.UDP(ctx, p.Peer, p.Talk) }
	}
	blame := watchNeighbour(p.Peer.Addr.Addr(), timeout)
	blameFilter := watchOwnFilter(p.Protocol, p.Peer.Addr)
	tries := dial.Attempts(ctx, attempts, timeout, try)
	blame(tries)
	blameFilter(tries)
	return tries
}

func judgeReach(p *reachParams, tries []dial.Try) check.Result {
	seeThrough(p.Sidecar, tries)
	r := dial.Summarise(tries)
	if skipped, ok := unproven(p.Sidecar, r); ok && p.Protocol == facts.TCP {
		return skipped
	}
	if p.NoBackend {
		r.With("ready endpoints", "0")
		if r.Failure == check.Refused || r.Failure == check.Timeout {
			r.Meaning = "nobody ready stands behind this address, so the nodes' rules reject or drop what is sent to it"
		}
	}
	return soften(r, p.Soft)
}

// soften makes a warning of a failure that nobody asked about.
func soften(r check.Result, soft bool) check.Result {
	if soft && r.Status == check.Fail {
		r.Status = check.Warn
	}
	return r
}

// addrPeer is the peer at an address.
func addrPeer(addr netip.AddrPort) dial.Peer { return dial.Peer{Addr: addr} }
