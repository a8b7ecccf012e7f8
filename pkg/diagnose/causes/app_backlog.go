package causes

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-APP-BACKLOG",
		Summary: "the queue of a listening socket is full: the application accepts no more connections",
		Signal:  "The kernel of the pod has more connections waiting on the listening socket than it may have, at each look of a second, and drops the SYNs that come. Seen by a probe inside the pod: the vantage pod's own, or one that --deep puts into a pod whose port never answers. It is certain where a check of that port fails; else the application may be slow only.",
		Meaning: "Clients time out as if a rule dropped their packets, while the process still listens; those already in the queue were connected, and hear nothing. Other ports of the pod work.",
		Confirm: []string{"ss -ltn (in the pod: Recv-Q is above Send-Q)", "nstat -az TcpExtListenOverflows TcpExtListenDrops (in the pod, twice)"},
		Remedy:  []string{"kubectl -n NAMESPACE delete pod POD", "find what the application's workers wait for; give it more of them, and a liveness probe that asks this port"},
		Source:  "listen(2), backlog; net/ipv4/tcp_input.c, tcp_conn_request: a SYN is dropped where sk_acceptq_is_full; sock_diag(7)",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "listen queue full"},
		Find:    findBacklog,
	})
}

func findBacklog(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, l := range c.Find(diagnose.Match{Check: "pod.backlog", Status: failing, Failure: []check.Failure{check.QueueFull}}) {
		if l.Kernel == nil || len(l.Kernel.FullQueues) == 0 {
			continue
		}
		// In the queue, or in front of it.
		var victims []check.Result
		for _, r := range c.Find(diagnose.Match{Object: l.Object, Status: failing, Failure: []check.Failure{check.Timeout, check.Silent, check.Undelivered}}) {
			at, protocol, ok := diagnose.TargetPort(r)
			if ok && protocol == facts.TCP && queueOf(l.Kernel.FullQueues, at) >= 0 {
				victims = append(victims, r)
			}
		}
		q := l.Kernel.FullQueues[0]
		if len(victims) > 0 {
			at, _, _ := diagnose.TargetPort(victims[0])
			q = l.Kernel.FullQueues[queueOf(l.Kernel.FullQueues, at)]
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("the listen queue of %s in %s is full: the application accepts no connections", q.At, l.Object),
			Confidence: diagnose.Likely,
			Where:      places(c, victims),
			Evidence:   append(seenAll(victims), "from inside: "+l.Summary, "looked "+value(l, "looked")),
			Explains:   c.Through(append(diagnose.Keys(victims), diagnose.Key(l))),
			Likely:     "the process is stopped or stuck, or all its workers wait for something",
			Rank:       rankMeasured,
		}
		if len(victims) > 0 {
			f.Confidence = diagnose.Certain
		} else {
			f.Headline = fmt.Sprintf("the listen queue of %s in %s is full: the application accepts no connections, or too few", q.At, l.Object)
			f.Likely += ", or more connections come than it accepts"
		}
		if len(f.Where) == 0 {
			f.Where = []string{l.Object}
		}
		if n := value(l, "ListenOverflows"); n != "" {
			f.Evidence = append(f.Evidence, "connections dropped for want of room (ListenOverflows): "+n)
		}
		if namespace, pod := namespaced(l.Object); namespace != "" {
			f.Try = []string{
				fmt.Sprintf("kubectl netlook shell %s -n %s -- ss -ltn", pod, namespace),
				fmt.Sprintf("kubectl -n %s logs %s --tail=20", namespace, pod),
				fmt.Sprintf("kubectl -n %s delete pod %s", namespace, pod),
			}
		}
		if len(victims) == 0 && onNodesNetwork(c, l.Object) { // it is anybody's there
			f.Headline = fmt.Sprintf("the listen queue of %s, on the node's network as %s sees it, is full: some process there accepts no connections", q.At, l.Object)
			f.Try = f.Try[:min(len(f.Try), 1)] // the pod is not known to be at fault
		}
		findings = append(findings, f)
	}
	return append(findings, overflows(c)...)
}

// queueOf is the index of the queue that connections to an address wait in, -1 for none.
func queueOf(queues []facts.ListenQueue, at netip.AddrPort) int {
	return slices.IndexFunc(queues, func(q facts.ListenQueue) bool {
		l, err := netip.ParseAddrPort(q.At)
		return err == nil && l.Port() == at.Port() && (l.Addr().IsUnspecified() || l.Addr().Unmap() == at.Addr().Unmap())
	})
}

// onNodesNetwork reports whether a pod is known to be on its node's network.
func onNodesNetwork(c *diagnose.Case, object string) bool {
	if pod := c.Facts.Vantage.Pod; pod != nil && pod.HostNetwork && object == c.Facts.Vantage.String() {
		return true
	}
	return slices.ContainsFunc(c.Facts.Services, func(s facts.Service) bool {
		return slices.ContainsFunc(s.Endpoints, func(e facts.Endpoint) bool {
			return e.Pod != nil && "pod/"+e.Pod.String() == object && c.HostOfAddr(e.Addr.Unmap()) != ""
		})
	})
}
