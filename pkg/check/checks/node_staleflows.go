package checks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

const (
	// maxStaleServices is how many services' UDP ports are held against conntrack, and
	// maxStaleFlows how many flows that go astray are kept.
	maxStaleServices = 200
	maxStaleFlows    = 32
	// staleInUse is how long ago the last packet of a flow may have passed: what nobody
	// uses any more harms nobody, and is gone in two minutes.
	staleInUse = 10 * time.Second
)

func init() {
	Registry.Add(check.Define(check.Spec[staleParams]{
		ID:      "node.staleflows",
		Area:    "node",
		Summary: "connection tracking sends no UDP flow of a service to an address that is not its endpoint",
		Needs:   []check.Capability{check.NetAdmin},
		Plan:    planStaleFlows,
		Run:     runStaleFlows,
	}))
}

// staleParams are the services' UDP ports and the addresses behind them.
type staleParams struct {
	Services []staleService `json:"services"`
}

type staleService struct {
	Ref       string           `json:"ref"`
	VIPs      []netip.AddrPort `json:"vips"`
	Endpoints []netip.Addr     `json:"endpoints"`
}

// planStaleFlows takes all services that have endpoints to go to instead: those in
// question and the cluster's DNS.
func planStaleFlows(f *facts.Facts) []check.Planned[staleParams] {
	if f.Vantage.Kind != facts.VantageNode {
		return nil
	}
	var p staleParams
	services := slices.Clone(f.Services)
	if dns := f.DNS.Service; dns != nil {
		services = append(services, *dns)
	}
	seen := map[facts.Ref]bool{}
	for _, s := range services {
		if s.EndpointsUnknown || len(s.Ready()) == 0 || seen[s.Ref()] || len(p.Services) == maxStaleServices {
			continue
		}
		seen[s.Ref()] = true
		entry := staleService{Ref: s.Ref().String()}
		for _, ip := range s.ClusterIPs {
			for _, port := range s.Ports {
				if port.Protocol == facts.UDP {
					entry.VIPs = append(entry.VIPs, netip.AddrPortFrom(ip.Unmap(), port.Port))
				}
			}
		}
		for _, e := range s.Endpoints {
			entry.Endpoints = append(entry.Endpoints, e.Addr.Unmap())
		}
		if len(entry.VIPs) > 0 {
			p.Services = append(p.Services, entry)
		}
	}
	if len(p.Services) == 0 {
		return nil
	}
	return []check.Planned[staleParams]{{Label: check.Label{Area: "node", Title: "stale flows"}, Attempts: 1, Params: p}}
}

func runStaleFlows(ctx context.Context, _ check.Task, p staleParams) check.Result {
	var stale []facts.Flow
	looked, timeouts := 0, netsys.SystemFlowTimeouts()
	families := map[string]bool{}
	for _, s := range p.Services {
		for _, vip := range s.VIPs {
			families[netsys.Family(vip.Addr())] = true
		}
	}
	for family := range families {
		err := netsys.EachFlow(family, func(flow facts.Flow) bool {
			looked++
			if _, astray := p.astray(flow); !astray {
				return ctx.Err() == nil
			}
			if idle, known := timeouts.Idle(flow); known && idle <= staleInUse {
				stale = append(stale, flow)
			}
			return len(stale) < maxStaleFlows && ctx.Err() == nil
		})
		switch {
		case errors.Is(err, syscall.EPERM):
			return check.Skipf("--profile netadmin", "connection tracking may not be asked here: NET_ADMIN is not held over this network namespace")
		case err != nil:
			return check.Skipf("", "connection tracking cannot be listed: %v", err)
		}
	}
	return p.judge(stale, looked)
}

// astray says to whose address a UDP flow was sent that is none of its endpoints. One
// that nothing translated is not told: no kube-proxy was there.
func (p staleParams) astray(flow facts.Flow) (ref string, astray bool) {
	if flow.Protocol != "udp" || !flow.DstNAT {
		return "", false
	}
	dst, err := netip.ParseAddrPort(flow.Orig.Dst)
	if err != nil {
		return "", false
	}
	dst = netip.AddrPortFrom(dst.Addr().Unmap(), dst.Port())
	for _, s := range p.Services {
		if slices.Contains(s.VIPs, dst) {
			return s.Ref, !slices.Contains(s.Endpoints, flow.SentTo().Addr().Unmap())
		}
	}
	return "", false
}

// judge is pure: the flows that go astray, in a result.
func (p staleParams) judge(stale []facts.Flow, looked int) check.Result {
	if len(stale) == 0 {
		return check.Result{Status: check.Pass, Summary: fmt.Sprintf("none of %d tracked flows goes astray", looked)}
	}
	r := check.Result{
		Status: check.Warn, Failure: check.Config, Kernel: &facts.Kernel{Flows: stale},
		Summary: fmt.Sprintf("%d UDP flows in use go to addresses that are no endpoints", len(stale)),
		Meaning: "whoever goes on sending from the same port is sent there for as long as it does, and hears nothing",
	}
	for i, flow := range stale {
		if i == maxDifferences {
			r.With("more", "%d", len(stale)-i)
			break
		}
		ref, _ := p.astray(flow)
		r.With(flow.Orig.Src, "to service %s at %s: sent to %s", ref, flow.Orig.Dst, flow.SentTo())
	}
	return r
}
