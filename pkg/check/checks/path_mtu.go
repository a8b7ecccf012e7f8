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
	"github.com/netlook/kubectl-netlook/pkg/target"
)

const (
	// mtuTimeout is a measurement's own deadline: finding a black hole through a peer
	// that answers once a second takes longer than a connect may.
	mtuTimeout = 7 * time.Second
	// maxPaths bounds how many paths are measured: what is between nodes is the same
	// for all pods behind them.
	maxPaths = 16
)

func init() {
	Registry.Add(check.Define(check.Spec[mtuParams]{
		ID:      "path.mtu",
		Area:    "path",
		Summary: "packets as large as the interface promises arrive at the targets, and at one endpoint of each service on each node",
		Plan:    planPathMTU,
		Run:     runPathMTU,
	}))
}

// mtuParams is the far end of a path.
type mtuParams struct {
	Addr netip.Addr `json:"addr,omitzero"`
	// Host is a name that the probe resolves, instead of Addr.
	Host string `json:"host,omitempty"`
}

// mtuPlan collects the paths to measure, each once.
type mtuPlan struct {
	facts *facts.Facts
	home  string // the vantage point's node
	seen  map[string]bool
	tasks []check.Planned[mtuParams]
}

func planPathMTU(f *facts.Facts) []check.Planned[mtuParams] {
	p := mtuPlan{facts: f, seen: map[string]bool{}}
	switch {
	case f.Vantage.Node != nil:
		p.home = f.Vantage.Node.Name
	case f.Vantage.Pod != nil:
		p.home = f.Vantage.Pod.Node
	}
	for _, t := range f.Targets {
		switch t.Kind {
		case target.Pod, target.Workload:
			for _, pod := range t.Pods {
				for _, ip := range podAddrs(f, pod) {
					p.add("target "+t.Raw, pod.Node, ip, check.Label{Object: podObject(pod.Ref()), Asked: t.Raw})
				}
			}
		case target.Host:
			p.host(t)
		case target.URL:
			if p.host(t); t.Addr.IsValid() {
				p.add("target "+t.Raw, "", t.Addr, check.Label{Asked: t.Raw})
			}
		case target.Node, target.IP:
			for _, ip := range t.Addrs {
				p.add("target "+t.Raw, "", ip, check.Label{Object: targetSubject(t), Asked: t.Raw})
			}
		}
	}
	for _, s := range f.Services {
		p.service(s)
	}
	if f.DNS.Service != nil {
		p.service(*f.DNS.Service)
	}
	return p.tasks
}

// host adds the host that a target names, if it does.
func (p *mtuPlan) host(t facts.Target) {
	if t.Host == "" || p.seen[t.Host] || len(p.tasks) >= maxPaths {
		return
	}
	p.seen[t.Host] = true
	p.tasks = append(p.tasks, check.Planned[mtuParams]{
		Label:   check.Label{Title: "mtu", Target: t.Host, Asked: t.Raw},
		Timeout: mtuTimeout,
		Params:  mtuParams{Host: t.Host},
	})
}

// service adds one ready endpoint on each node.
func (p *mtuPlan) service(s facts.Service) {
	for _, e := range s.Ready() {
		label := check.Label{Asked: s.Asked}
		if e.Pod != nil {
			label.Object = podObject(*e.Pod)
		}
		group := "service " + s.Ref().String()
		if e.Node != "" && e.Node == p.home {
			group = "any service" // one endpoint on the own node is enough
		}
		p.add(group, e.Node, e.Addr, label)
	}
}

// add plans a path unless one like it was: in the group to the same node and family,
// or in any group to the same address.
func (p *mtuPlan) add(group, node string, addr netip.Addr, label check.Label) {
	addr = addr.Unmap()
	if !p.facts.Vantage.HasFamily(addr) || p.own(addr) || len(p.tasks) >= maxPaths {
		return
	}
	// What is on no node, or on one that is not known, is one path for the whole group.
	keys := []string{group + " " + node + " " + netsys.Family(addr), addr.String()}
	for _, key := range keys {
		if p.seen[key] {
			return
		}
	}
	for _, key := range keys {
		p.seen[key] = true
	}
	label.Title, label.Target = "mtu", addr.String()
	p.tasks = append(p.tasks, check.Planned[mtuParams]{
		Label:   label,
		Timeout: mtuTimeout,
		Params:  mtuParams{Addr: addr},
	})
}

