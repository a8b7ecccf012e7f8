package causes

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// deaf makes results unreachable because their own address does not resolve on the link.
func (w *world) deaf(tasks ...string) *world {
	w.fail(check.Unreachable, -1, tasks...)
	for i := range w.results {
		r := &w.results[i]
		if addr, ok := diagnose.TargetAddr(*r); ok && r.Failure == check.Unreachable {
			r.With("neighbour", "%s on eth0 does not resolve (incomplete)", addr)
		}
	}
	return w
}

// saying adds evidence to a result.
func (w *world) saying(task, key, value string) *world {
	i := slices.IndexFunc(w.results, func(r check.Result) bool { return r.TaskID == task })
	w.results[i].With(key, "%s", value)
	return w
}

// within is what a probe in a pod reads of its interface.
func (w *world) within(pod string, k facts.Kernel) *world {
	w.add("pod.network", "target", "", pod, "", 0)
	r := &w.results[len(w.results)-1]
	r.TaskID, r.Vantage, r.Kernel = "pod.network "+pod, pod, &k
	return w
}

// onePod makes one endpoint silent in every way that it was tried.
func (w *world) onePod(ip string) *world {
	return w.fail(check.Timeout, -1, "service.endpoint "+ip, "target.icmp "+ip, "path.mtu "+ip)
}

func linkRoutes(dst string) facts.Kernel {
	return facts.Kernel{Routes: []facts.Route{
		{Family: "ipv4", Dst: "default", Gateway: "10.1.0.1", Dev: "eth0", Type: "unicast"},
		{Family: "ipv4", Dst: "10.1.0.0/24", Dev: "eth0", Type: "unicast"},
		{Family: "ipv4", Dst: dst, Dev: "eth0", Type: "unicast"},
	}}
}

// silentGateway is a pod whose gateway is where it should be, and tells it nothing.
func silentGateway(setting string) *world {
	w := newWorld().bridgePorts(false, false)
	for i := range w.results {
		if r := &w.results[i]; r.Check == "vantage.interface" {
			r.Kernel.Links[0].Name = "eth0"
			r.Kernel.Routes = []facts.Route{{Family: "ipv4", Dst: "default", Gateway: "10.1.0.1", Dev: "eth0", Type: "unicast"}}
		}
	}
	w.fail(check.Unreachable, -1, "gateway", "dns", "service.endpoint 10.2", "service.vip", "target.icmp 10.2", "path.mtu 10.2", "api", "external")
	for i := range w.results {
		if r := &w.results[i]; strings.HasPrefix(r.TaskID, "dns.cluster 10.1.0.53") {
			r.Status, r.Failure, r.Attempts = check.Pass, "", []check.Attempt{{}}
		}
	}
	return w.saying("gateway.icmp 10.1.0.1", "neighbour", "incomplete").read("a", "node.sysctl", check.Pass, "fine").
		kernel("node.sysctl a", facts.Kernel{Sysctls: []facts.Sysctl{{Name: "net.ipv4.conf.br0.arp_ignore", Value: setting}}})
}

func defaultBy(gateway, state string, others ...string) facts.Kernel {
	k := facts.Kernel{
		Routes:     []facts.Route{{Family: "ipv4", Dst: "default", Gateway: gateway, Dev: "eth0", Type: "unicast"}},
		Neighbours: []facts.Neighbour{{IP: gateway, Dev: "eth0", State: state}, {IP: "192.168.0.2", Dev: "eth0", State: "failed"}},
	}
	for _, other := range others {
		k.Routes = append(k.Routes, facts.Route{Family: "ipv4", Dst: "default", Gateway: other, Dev: "eth1", Type: "unicast"})
	}
	return k
}

// twoFamilies is a node with a dead IPv6 gateway, as a router's advertisement left it, and
// an IPv4 gateway in some state.
func twoFamilies(state string) facts.Kernel {
	k := defaultBy("192.168.0.254", state)
	k.Routes = append(k.Routes, facts.Route{Family: "ipv6", Dst: "default", Gateway: "fe80::1", Dev: "eth0", Type: "unicast"})
	k.Neighbours = append(k.Neighbours, facts.Neighbour{IP: "fe80::1", Dev: "eth0", State: "failed"})
	return k
}

