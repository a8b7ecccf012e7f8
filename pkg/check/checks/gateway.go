package checks

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[gatewayParams]{
		ID:      "gateway.icmp",
		Area:    "gateway",
		Summary: "the default gateway of the vantage point's own routing table resolves as a neighbour and answers ICMP",
		Plan:    planGateway,
		Run:     runGateway,
	}))
}

const (
	// maxGateways is how many next hops of a multipath default route are tried.
	maxGateways = 4
	// gatewayPatience is how long a gateway whose neighbour entry is confirmed may
	// stay silent: some never answer ICMP, and no run shall wait for them in vain.
	gatewayPatience = 300 * time.Millisecond
	// neighbourPoll is how often the neighbour table is read meanwhile.
	neighbourPoll = 20 * time.Millisecond
)

// gatewayParams name the family whose default route is looked at.
type gatewayParams struct {
	Family string `json:"family"`
	// Known says that the vantage point has an address of the family, by the API.
	Known bool `json:"known,omitempty"`
	// Pod tells a pod from a node.
	Pod bool `json:"pod,omitempty"`
}

func planGateway(f *facts.Facts) []check.Planned[gatewayParams] {
	known := map[string]bool{}
	for _, ip := range f.Vantage.IPs() {
		known[netsys.Family(ip)] = true
	}
	var tasks []check.Planned[gatewayParams]
	for _, family := range []string{netsys.IPv4, netsys.IPv6} {
		if len(known) > 0 && !known[family] {
			continue
		}
		tasks = append(tasks, check.Planned[gatewayParams]{
			Label:  check.Label{Title: "icmp"},
			Key:    family,
			Params: gatewayParams{Family: family, Known: known[family], Pod: f.Vantage.Kind == facts.VantagePod},
		})
	}
	return tasks
}

func runGateway(ctx context.Context, t check.Task, p gatewayParams) check.Result {
	all, err := netsys.DefaultGateways(p.Family)
	if err != nil {
		return check.Errorf("%v", err)
	}
	if len(all) == 0 {
		return noDefaultRoute(p)
	}
	gateways := distinctGateways(all)
	if len(gateways) == 0 {
		r := check.Skipf("", "the default route leads straight to device %s, without a gateway", all[0].Dev)
		r.Target = p.Family
		return r
	}
	results := make([]check.Result, len(gateways))
	var wg sync.WaitGroup
	for i, g := range gateways {
		wg.Go(func() { results[i] = judgeGateway(g, probeGateway(ctx, g, t.Attempts)) })
	}
	wg.Wait()
	return foldGateways(results)
}

// distinctGateways are the first few different next hops.
func distinctGateways(all []netsys.Gateway) []netsys.Gateway {
	var list []netsys.Gateway
	for _, g := range all {
		known := slices.ContainsFunc(list, func(o netsys.Gateway) bool { return o.Addr == g.Addr && o.Index == g.Index })
		if g.Addr.IsValid() && !known && len(list) < maxGateways {
			list = append(list, g)
		}
	}
	return list
}

// noDefaultRoute judges a family without one. A pod needs a way to the service
// addresses; a node may well live in one network only.
func noDefaultRoute(p gatewayParams) check.Result {
	links, err := netsys.Links()
	if err != nil {
		return check.Errorf("%v", err)
	}
	routes, err := netsys.Routes()
	if err != nil {
		return check.Errorf("%v", err)
	}
	return judgeNoDefaultRoute(p, links, routes)
}

// gatewaySeen is what was seen of one gateway.
type gatewaySeen struct {
	ping    netsys.PingReport
	pingErr error // why no ping could be sent
	nudge   error // of the UDP datagram sent instead: nil for an answer
	entry   netsys.NeighbourEntry
	readErr error // of the neighbour table
}

// probeGateway pings a gateway, or where that is not permitted sends it a datagram,
// and reads what the neighbour table says then.
func probeGateway(ctx context.Context, g netsys.Gateway, attempts int) gatewaySeen {
	var seen gatewaySeen
	sending, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		seen.ping, seen.pingErr = netsys.Ping(sending, g.Addr, netsys.PingOptions{Count: attempts, Interval: echoInterval})
		if seen.pingErr != nil {
			seen.nudge = netsys.Nudge(sending, g.Addr)
		}
	}()
	poll := time.NewTicker(neighbourPoll)
	defer poll.Stop()
	for began, waiting := time.Now(), true; waiting; {
		select {
		case <-done:
			waiting = false
		case <-poll.C:
			// The entry can decide when nothing answers: no need to wait any longer.
			entry, err := netsys.Neighbour(g.Addr, g.Index)
			if err == nil && (entry.Confirmed() || entry.State == "failed") && time.Since(began) >= gatewayPatience {
				cancel()
			}
		}
	}
	seen.entry, seen.readErr = netsys.Neighbour(g.Addr, g.Index)
	return seen
}

// familyName is a family as people write it.
func familyName(family string) string {
	if family == netsys.IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// globalAddrs are the addresses of a family on links, without loopback and
// link-local ones.
func globalAddrs(links []facts.Link, family string) []netip.Prefix {
	var list []netip.Prefix
	for _, l := range links {
		for _, text := range l.Addrs {
			p, err := netip.ParsePrefix(text)
			if err == nil && netsys.Family(p.Addr()) == family && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() {
				list = append(list, p)
			}
		}
	}
	return list
}

// fewOf lists the first few of many.
func fewOf(list []string) string {
	if more := len(list) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:maxNamed], ", "), more)
	}
	return strings.Join(list, ", ")
}
