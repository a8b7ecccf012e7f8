package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-UPSTREAM",
		Summary: "the servers that CoreDNS forwards to never answer: names outside the cluster do not resolve",
		Signal:  "Each DNS server of the cluster answers for the cluster's own names, and none for a name outside; the servers in the Corefile's forward, asked from CoreDNS's node, do not answer. From a pod, silence says less: it may not be let through to them.",
		Meaning: "Everything inside works. What leaves the cluster by name waits for the resolver's timeout, or is told SERVFAIL.",
		Confirm: []string{"kubectl -n kube-system get configmap coredns -o jsonpath='{.data.Corefile}'", "kubectl -n kube-system logs -l k8s-app=kube-dns --tail=20 (read udp ...: i/o timeout)", "kubectl netlook dns NAME --deep"},
		Remedy:  []string{"mend the way to the servers, or the firewall in front of them, for UDP and TCP 53", "kubectl -n kube-system edit configmap coredns: forward . SERVERS that answer"},
		Source:  "https://coredns.io/plugins/forward/; https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/",
		Find:    findUpstream,
	})
}

func findUpstream(c *diagnose.Case) []diagnose.Finding {
	home := c.Facts.Vantage.String()
	// A cluster without a way out is no trouble, unless somebody asks about it.
	if len(c.Facts.Ask.Names) == 0 && c.Facts.Ask.ExternalDefault || c.CutOff(home) {
		return nil
	}
	near, far := upstreams(c)
	measured := len(near.silent) > 0 && len(near.answer) == 0
	if failed := outsideNames(c, home); len(failed) > 0 && (measured || !resolvesOutside(c, home)) {
		return upstreamOut(c, failed, near, far)
	}
	if len(near.silent) == 0 {
		return nil
	}
	return []diagnose.Finding{{
		Headline:   fmt.Sprintf("%d of the %d servers that CoreDNS forwards to never answer", len(near.silent), len(near.silent)+len(near.answer)),
		Confidence: diagnose.Certain,
		Where:      near.silent,
		Evidence:   append(seenAll(near.results), "asked from CoreDNS's own place; names outside resolve all the same"),
		Explains:   diagnose.Keys(near.results),
		Likely:     "the server is gone, or a firewall drops what CoreDNS's node sends to it",
		Try:        []string{"kubectl -n kube-system get configmap coredns -o jsonpath='{.data.Corefile}'"},
		Rank:       rankService,
	}}
}

// asked is what came of asking upstream servers.
type asked struct {
	silent, answer []string // servers, each once
	results        []check.Result
}

// upstreams sorts the servers that answer on neither transport from those that do: near
// from CoreDNS's node or pod, far from anywhere else.
func upstreams(c *diagnose.Case) (near, far asked) {
	type key struct{ vantage, server string }
	answers := map[key]bool{}
	var order []key
	by := map[key][]check.Result{}
	for _, r := range c.Find(diagnose.Match{Check: "dns.upstream"}) {
		if len(r.Attempts) == 0 {
			continue // not asked
		}
		server, _, _ := strings.Cut(r.Target, " ")
		k := key{r.Vantage, server}
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], r)
		answers[k] = answers[k] || r.Lost() < len(r.Attempts)
	}
	for _, k := range order {
		into := &near
		if slices.ContainsFunc(by[k], func(r check.Result) bool { return r.Status == check.Skipped }) || !c.AtDNS(k.vantage) {
			into = &far
		}
		text := k.server + " from " + k.vantage
		if answers[k] {
			into.answer = append(into.answer, text)
			continue
		}
		into.silent = append(into.silent, text)
		into.results = append(into.results, by[k]...)
	}
	return near, far
}

// outsideNames are the questions for names outside the cluster that went to DNS servers
// which answer for the cluster's own names; empty unless none of them was answered.
func outsideNames(c *diagnose.Case, home string) []check.Result {
	well := map[netip.Addr]bool{}
	for _, r := range c.Find(diagnose.Match{Check: "dns.cluster", Vantage: home}) {
		if addr, ok := diagnose.TargetAddr(r); ok && r.Vantage == home {
			known := well[addr]
			if _, seen := well[addr]; !seen {
				known = true
			}
			well[addr] = known && r.Status == check.Pass
		}
	}
	var lost []check.Result
	for _, r := range c.Find(diagnose.Match{Check: "dns.external", Vantage: home}) {
		addr, ok := diagnose.TargetAddr(r)
		switch {
		case r.Vantage != home || !ok || !well[addr]:
			continue
		case !diagnose.Bad(r) || !allFailures(r, check.Timeout, check.Silent, check.Undelivered, check.ServFail):
			return nil
		}
		lost = append(lost, r)
	}
	return lost
}

