package causes

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// said adds a result of a check that only some runs have.
func (w *world) said(id, vantage string, status check.Status, failure check.Failure, summary string, evidence ...check.Evidence) *world {
	w.results = append(w.results, check.Result{TaskID: id, Check: id, Vantage: vantage, Status: status, Failure: failure, Summary: summary, Evidence: evidence,
		Label: check.Label{Area: "dns", Title: id, Target: "example.com", Object: "configmap/kube-system/coredns"}})
	return w
}

func dnsDepthCases() []deepCase {
	const loop = "forwards to itself (127.0.0.1): a loop"
	return []deepCase{
		{name: "the Corefile forwards to itself", world: newWorld().said("state.corefile", check.VantageAPI, check.Fail, check.Config, loop).fail(check.ServFail, -1, "dns.cluster resolv.conf"),
			cause: "NL-DNS-COREFILE", confidence: diagnose.Certain, where: "configmap/kube-system/coredns"},
		{name: "the Corefile has no cache", world: newWorld().said("state.corefile", check.VantageAPI, check.Warn, check.Config, "has no cache"),
			cause: "NL-DNS-COREFILE", confidence: diagnose.Certain, where: "configmap/kube-system/coredns"},
		{name: "many queries for a name", world: newWorld().said("dns.trace", client, check.Warn, check.Config, "resolves with query 7", check.Evidence{Key: "ndots", Value: "5"}),
			cause: "NL-DNS-NDOTS", confidence: diagnose.Certain, where: client},
		{name: "a name that nobody has", world: newWorld().said("dns.trace", client, check.Fail, check.NXDomain, "no name of 4 has an address"),
			cause: "NL-DNS-NAME-UNKNOWN", confidence: diagnose.Likely, where: "example.com"},
		{name: "pairs lose one of two", world: newWorld().said("dns.race", client, check.Warn, check.Loss, "5 of 40 pairs lost just one of the two answers"),
			cause: "NL-DNS-RACE", confidence: diagnose.Likely, where: "node/a"},
		{name: "pairs lose one of two, and the kernel counted", moved: moved{"a": {"conntrack.insert_failed": 5}}, cause: "NL-DNS-RACE", confidence: diagnose.Certain, where: "node/a",
			world: newWorld().said("dns.race", client, check.Warn, check.Loss, "5 of 40 pairs lost just one of the two answers")},
		{name: "pairs are lost as other packets are", world: newWorld().said("dns.race", client, check.Warn, check.Loss, "12 of 40 pairs were not answered whole"), not: "NL-DNS-RACE"},
		{name: "a dnsPolicy that leads elsewhere", world: newWorld().said("state.dnspolicy", check.VantageAPI, check.Warn, check.Config, "ClusterFirst on the host's network"),
			cause: "NL-DNS-DNSPOLICY", confidence: diagnose.Certain, where: "configmap/kube-system/coredns"},
	}
}
