package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POLICY-DENIES",
		Summary: "a NetworkPolicy denies the flow, and it does not come about",
		Signal:  "The NetworkPolicies that the API shows, evaluated for this flow, isolate one of its ends and allow it by no rule; and what was sent got no answer, or was refused. Where packets pass although policies deny them, nothing enforces these here, and this is not the cause of anything.",
		Meaning: "As somebody asked for: what no rule allows is dropped at the pod, whatever service it goes through.",
		Confirm: []string{"kubectl netlook policy pod/CLIENT svc/SERVICE:PORT", "kubectl -n NAMESPACE describe networkpolicy NAME"},
		Remedy:  []string{"allow the flow: a rule with the client's labels and the pod's own port (not the service's) in ingress, and one in egress where the client is isolated too"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/network-policies/",
		Spot:    diagnose.Spot{Place: diagnose.AtPeer, Says: "policy denies"},
		Find:    findPolicyDenies,
	})
}

// deniedFlow is a flow that policies deny, and the bad results that tried it.
type deniedFlow struct {
	facts.PolicyFlow
	results []check.Result
}

// denied are the flows from the vantage pod that policies deny and that do not come
// about: none where one that they deny does, since then nothing enforces them here.
func denied(c *diagnose.Case, dns bool) []deniedFlow {
	flows := slices.DeleteFunc(slices.Clone(c.Facts.Policies.Flows), func(f facts.PolicyFlow) bool { return f.Decision.Verdict() != facts.PolicyDenied })
	tried := resultsByPort(c)
	list := deniedOutside(c, dns)
	for _, f := range flows {
		d := deniedFlow{PolicyFlow: f}
		for _, r := range tried[portKey{f.To, f.Protocol}] {
			switch {
			case diagnose.Bad(r) && allFailures(r, check.Timeout, check.Unreachable, check.Refused, check.Silent, check.Undelivered):
				d.results = append(d.results, r)
			case len(r.Attempts) > 0 && r.Lost() < len(r.Attempts):
				return nil
			}
		}
		if len(d.results) > 0 && (f.Subject == dnsSubject(c)) == dns {
			list = append(list, d)
		}
	}
	return list
}

// deniedOutside are the hosts outside the cluster that were asked for, where policies let
// nothing out.
func deniedOutside(c *diagnose.Case, dns bool) []deniedFlow {
	if dns || c.Facts.Policies.Outside == nil || c.Facts.Policies.Outside.Decision.Verdict() != facts.PolicyDenied {
		return nil
	}
	var list []deniedFlow
	for _, r := range c.Find(diagnose.Match{Check: "external.host", Vantage: c.Facts.Vantage.String(), Status: []check.Status{check.Fail}}) {
		if allFailures(r, check.Timeout, check.Unreachable, check.Refused) {
			flow := *c.Facts.Policies.Outside
			flow.Object = r.Target
			list = append(list, deniedFlow{PolicyFlow: flow, results: []check.Result{r}})
		}
	}
	return list
}

type portKey struct {
	at       netip.AddrPort
	protocol facts.Protocol
}

// resultsByPort are the vantage point's results by the port that they tried.
func resultsByPort(c *diagnose.Case) map[portKey][]check.Result {
	by := map[portKey][]check.Result{}
	for _, r := range c.Results {
		if at, protocol, ok := diagnose.TargetPort(r); ok && r.Vantage == c.Facts.Vantage.String() {
			key := portKey{netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), protocol}
			by[key] = append(by[key], r)
		}
	}
	return by
}

// enforced says how sure it is that something in this cluster enforces policies.
func enforced(c *diagnose.Case) (diagnose.Confidence, string) {
	if engine := c.Facts.Policies.Engine; engine != "" {
		return diagnose.Certain, engine + " is in this cluster, and enforces NetworkPolicies"
	}
	if c.Facts.Policies.Unenforced {
		return diagnose.Possible, "flannel itself enforces no policy: something else would have to"
	}
	return diagnose.Likely, "no flow that policies deny came about"
}