func (p *mtuPlan) own(addr netip.Addr) bool {
	for _, ip := range p.facts.Vantage.IPs() {
		if ip.Unmap() == addr {
			return true
		}
	}
	return false
}

func runPathMTU(ctx context.Context, _ check.Task, p mtuParams) check.Result {
	addr, tries := p.Addr, 2
	if p.Host != "" {
		tries = 1 // most hosts outside answer nothing of the kind: not worth a wait
		resolved, r := resolveToPing(ctx, icmpParams{Host: p.Host, HasPort: true})
		if r != nil {
			return *r
		}
		addr = resolved
	}
	report, err := netsys.PathMTU(ctx, addr, tries)
	if err != nil {
		return pingFailure(addr, err)
	}
	r := judgePathMTU(report)
	if p.Host == "" {
		return r
	}
	r.With("address", "%s", addr)
	switch report.Verdict {
	case netsys.PathSignalled:
		// Networks outside have the MTUs they have, and this one says so.
		r.Status, r.Failure, r.Meaning = check.Pass, "", ""
	case netsys.PathBlackHole:
		r.Meaning = "large packets to this host vanish, or its firewall filters just large echoes: a URL that answers with more than a page tells"
	}
	return soften(r, true)
}

// judgePathMTU is pure: a measurement, in a result.
func judgePathMTU(m netsys.PathReport) check.Result {
	var r check.Result
	promise := fmt.Sprintf("interface %s promises %d", dial.Clean(m.Route.Link.Name, 32), m.Promise)
	switch m.Verdict {
	case netsys.PathFull:
		r.Status = check.Pass
		r.Summary = fmt.Sprintf("%d = interface MTU", m.Promise)
		if m.Promise != m.Route.Link.MTU {
			r.Summary = fmt.Sprintf("%d = route MTU", m.Promise)
		}
	case netsys.PathSignalled:
		r.Status, r.Failure = check.Warn, check.MTU
		r.Summary = fmt.Sprintf("path MTU %d, but %s; %s says so, and the kernel adapts", m.Largest, promise, m.By)
		r.Meaning = "a link on the way is smaller than the interface: it works as long as nobody filters the ICMP that says so, but large packets pay for it"
	case netsys.PathBlackHole:
		r.Status, r.Failure = check.Fail, check.MTU
		r.Summary = fmt.Sprintf("packets of %d bytes vanish without a word, %d arrive, but %s", m.Vanishes, m.Largest, promise)
	default:
		reason := "cannot be measured: " + m.Reason
		if m.Route.Local {
			reason = m.Reason
		}
		r = check.Skipf("", "%s", reason)
	}
	r.With("interface", "%s, MTU %d", dial.Clean(m.Route.Link.Name, 32), m.Route.Link.MTU)
	if m.Promise != m.Route.Link.MTU && !m.Route.Local {
		r.With("route MTU", "%d", m.Promise)
	}
	if m.Largest > 0 {
		r.With("path MTU", "%s", atLeast(m))
	}
	if m.Vanishes > 0 {
		r.With("vanishes", "%d bytes, without an ICMP error (black hole)", m.Vanishes)
	}
	if m.By.IsValid() {
		r.With("said by", "%s", m.By)
	}
	if m.Route.Cached > 0 {
		r.With("learned before", "%d", m.Route.Cached)
	}
	if m.Method != "" {
		r.With("method", "%s", m.Method)
	}
	if m.Lost > 0 {
		r.With("lost", "%d packets of sizes that do pass", m.Lost)
	}
	if m.RTT > 0 {
		// The fastest answer, where round trips are looked for. It did arrive, whatever
		// became of larger packets.
		r.Attempts = []check.Attempt{{RTT: check.Duration(m.RTT)}}
	}
	return r
}

// atLeast is the path MTU as far as it is known: exactly, or between two sizes tried.
func atLeast(m netsys.PathReport) string {
	if m.Verdict == netsys.PathBlackHole && m.Vanishes > m.Largest+1 {
		return fmt.Sprintf("at least %d, less than %d", m.Largest, m.Vanishes)
	}
	return fmt.Sprint(m.Largest)
}