// resolvesOutside reports whether a name that was asked about has an address, and is none
// of the cluster's own: in a network without a way out, the servers of the site know its
// names, and time out over those of the world.
func resolvesOutside(c *diagnose.Case, home string) bool {
	for _, r := range c.Find(diagnose.Match{Check: "dns.trace", Vantage: home}) {
		if r.Vantage != home || value(r, "IPv4")+value(r, "IPv6") == "" {
			continue // without an address the trace does not tell of families
		}
		last := ""
		for _, e := range r.Evidence {
			if strings.HasPrefix(e.Key, "query ") {
				last, _, _ = strings.Cut(e.Value, " ")
			}
		}
		if last != "" && !strings.Contains(last, ".svc.") {
			return true
		}
	}
	return false
}

// upstreamOut is the finding where no name outside resolves.
func upstreamOut(c *diagnose.Case, failed []check.Result, near, far asked) []diagnose.Finding {
	f := diagnose.Finding{
		Headline:   "CoreDNS gets no answer from the servers that it forwards to: no name outside the cluster resolves",
		Confidence: diagnose.Likely,
		Where:      append(slices.Clone(near.silent), far.silent...),
		Evidence:   append(seenAll(failed), "the same DNS servers answer for the cluster's own names"),
		Explains:   append(namesFailing(c), diagnose.Keys(near.results)...),
		Try: []string{
			"kubectl -n kube-system get configmap coredns -o jsonpath='{.data.Corefile}'",
			"kubectl -n kube-system logs -l k8s-app=kube-dns --tail=20",
		},
		Rank: rankService,
	}
	timeouts := slices.ContainsFunc(failed, func(r check.Result) bool {
		return r.Failure == check.Timeout || r.Failure == check.Silent || r.Failure == check.Undelivered
	})
	switch {
	case len(near.silent) > 0 && len(near.answer) == 0:
		f.Headline = fmt.Sprintf("none of the servers that CoreDNS forwards to answers (%d asked from its own place): no name outside the cluster resolves", len(near.silent))
		f.Confidence, f.Rank = diagnose.Certain, rankMeasured
		f.Evidence = append(f.Evidence, seenAll(near.results)...)
		f.Likely = "the servers are gone, or what is between them and CoreDNS's node drops UDP and TCP 53"
	case len(near.answer) > 0:
		// They are there: CoreDNS's pods do not get to them, or their answers not back.
		f.Confidence = diagnose.Possible
		f.Evidence = append(f.Evidence, "they answer: "+strings.Join(near.answer[:min(len(near.answer), mostPlaces)], ", "))
		f.Likely = "CoreDNS's pods do not get through to them: a NetworkPolicy, or the way out of pods"
	case len(far.answer) > 0:
		f.Confidence = diagnose.Possible
		f.Evidence = append(f.Evidence, "they answer: "+strings.Join(far.answer[:min(len(far.answer), mostPlaces)], ", "))
		f.Likely = "CoreDNS's nodes or pods do not get through to them, and others do"
	case !timeouts || wayOutLost(c):
		f.Confidence = diagnose.Possible // the name's own servers may fail, or the way out for all
	default:
		f.Likely = "the servers are gone or unreachable from CoreDNS's nodes; --deep asks them from there"
		if len(far.silent) > 0 {
			f.Evidence = append(f.Evidence, fmt.Sprintf("asked from here, %s: no answer either, but a pod may not be let through to them", strings.Join(far.silent[:min(len(far.silent), mostPlaces)], ", ")))
		}
	}
	return []diagnose.Finding{f}
}

// wayOutLost reports whether nobody outside answers the vantage point, whatever is asked
// and without a name.
func wayOutLost(c *diagnose.Case) bool {
	lost := false
	for _, r := range c.Results {
		addr, ok := diagnose.TargetAddr(r)
		if !ok || !c.Outside(addr) || r.Vantage != c.Facts.Vantage.String() || len(r.Attempts) == 0 || strings.HasPrefix(r.Check, "dns.") {
			continue
		}
		if r.Status == check.Pass {
			return false
		}
		lost = true
	}
	return lost
}
