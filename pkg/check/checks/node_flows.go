package checks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// maxFlows is how many flows one task looks up.
const maxFlows = 256

// Flow is a connection to be looked up in a node's connection tracking, as its sender
// sees it: to a service by its ClusterIP.
type Flow struct {
	Protocol facts.Protocol `json:"protocol"`
	Src      netip.AddrPort `json:"src"`
	Dst      netip.AddrPort `json:"dst"`
}

// flowsParams are the flows to look up.
type flowsParams struct {
	Flows []Flow `json:"flows"`
	// Within is how long ago the first of them was sent; 0 when that is not known.
	Within check.Duration `json:"within,omitempty"`
	// Tunnels asks who sent packets through the tunnels that end here as well.
	Tunnels bool `json:"tunnels,omitempty"`
}

// flowSlack is what the ages of flows, which are known to the second, may be off by.
const flowSlack = 3 * time.Second

// older reports whether an entry is one that another connection from the same port left
// behind, as ports are used again long before their entries are gone.
func (p flowsParams) older(f facts.Flow, timeouts netsys.FlowTimeouts) (idle time.Duration, older bool) {
	idle, known := timeouts.Idle(f)
	return idle, known && p.Within > 0 && idle > p.Within.D()+flowSlack
}

func init() {
	Registry.Add(check.Define(check.Spec[flowsParams]{
		ID:      "node.flows",
		Area:    "node",
		Summary: "looks flows up in connection tracking: where the kernel sent them (a second look, after a probe's packets)",
		Needs:   []check.Capability{check.NetAdmin},
		// Flows are known only once something was sent; see WitnessTasks.
		Plan: func(*facts.Facts) []check.Planned[flowsParams] { return nil },
		Run: func(ctx context.Context, _ check.Task, p flowsParams) check.Result {
			timeouts := netsys.SystemFlowTimeouts()
			r := withTunnelled(ctx, lookUp(ctx, p, timeouts, netsys.LookupFlow), p, timeouts)
			return aside(r, tracked(r), pastKernel(), fmt.Sprintf("none of %d flows is in it", len(p.Flows)))
		},
	}))
}

// lookUp asks connection tracking for each flow. A reading: what a flow's fate means is
// for the causes to say.
func lookUp(ctx context.Context, p flowsParams, timeouts netsys.FlowTimeouts, ask func(string, netip.AddrPort, netip.AddrPort) (facts.Flow, error)) check.Result {
	var r check.Result
	flows := p.Flows
	k := facts.Kernel{}
	found := 0
	for i, f := range flows {
		if i == maxFlows || ctx.Err() != nil {
			r.With("not looked up", "%d more flows", len(flows)-i)
			break
		}
		flow, err := ask(strings.ToLower(string(f.Protocol)), f.Src, f.Dst)
		switch {
		case errors.Is(err, syscall.EPERM):
			return check.Skipf("--profile netadmin", "connection tracking may not be asked here: NET_ADMIN is not held over this network namespace")
		case errors.Is(err, netsys.ErrUnsupported), errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.EPROTONOSUPPORT):
			return check.Skipf("", "this kernel does not let connection tracking be asked (no ctnetlink): %v", err)
		case err != nil:
			r.With(flowName(f), "%v", err)
			continue
		}
		if idle, older := p.older(flow, timeouts); flow.Found && older {
			r.With(flowName(f), "not tracked: the entry with its port is of an older connection, idle for %d s", int(idle.Seconds()))
			k.Flows = append(k.Flows, facts.Flow{Protocol: flow.Protocol, Orig: flow.Orig})
			continue
		}
		k.Flows = append(k.Flows, flow)
		if flow.Found {
			found++
		}
		r.With(flowName(f), "%s", describeFlow(flow))
	}
	if len(flows) == 0 {
		return check.Skipf("", "there is no flow to look up")
	}
	r.Status, r.Kernel = check.Pass, &k
	r.Summary = fmt.Sprintf("%d of %d flows are tracked", found, len(k.Flows))
	return r
}

func flowName(f Flow) string {
	return fmt.Sprintf("%s %s to %s", strings.ToLower(string(f.Protocol)), f.Src, f.Dst)
}

// describeFlow is a flow's fate in words: "sent to 10.244.2.7:8080, no answer,
// SYN_SENT".
func describeFlow(f facts.Flow) string {
	if !f.Found {
		return "not tracked"
	}
	parts := []string{"not translated"}
	if f.DstNAT {
		parts[0] = "sent to " + f.SentTo().String()
	}
	if f.SrcNAT {
		parts = append(parts, "seen as "+f.SeenAs().String())
	}
	if f.SeenReply {
		parts = append(parts, "answered")
	} else {
		parts = append(parts, "no answer")
	}
	if f.State != "" {
		parts = append(parts, f.State)
	}
	if f.Packets != nil {
		parts = append(parts, fmt.Sprintf("%d packets there, %d back", f.Packets.Orig, f.Packets.Reply))
	}
	return strings.Join(parts, ", ")
}
