package checks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// maxPinged is how many endpoints of one service are pinged: their ports are tried
// all the same, the ping only tells a dead pod from a dead port.
const maxPinged = 64

// standInWait is how long an answer to the datagram of standIn is waited for.
const standInWait = 500 * time.Millisecond

func init() {
	Registry.Add(check.Define(check.Spec[icmpParams]{
		ID:      "target.icmp",
		Area:    "target",
		Summary: "targets, and the pods behind services, answer ICMP",
		Plan:    planTargetICMP,
		Run:     runTargetICMP,
		Read:    readTargetICMP,
	}))
}

// icmpParams is whom to ping.
type icmpParams struct {
	Addr netip.Addr `json:"addr,omitzero"`
	Host string     `json:"host,omitempty"`
	// Soft makes silence a warning: others may filter ICMP there, or its ports are
	// tried as well and decide. An ICMP error is a failure all the same.
	Soft bool `json:"soft,omitempty"`
	// HasPort says that another check tries a port of the host, and tells of a name
	// that does not resolve.
	HasPort bool `json:"hasPort,omitempty"`
}

func planTargetICMP(f *facts.Facts) []check.Planned[icmpParams] {
	var tasks []check.Planned[icmpParams]
	for _, t := range f.Targets {
		title := targetTitle(f, t) + " icmp"
		switch t.Kind {
		case target.Pod, target.Workload:
			for _, pod := range t.Pods {
				// A NetworkPolicy names ports, and so drops echoes where it lets clients in.
				hasTCP := len(podPorts(t, pod, facts.TCP)) > 0
				for _, ip := range podAddrs(f, pod) {
					label := check.Label{Title: title, Target: ip.String(), Object: podObject(pod.Ref()), Subject: targetSubject(t), Asked: t.Raw}
					tasks = append(tasks, pingTask(label, ip, pod.HostNetwork || hasTCP))
				}
			}
		case target.Node, target.IP:
			for _, ip := range reachable(f, t.Addrs) {
				subject := targetSubject(t)
				label := check.Label{Title: title, Target: ip.String(), Object: subject, Subject: subject, Asked: t.Raw}
				tasks = append(tasks, pingTask(label, ip, true))
			}
		case target.Host:
			tasks = append(tasks, check.Planned[icmpParams]{
				Label:  check.Label{Title: "host icmp", Target: t.Host, Asked: t.Raw},
				Params: icmpParams{Host: t.Host, Soft: true, HasPort: t.Port != 0},
			})
		}
	}
	for _, s := range f.Services {
		pods, _ := pingedEndpoints(f, s)
		for _, e := range pods {
			label := check.Label{
				Area: "service", Title: nameFrom(f, s.Ref()) + " endpoints icmp", Target: e.Addr.String(),
				Object: podObject(*e.Pod), Subject: serviceObject(s.Ref()), Asked: s.Asked,
			}
			tasks = append(tasks, pingTask(label, e.Addr, true))
		}
	}
	return onceEach(tasks)
}

// onceEach drops service tasks for what an earlier one pings already: a pod that is a
// target and stands behind a service, or behind two. A target of its own is evidence
// for what was asked, and stays.
func onceEach(tasks []check.Planned[icmpParams]) []check.Planned[icmpParams] {
	seen := map[string]bool{}
	return slices.DeleteFunc(tasks, func(t check.Planned[icmpParams]) bool {
		again := seen[t.Target]
		seen[t.Target] = true
		return again && t.Area != ""
	})
}

func pingTask(label check.Label, addr netip.Addr, soft bool) check.Planned[icmpParams] {
	return check.Planned[icmpParams]{Label: label, Params: icmpParams{Addr: addr.Unmap(), Soft: soft}}
}

