package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-PROXY-STALE",
		Summary: "a node's service rules are stale or missing: kube-proxy does not run there, or does not keep up",
		Signal:  "A ClusterIP fails while every endpoint answers by itself. On the node kube-proxy's health port refuses, or conntrack shows connections to the ClusterIP handed to an address that is no endpoint.",
		Meaning: "From this node, services whose pods have changed lead to pods that are gone, or nowhere; new services do not work at all. Other nodes are fine.",
		Confirm: []string{"curl http://127.0.0.1:10256/healthz (on the node)", "kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy", "conntrack -L -d CLUSTER-IP (on the node)"},
		Remedy:  []string{"kubectl -n kube-system delete pod KUBE-PROXY-POD (or restart its service on the node)"},
		Source:  "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/#is-the-kube-proxy-working",
		Deep:    true,
		Spot:    diagnose.Spot{Place: diagnose.AtService, Says: "stale rules"},
		Find:    findProxyStale,
	})
}

// findProxyStale looks at the vantage point's own node, whose rules the failing checks
// went through, and names other nodes whose kube-proxy is down.
func findProxyStale(c *diagnose.Case) []diagnose.Finding {
	findings := proxyAtHome(c)
	for _, r := range c.Find(diagnose.Match{Check: "node.proxy", Vantage: "node/", Status: failing}) {
		node := strings.TrimPrefix(r.Vantage, "node/")
		if node == c.Home() {
			continue
		}
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("kube-proxy on node %s is down or behind: services fail from there", node),
			Confidence: diagnose.Certain,
			Where:      []string{"node/" + node},
			Evidence:   []string{seen(r)},
			Explains:   slices.Concat([]string{diagnose.Key(r)}, staleFlows(c, node), nodePortsAt(c, node)),
			Likely:     likelyProxy,
			Try:        tryProxy(node),
			Rank:       rankService,
		})
	}
	return findings
}

const likelyProxy = "kube-proxy does not run on the node, or cannot reach the API server"

func tryProxy(node string) []string {
	return []string{
		"kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy",
		"curl http://127.0.0.1:10256/healthz   (on node " + node + ")",
	}
}

// staleFlows is what a look at a node's flows found, which nobody cleans up while its
// kube-proxy is down.
func staleFlows(c *diagnose.Case, node string) []string {
	var keys []string
	for _, r := range c.Find(diagnose.Match{Check: "node.staleflows", Vantage: "node/", Status: failing}) {
		if r.Vantage == "node/"+node {
			keys = append(keys, diagnose.Key(r))
		}
	}
	return keys
}

// nodePortsAt are node ports that fail at a node's own addresses.
func nodePortsAt(c *diagnose.Case, node string) []string {
	var keys []string
	for _, r := range c.Find(diagnose.Match{Check: "service.nodeport", Status: failing}) {
		if c.HostOf(r) == node {
			keys = append(keys, diagnose.Key(r))
		}
	}
	return keys
}

func proxyAtHome(c *diagnose.Case) []diagnose.Finding {
	home := c.Home()
	var proxy []check.Result
	for _, r := range c.Find(diagnose.Match{Check: "node.proxy", Vantage: "node/", Status: failing}) {
		if r.Vantage == "node/"+home {
			proxy = append(proxy, r)
		}
	}
	var troubles, doubtful []vipTrouble
	for _, t := range vipTroubles(c) {
		// One in n may be hairpin or bridge-nf; with stale rules a dead address is
		// among the backends, which looks alike when the pod or its node is one.
		here := t.local
		if t.self {
			here++
		}
		if t.whole && here < len(t.service.Ready()) || here == 0 || len(proxy) > 0 {
			troubles = append(troubles, t)
		} else {
			doubtful = append(doubtful, t)
		}
	}
	for _, t := range coreTroubles(c) {
		// The API's alone has a cause of its own.
		if t.service == c.Facts.DNS.Service || len(troubles) > 0 || len(proxy) > 0 {
			troubles = append(troubles, t)
		}
	}
	ghosts := ghostsOf(c, append(slices.Clone(troubles), doubtful...))
	onlyDoubt := len(troubles) == 0
	if len(ghosts) > 0 || onlyDoubt {
		troubles = append(troubles, doubtful...)
	}
	sure := len(proxy) > 0 || len(ghosts) > 0
	if len(troubles) == 0 && len(proxy) == 0 || onlyDoubt && !sure && c.Deep(home) || !sure && (neverCame(c, troubles) || heldBack(c) || agentDown(c, home)) {
		return nil
	}
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("node %s hands services' connections over wrongly: kube-proxy is down or behind", home),
		Confidence: diagnose.Likely,
		Where:      []string{"node/" + home},
		Evidence:   seenAll(proxy),
		Explains:   append(diagnose.Keys(proxy), staleFlows(c, home)...),
		Likely:     likelyProxy,
		Try:        tryProxy(home),
		Rank:       rankNode,
	}
	if tracksPast(c, home) && c.Facts.Network.Plugin != "" {
		name := c.Facts.Network.Plugin
		f.Headline = fmt.Sprintf("node %s hands services' connections over wrongly: %s on it is down or behind", home, name)
		f.Likely = name + "'s agent does not run on the node, or cannot reach the API server"
		f.Try = []string{fmt.Sprintf("kubectl get pods -A -o wide --field-selector spec.nodeName=%s   (%s's agent)", home, name), netlookNode(home)}
	}
	for _, t := range troubles {
		f.Evidence = append(f.Evidence, t.evidence()...)
		f.Explains = append(f.Explains, t.keys()...)
	}
	f.Evidence = append(f.Evidence, ghosts...)
	switch {
	case sure:
		f.Confidence, f.Rank = diagnose.Certain, rankMeasured
	case onlyDoubt || !c.Deep(home):
		f.Confidence = diagnose.Possible // a rule that drops them looks alike
	}
	return []diagnose.Finding{f}
}

// ghostsOf are the flows to these ClusterIPs that the kernel handed to an address
// that is no endpoint of the service (nf_conntrack: the source of the reply tuple), or
// to nobody: it sent them on as they were.
func ghostsOf(c *diagnose.Case, troubles []vipTrouble) []string {
	var lines []string
	for _, t := range troubles {
		var endpoints []string
		for _, e := range t.service.Endpoints {
			endpoints = append(endpoints, e.Addr.Unmap().String())
		}
		for _, flow := range flowsTo(c, vipAddr(t.result).String()) {
			line := fmt.Sprintf("the kernel sent %s to %s, which is no endpoint of service %s", flow.vip, flow.backend, t.service.Ref())
			switch {
			case slices.Contains(endpoints, flow.backend):
				continue
			case flow.backend == flow.vip && !t.whole:
				continue
			case flow.backend == flow.vip:
				line = fmt.Sprintf("the kernel sent connections to %s on as they were: no rule hands service %s over", flow.vip, t.service.Ref())
			}
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines[:min(len(lines), mostPlaces)]
}