func findPolicyDenies(c *diagnose.Case) []diagnose.Finding {
	confidence, why := enforced(c)
	byPolicy := map[string]*diagnose.Finding{}
	var order []string
	for _, d := range denied(c, false) {
		who, refs := deniers(d.Decision)
		f := byPolicy[who]
		if f == nil {
			f = &diagnose.Finding{
				Headline:   fmt.Sprintf("%s denies what %s sends to %s", who, c.Facts.Vantage.String(), placeOf(d.PolicyFlow)),
				Confidence: confidence,
				Evidence:   append(d.Decision.Lines(), why),
				Likely:     nearMiss(d.Decision),
				Rank:       rankMeasured,
			}
			if d.Decision.Egress.Verdict == facts.PolicyDenied {
				f.Spot = diagnose.Spot{Place: diagnose.AtNode, Says: "policy denies"} // the own node stops it
			}
			for _, ref := range refs {
				f.Where = append(f.Where, "networkpolicy/"+ref.String())
				f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s describe networkpolicy %s", ref.Namespace, ref.Name))
			}
			byPolicy[who] = f
			order = append(order, who)
		}
		f.Evidence = append(f.Evidence, seenAll(d.results)...)
		f.Explains = append(f.Explains, diagnose.Keys(d.results)...)
		f.Explains = append(f.Explains, pingsOf(c, d.To.Addr())...)
	}
	var findings []diagnose.Finding
	for _, who := range order {
		f := *byPolicy[who]
		f.Explains = c.Through(f.Explains)
		f.Evidence = firstOf(f.Evidence, mostEvidence)
		findings = append(findings, f)
	}
	return findings
}

// mostEvidence is how many lines a finding shows.
const mostEvidence = 8

func firstOf(lines []string, most int) []string { return lines[:min(len(lines), most)] }

// deniers are the policies that deny a flow, at the end that does, and their names.
func deniers(d facts.PolicyDecision) (who string, refs []facts.Ref) {
	refs = d.Egress.Silent
	if d.Egress.Verdict != facts.PolicyDenied {
		refs = d.Ingress.Silent
	}
	names := make([]string, 0, len(refs))
	for _, ref := range refs {
		names = append(names, ref.String())
	}
	if len(names) == 1 {
		return "NetworkPolicy " + names[0], refs
	}
	return "NetworkPolicies " + strings.Join(firstOf(names, mostPlaces), ", "), refs
}

func placeOf(f facts.PolicyFlow) string {
	switch {
	case strings.HasPrefix(f.Object, "pod/"):
		return f.Object + " at " + f.To.String()
	case f.Object != "":
		return f.Object
	}
	return f.To.String()
}

// nearMiss is a rule that half fits, which is often the one that was meant.
func nearMiss(d facts.PolicyDecision) string {
	for _, side := range []facts.PolicySide{d.Egress, d.Ingress} {
		if side.Verdict != facts.PolicyDenied {
			continue
		}
		for _, miss := range side.Near {
			if miss.PeerFits {
				return "meant is perhaps " + miss.String()
			}
		}
	}
	return "no rule was written for this client and port"
}

// pingsOf are the bad results of pings and path measurements to an address: policies
// name ports, and so drop those as well.
func pingsOf(c *diagnose.Case, addr netip.Addr) []string {
	var keys []string
	for _, id := range []string{"target.icmp", "path.mtu", "path.loss", "path.echo"} {
		for _, r := range c.Find(diagnose.Match{Check: id, Status: failing, Vantage: c.Facts.Vantage.String()}) {
			if at, ok := diagnose.TargetAddr(r); ok && at == addr && !slices.Contains(keys, diagnose.Key(r)) {
				keys = append(keys, diagnose.Key(r))
			}
		}
	}
	return keys
}

// deniedPorts are the ports whose flows policies deny, which may be why they do not come
// about.
func deniedPorts(c *diagnose.Case) map[netip.AddrPort]bool {
	ports := map[netip.AddrPort]bool{}
	for _, d := range denied(c, false) {
		ports[d.To] = true
	}
	return ports
}