// reachable are the addresses of families that the vantage point has; all of them
// when that leaves none, since then the missing route is the answer.
func reachable(f *facts.Facts, addrs []netip.Addr) []netip.Addr {
	var list []netip.Addr
	for _, a := range addrs {
		if f.Vantage.HasFamily(a) {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return addrs
	}
	return list
}

// podAddrs are the addresses to try of a pod: none of one that has ended, since its
// address may be another pod's by now.
func podAddrs(f *facts.Facts, pod facts.Pod) []netip.Addr {
	if pod.Phase == "Succeeded" || pod.Phase == "Failed" {
		return nil
	}
	return reachable(f, pod.IPs)
}

// pingedEndpoints are the ready endpoints of a service to ping, each address once,
// and how many more there are. Endpoints without a pod are somebody else's hosts.
func pingedEndpoints(f *facts.Facts, s facts.Service) (list []facts.Endpoint, more int) {
	seen := map[netip.Addr]bool{}
	for _, e := range s.Ready() {
		if e.Pod == nil || seen[e.Addr] || !f.Vantage.HasFamily(e.Addr) {
			continue
		}
		seen[e.Addr] = true
		if len(list) == maxPinged {
			more++
			continue
		}
		list = append(list, e)
	}
	return list, more
}

// readTargetICMP says which endpoints are not pinged.
func readTargetICMP(f *facts.Facts) []check.Result {
	var results []check.Result
	for _, s := range f.Services {
		pinged, more := pingedEndpoints(f, s)
		if more == 0 || f.Vantage.Profile == "" {
			continue
		}
		r := check.Skipf("", "%d of %d ready endpoints are pinged; the ports of all are tried", len(pinged), len(pinged)+more)
		r.Label = check.Label{
			Area: "service", Title: nameFrom(f, s.Ref()) + " endpoints icmp",
			Target: s.Ref().String(), Object: serviceObject(s.Ref()), Subject: serviceObject(s.Ref()),
		}
		results = append(results, r)
	}
	return results
}

func runTargetICMP(ctx context.Context, t check.Task, p icmpParams) check.Result {
	addr := p.Addr
	if p.Host != "" {
		resolved, r := resolveToPing(ctx, p)
		if r != nil {
			return *r
		}
		addr = resolved
	}
	report, err := netsys.Ping(ctx, addr, netsys.PingOptions{Count: t.Attempts, Interval: echoInterval})
	if errors.Is(err, netsys.ErrNotPermitted) {
		return standIn(ctx, addr)
	}
	if err != nil {
		return pingFailure(addr, err)
	}
	r := judgePing(report, p)
	if p.Host != "" {
		r.With("address", "%s", addr)
	}
	return r
}

// standIn asks without any right: a host that answers a UDP datagram to a closed port
// with port unreachable is as alive as one that answers an echo. Silence says nothing,
// since that answer is rate-limited (icmp(7), icmp_ratelimit) and often filtered.
func standIn(ctx context.Context, addr netip.Addr) check.Result {
	ctx, cancel := context.WithTimeout(ctx, standInWait)
	defer cancel()
	start := time.Now()
	err := netsys.Nudge(ctx, addr)
	switch kind, detail := echoFailure(err); {
	case kind == check.NoRoute:
		return failed(kind, "%s", detail)
	case errors.Is(err, netsys.ErrNoAnswer):
		return check.Skipf(unlockICMP, "ICMP is not permitted here, and no answer came to UDP at a closed port, which kernels give a few times a second only")
	case err != nil: // also a rule that rejects just this: it says nothing about ICMP
		r := pingFailure(addr, netsys.ErrNotPermitted)
		r.With("udp to a closed port", "%s", dial.Clean(err.Error(), 120))
		return r
	}
	r := check.Result{Status: check.Pass, Summary: "reachable: answers UDP to a closed port (ICMP is not permitted here)"}
	r.Attempts = []check.Attempt{{RTT: check.Duration(time.Since(start))}}
	r.With("method", "udp to a closed port")
	return r
}

// AnsweredElsewhere makes good for pings that were not permitted, or whose stand-in was
// not answered: who answered another check from the same vantage point is as reachable.
// Without it, that row would come and go with the kernels' limit on such answers.
func AnsweredElsewhere(results []check.Result) {
	type place struct {
		vantage string
		addr    netip.Addr
	}
	answered := map[place]string{}
	for _, r := range results {
		addr, ok := answerOf(r)
		if at := (place{r.Vantage, addr}); ok && answered[at] == "" {
			answered[at] = r.Check + " " + r.Target
		}
	}
	for i := range results {
		r := &results[i]
		if r.Check != "target.icmp" || r.Status != check.Skipped || r.Skip == nil || r.Skip.Unlock != unlockICMP {
			continue
		}
		addr, err := netip.ParseAddr(r.Target)
		by := answered[place{r.Vantage, addr.Unmap()}]
		if err != nil || by == "" {
			continue
		}
		r.Status, r.Skip, r.Summary = check.Pass, nil, "reachable: answers other checks (ICMP is not permitted here)"
		r.With("method", "answered %s", by)
	}
}

// answerOf is the address that a check over a port of it got an answer from.
func answerOf(r check.Result) (netip.Addr, bool) {
	if r.Status != check.Pass || r.Check != "service.endpoint" && r.Check != "target.tcp" && r.Check != "target.udp" {
		return netip.Addr{}, false
	}
	text, _, _ := strings.Cut(r.Target, " ")
	text, _, _ = strings.Cut(text, "/")
	at, err := netip.ParseAddrPort(text)
	return at.Addr().Unmap(), err == nil
}

// resolveToPing gives the first address of a host that there is a route to, or the
// result when there is none.
func resolveToPing(ctx context.Context, p icmpParams) (netip.Addr, *check.Result) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", p.Host)
	if err != nil || len(addrs) == 0 {
		r := unresolved(err, p)
		return netip.Addr{}, &r
	}
	i := slices.IndexFunc(addrs, func(a netip.Addr) bool {
		_, err := netsys.RouteTo(a)
		return err == nil
	})
	return addrs[max(i, 0)].Unmap(), nil
}

func unresolved(err error, p icmpParams) check.Result {
	host := dial.Clean(p.Host, 80)
	if p.HasPort {
		return check.Skipf("", "%s does not resolve", host)
	}
	var dnsErr *net.DNSError
	errors.As(err, &dnsErr)
	switch {
	case dnsErr != nil && dnsErr.IsNotFound:
		return failed(check.NXDomain, "%s does not resolve: no such name", host)
	case dnsErr != nil && dnsErr.IsTimeout:
		return failed(check.Timeout, "%s does not resolve: the DNS servers do not answer", host)
	}
	return failed(check.ServFail, "%s does not resolve: %s", host, dial.Clean(fmt.Sprint(err), 120))
}

// judgePing is pure: what became of echoes, in a result. Some lost are a warning;
// silence may be a filter's, and its weight depends on whom was asked.
func judgePing(report netsys.PingReport, p icmpParams) check.Result {
	r := dial.Summarise(echoTries(report))
	answered := report.Answered()
	if r.Status == check.Fail && (answered > 0 || p.Soft && r.Failure == check.Timeout) {
		r.Status = check.Warn
	}
	if answered == 0 && r.Failure == check.Timeout {
		r.Meaning = "the address is gone, packets are lost on the way, or a firewall or NetworkPolicy drops ICMP"
	}
	r.With("method", "%s", report.Method)
	return r
}