func TestLinkVerdicts(t *testing.T) {
	beyond := []string{"dns.cluster 10.2", "dns.cluster 10.96", "dns.cluster resolv.conf", "service.endpoint 10.2", "service.vip", "target.icmp 10.2", "path.mtu 10.2", "api.vip"}
	beside := func(plugin, own string) *world {
		w := newWorld().kernel("vantage.interface ", linkRoutes("10.0.0.0/14")).deaf("dns.cluster 10.2", "service.endpoint 10.2", "target.icmp 10.2", "path.mtu 10.2")
		w.facts.Network.Plugin, w.facts.Vantage.Pod.IPs = plugin, []netip.Addr{addr(own)}
		return w
	}
	node := func(kernel facts.Kernel) *world {
		return newWorld().fail(check.Timeout, -1, "external.host").read("a", "node.neightable", check.Pass, "fine").kernel("node.neightable a", kernel)
	}
	outside := func(target string, kernel facts.Kernel) *world {
		w := node(kernel)
		w.add("target.tcp", "target", target, "", "", 3)
		return w.fail(check.Timeout, -1, "target.tcp "+target)
	}
	entry := func(mac, state string) facts.Kernel {
		return facts.Kernel{Neighbours: []facts.Neighbour{{IP: "10.2.0.3", Dev: "cni0", MAC: mac, State: state}}}
	}
	shares := func(other string) facts.Kernel {
		k := entry("02:00:00:00:00:01", "permanent")
		k.Neighbours = append(k.Neighbours, facts.Neighbour{IP: other, Dev: "cni0", MAC: "02:00:00:00:00:01", State: "reachable"})
		return k
	}
	web2 := facts.Kernel{Links: []facts.Link{{Name: "eth0", Kind: "veth", PeerIndex: 9, MAC: "0a:00:00:00:00:03", Addrs: []string{"10.2.0.3/24"}}}}
	far := func(k facts.Kernel) *world {
		return newWorld().onePod("10.2.0.3").fail(check.Timeout, 2, "service.vip").within("pod/shop/web-2", web2).
			read("b", "node.neightable", check.Pass, "fine").kernel("node.neightable b", k)
	}
	near := func() *world { return newWorld().onePod("10.1.0.2") }
	loopback := func(down bool) *world {
		w := newWorld().kernel("vantage.interface ", facts.Kernel{Links: []facts.Link{{Name: "lo", Up: !down}, {Name: "eth0", Up: true}}})
		if down {
			w.fail(check.Config, 0, "vantage.interface")
			w.results[0].Status = check.Warn
		}
		return w
	}
	dns := func() *world {
		w := newWorld()
		for i := range w.facts.DNS.Service.Endpoints {
			w.facts.DNS.Service.Endpoints[i].Ports[0].Port = 5353
		}
		for i := range w.results {
			if r := &w.results[i]; strings.HasPrefix(r.TaskID, "dns.cluster 10.1") || strings.HasPrefix(r.TaskID, "dns.cluster 10.2") {
				r.Target = strings.Replace(r.Target, " ", ":5353 ", 1)
			}
		}
		return w
	}
	stray := func(node, key, way string) *world {
		return newWorld().onePod("10.2.0.3").fail(check.Timeout, 2, "service.vip").read(node, "node.routes", check.Pass, "fine", check.Evidence{Key: key, Value: way})
	}
	server := func() *world {
		w := newWorld()
		for i := range w.results {
			if r := &w.results[i]; strings.HasPrefix(r.TaskID, "dns.cluster 10.2") {
				r.Object = "pod/shop/dns-1"
			}
		}
		return w.fail(check.Timeout, -1, "dns.cluster 10.2").fail(check.Timeout, 1, "dns.cluster 10.96")
	}
	for _, tt := range []struct {
		name       string
		world      *world
		cause      string
		confidence diagnose.Confidence
		not        string
		left       int
	}{
		{name: "all of the cluster is on the pod's link", cause: "NL-POD-ON-LINK", confidence: diagnose.Certain,
			world: newWorld().kernel("vantage.interface ", linkRoutes("10.0.0.0/8")).deaf(beyond...)},
		{name: "other nodes' pods are on the pod's link, services are not", cause: "NL-POD-ON-LINK", confidence: diagnose.Likely,
			world: newWorld().kernel("vantage.interface ", linkRoutes("10.0.0.0/14")).deaf("dns.cluster 10.2", "service.endpoint 10.2", "target.icmp 10.2", "path.mtu 10.2")},
		{name: "pods have no addresses of their nodes' pod CIDRs", not: "NL-POD-ON-LINK", left: -1, world: beside("", "10.3.0.9")},
		{name: "the plugin has subnets of its own", not: "NL-POD-ON-LINK", left: -1, world: beside("Kube-OVN", "10.1.0.9")},
		{name: "all pods are on one link, and one is gone", not: "NL-POD-ON-LINK", left: -1, world: newWorld().kernel("vantage.interface ", linkRoutes("10.0.0.0/14")).deaf("service.endpoint 10.2.0.3")},
		{name: "a pod of the own node is gone", not: "NL-POD-ON-LINK", cause: "NL-SVC-ENDPOINT-DOWN", confidence: diagnose.Likely,
			world: newWorld().kernel("vantage.interface ", linkRoutes("10.0.0.0/8")).deaf("service.endpoint 10.1.0.2")},

		{name: "a node has another hardware address for its pod", cause: "NL-POD-NEIGHBOUR", confidence: diagnose.Certain, world: far(entry("02:00:00:00:00:01", "permanent"))},
		{name: "a node has the right one", not: "NL-POD-NEIGHBOUR", world: far(entry("0A:00:00:00:00:03", "reachable")), cause: "", left: -1},
		{name: "a node has none", not: "NL-POD-NEIGHBOUR", world: far(entry("", "failed")), left: -1},
		{name: "another node has a wrong one, which it does not use", not: "NL-POD-NEIGHBOUR", left: -1,
			world: far(entry("", "failed")).read("a", "node.neightable", check.Pass, "fine").kernel("node.neightable a", entry("02:00:00:00:00:01", "permanent"))},
		{name: "a node has an old one, which it will ask about", cause: "NL-POD-NEIGHBOUR", confidence: diagnose.Likely, world: far(entry("02:00:00:00:00:01", "stale"))},
		{name: "the pod itself has a wrong one for its neighbour", cause: "NL-POD-NEIGHBOUR", confidence: diagnose.Certain,
			world: near().within("pod/shop/web-0", isolatedPeer(8)).kernel("vantage.interface ", facts.Kernel{Neighbours: []facts.Neighbour{{IP: "10.1.0.2", Dev: "eth0", MAC: "02:00:00:00:00:01", State: "permanent"}}})},
		{name: "the pod itself asks for a pod of another node at somebody who answers for it", not: "NL-POD-NEIGHBOUR", left: -1,
			world: newWorld().onePod("10.2.0.3").within("pod/shop/web-2", web2).kernel("vantage.interface ", entry("12:34:56:78:9a:bc", "reachable"))},
		{name: "others answer at that address: a candidate at most", world: far(shares("10.2.0.2"))},
		{name: "the gateway answers at that address: a candidate at most", world: near().within("pod/shop/web-0", isolatedPeer(8)).
			kernel("vantage.interface ", facts.Kernel{Neighbours: []facts.Neighbour{{IP: "10.1.0.1", Dev: "eth0", MAC: "02:00:00:00:00:aa"}, {IP: "10.1.0.2", Dev: "eth0", MAC: "02:00:00:00:00:AA", State: "reachable"}}})},
		{name: "others have that address, and nobody asked for them", cause: "NL-POD-NEIGHBOUR", confidence: diagnose.Likely, world: far(shares("10.2.0.200"))},
		{name: "only the pod's own other addresses have that address", cause: "NL-POD-NEIGHBOUR", confidence: diagnose.Certain, world: far(shares("fe80::3"))},

		{name: "both pods' ports are isolated", cause: "NL-NODE-PORT-ISOLATED", confidence: diagnose.Certain, world: near().bridgePorts(true, true).within("pod/shop/web-0", isolatedPeer(8)).deep()},
		{name: "both may be: the other is not known", cause: "NL-NODE-PORT-ISOLATED", confidence: diagnose.Likely, world: near().fail(check.Timeout, -1, "dns.cluster 10.1.0.53").bridgePorts(true, true).deep()},
		{name: "the other is not known, nor is that of one which answers: a candidate at most", world: near().bridgePorts(true, true).deep()},
		{name: "both are, and so may be that of one which answers: a candidate at most", world: morePorts(near()).within("pod/shop/web-0", isolatedPeer(8)).deep()},
		{name: "both are, and the bridge answers for the other", not: "NL-NODE-PORT-ISOLATED", left: -1,
			world: reads(near().bridgePorts(true, true), facts.Kernel{Neighbours: []facts.Neighbour{{IP: "10.1.0.2", Dev: "eth0", MAC: "02:00:00:00:00:aa", State: "stale"}}}).within("pod/shop/web-0", isolatedPeer(8)).deep()},
		{name: "both are, and the node routes between them", not: "NL-NODE-PORT-ISOLATED", left: -1,
			world: reads(near().bridgePorts(true, true), facts.Kernel{Routes: []facts.Route{{Family: "ipv4", Dst: "default", Gateway: "10.1.0.1", Dev: "eth0"}}}).within("pod/shop/web-0", isolatedPeer(8)).deep()},
		{name: "both are, and that of one which answers is not", cause: "NL-NODE-PORT-ISOLATED", confidence: diagnose.Certain,
			world: morePorts(near()).within("pod/shop/web-0", isolatedPeer(8)).within("pod/shop/dns-0", isolatedPeer(10)).deep()},
		{name: "both are, and so is that of one which answers", not: "NL-NODE-PORT-ISOLATED", left: -1,
			world: morePorts(near()).within("pod/shop/web-0", isolatedPeer(8)).within("pod/shop/dns-0", isolatedPeer(9)).deep()},
		{name: "the other pod's is another one", not: "NL-NODE-PORT-ISOLATED", left: -1, world: near().bridgePorts(true, true).within("pod/shop/web-0", isolatedPeer(9)).deep()},
		{name: "only one is isolated", not: "NL-NODE-PORT-ISOLATED", left: -1, world: near().bridgePorts(true, false).deep()},
		{name: "ports are isolated, and nothing fails", world: newWorld().bridgePorts(true, true).deep()},

		{name: "the node answers no ARP", cause: "NL-POD-GATEWAY", confidence: diagnose.Certain, world: silentGateway("8")},
		{name: "the node answers no ARP, whatever its settings", cause: "NL-POD-GATEWAY", confidence: diagnose.Likely, world: silentGateway("1")},

		{name: "a node's gateway is dead", cause: "NL-NODE-GATEWAY", confidence: diagnose.Certain, world: node(defaultBy("192.168.0.77", "failed"))},
		{name: "one of two is", cause: "NL-NODE-GATEWAY", confidence: diagnose.Likely, world: outside("203.0.113.9:80", defaultBy("192.168.0.77", "incomplete", "192.168.9.1"))},
		{name: "one of two is, and a name does not answer: a candidate at most", world: node(defaultBy("192.168.0.77", "incomplete", "192.168.9.1"))},
		{name: "that of the other family is", world: node(twoFamilies("reachable"))},
		{name: "those of both families are", cause: "NL-NODE-GATEWAY", confidence: diagnose.Certain, world: node(twoFamilies("failed"))},
		{name: "an address of the family whose gateway is dead", cause: "NL-NODE-GATEWAY", confidence: diagnose.Certain, world: outside("[2001:db8::9]:80", twoFamilies("reachable"))},
		{name: "a node's gateway is dead, and a name outside answers", not: "NL-NODE-GATEWAY", left: -1, world: func() *world {
			w := outside("203.0.113.9:80", defaultBy("192.168.0.77", "failed"))
			w.add("external.host", "external", "example.org:443", "", "", 3)
			return w
		}()},
		{name: "a node's gateway is dead, and others outside answer", not: "NL-NODE-GATEWAY", left: -1, world: func() *world {
			w := node(defaultBy("192.168.0.77", "failed"))
			w.add("target.tcp", "target", "203.0.113.9:80", "", "", 3)
			return w
		}()},
		{name: "a node's gateway lives", not: "NL-NODE-GATEWAY", left: -1, world: node(defaultBy("192.168.0.77", "reachable"))},
		{name: "a node's gateway is dead, and nobody goes there", world: newWorld().read("a", "node.neightable", check.Pass, "fine").kernel("node.neightable a", defaultBy("192.168.0.77", "failed"))},

		{name: "lo is down", cause: "NL-POD-LOOPBACK", confidence: diagnose.Certain, world: loopback(true)},
		{name: "lo is up", world: loopback(false)},

		{name: "all DNS servers refuse", cause: "NL-SVC-TARGET-PORT", confidence: diagnose.Likely, world: dns().fail(check.Refused, -1, "dns.cluster")},
		{name: "one DNS server refuses", not: "NL-SVC-TARGET-PORT", left: -1, world: dns().fail(check.Refused, -1, "dns.cluster 10.2.0.53")},

		{name: "a DNS server answers nothing, and its pod is well inside", cause: "NL-DNS-NO-ANSWER", confidence: diagnose.Likely,
			world: server().deep().within("pod/shop/dns-1", web2)},
		{name: "a DNS server answers nothing, and was not looked into", not: "NL-NODE-FILTER-DROP", left: -1, world: server()},

		{name: "a node sends what is for its own pod elsewhere", cause: "NL-NODE-ROUTE-MISSING", confidence: diagnose.Certain, world: stray("b", "astray to", "10.2.0.3 via 10.1.0.0 dev flannel.1")},
		{name: "a node sends a pod's answers elsewhere", cause: "NL-NODE-ROUTE-MISSING", confidence: diagnose.Certain, world: stray("b", "astray from", "10.2.0.3 to 10.1.0.0/24 via 172.16.0.1 dev eth1")},
		{name: "those of another pod", not: "NL-NODE-ROUTE-MISSING", left: -1, world: stray("b", "astray from", "10.2.0.9 to 10.1.0.0/24 via 172.16.0.1 dev eth1")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			got, confidence := "", diagnose.Confidence(0)
			if len(v.Causes) > 0 {
				got, confidence = v.Causes[0].Code, v.Causes[0].Confidence
			}
			if tt.left >= 0 && (got != tt.cause || confidence != tt.confidence || len(codes(v.Causes)) > 1 || len(v.Unexplained) != tt.left) {
				t.Errorf("%s, %s, want %s, %s; all %q, unexplained %q", got, confidence, tt.cause, tt.confidence, codes(v.Causes), v.Unexplained)
			}
			if tt.not != "" && slices.Contains(append(codes(v.Causes), codes(v.Candidates)...), tt.not) {
				t.Errorf("it is not %s: %+v", tt.not, v.Causes)
			}
		})
	}
}

// Of a server that gives no sign of life its port is one candidate among those of its pod.
func TestDarkServerIsACandidate(t *testing.T) {
	w := newWorld().fail(check.Timeout, -1, "dns.cluster 10.2").fail(check.Timeout, 1, "dns.cluster 10.96")
	v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
	if len(v.Causes) > 0 || !slices.Contains(codes(v.Candidates), "NL-DNS-NO-ANSWER") {
		t.Errorf("causes %q, candidates %q", codes(v.Causes), codes(v.Candidates))
	}
}
