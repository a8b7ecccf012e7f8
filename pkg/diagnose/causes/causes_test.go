package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// world is a run of pod shop/client on node a against service shop/web with an
// endpoint on node a and two on node b, DNS servers on a and b, and all is well.
type world struct {
	facts   facts.Facts
	results []check.Result
}

const client = "pod/shop/client"

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func newWorld() *world {
	node := func(name, ip, cidr string) facts.Node {
		return facts.Node{Name: name, Ready: true, IPs: []netip.Addr{addr(ip)}, PodCIDRs: []netip.Prefix{netip.MustParsePrefix(cidr)}}
	}
	endpoint := func(ip, on, pod string, port uint16) facts.Endpoint {
		return facts.Endpoint{Addr: addr(ip), Node: on, Ready: true, Pod: &facts.Ref{Namespace: "shop", Name: pod}, Ports: []facts.EndpointPort{{Protocol: facts.TCP, Port: port}}}
	}
	w := &world{}
	w.facts = facts.Facts{
		Vantage: facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{Namespace: "shop", Name: "client", Node: "a", IPs: []netip.Addr{addr("10.1.0.9")}}},
		Nodes:   []facts.Node{node("a", "192.168.0.1", "10.1.0.0/24"), node("b", "192.168.0.2", "10.2.0.0/24")},
		Services: []facts.Service{{
			Namespace: "shop", Name: "web", Type: "ClusterIP", ClusterIPs: []netip.Addr{addr("10.96.0.80")}, Selector: map[string]string{"app": "web"},
			Ports:     []facts.ServicePort{{Port: 80, Protocol: facts.TCP, TargetPort: "8080"}},
			Endpoints: []facts.Endpoint{endpoint("10.1.0.2", "a", "web-0", 8080), endpoint("10.2.0.2", "b", "web-1", 8080), endpoint("10.2.0.3", "b", "web-2", 8080)},
		}},
		DNS: facts.DNS{Service: &facts.Service{
			Namespace: "kube-system", Name: "kube-dns", ClusterIPs: []netip.Addr{addr("10.96.0.10")},
			Endpoints: []facts.Endpoint{endpoint("10.1.0.53", "a", "dns-0", 53), endpoint("10.2.0.53", "b", "dns-1", 53)},
		}},
		API: facts.APIServer{Service: &facts.Service{Namespace: "default", Name: "kubernetes", ClusterIPs: []netip.Addr{addr("10.96.0.1")},
			Endpoints: []facts.Endpoint{{Addr: addr("192.168.0.1"), Ready: true}}}},
	}
	w.add("vantage.interface", "vantage", "", "", "", 0)
	w.add("gateway.icmp", "gateway", "10.1.0.1", "", "", 0)
	for _, ip := range []string{"10.1.0.53", "10.2.0.53", "10.96.0.10", "resolv.conf"} {
		for _, transport := range []string{"udp", "tcp"} {
			object := "pod/shop/dns-0"
			w.add("dns.cluster", "dns", ip+" "+transport+" A", object, "", 2)
		}
	}
	for i, ip := range []string{"10.1.0.2", "10.2.0.2", "10.2.0.3"} {
		pod := fmt.Sprintf("pod/shop/web-%d", i)
		w.add("service.endpoint", "service", ip+":8080", pod, "service/shop/web", 3)
		w.add("target.icmp", "service", ip, pod, "service/shop/web", 1)
		w.add("path.mtu", "path", ip, pod, "", 1)
	}
	w.add("service.vip", "service", "10.96.0.80:80", "service/shop/web", "service/shop/web", 6)
	w.add("service.ready", "service", "shop/web", "service/shop/web", "service/shop/web", 0)
	w.add("api.vip", "api", "10.96.0.1:443", "service/default/kubernetes", "", 3)
	w.add("api.endpoint", "api", "192.168.0.1:6443", "node/a", "", 3)
	w.add("external.host", "external", "example.com:443", "", "", 3)
	return w
}

func (w *world) add(id, area, target, object, subject string, attempts int) {
	r := check.Result{
		TaskID: id + " " + target, Check: id, Vantage: client, Status: check.Pass, Summary: "well",
		Label: check.Label{Area: area, Title: id, Target: target, Object: object, Subject: subject},
	}
	for range attempts {
		r.Attempts = append(r.Attempts, check.Attempt{RTT: check.Duration(time.Millisecond)})
	}
	w.results = append(w.results, r)
}

// fail makes results bad: those whose ID is task, or begins with it. lost of their
// attempts fail; -1 is all of them.
func (w *world) fail(kind check.Failure, lost int, tasks ...string) *world {
	for _, task := range tasks {
		hit := false
		for i := range w.results {
			r := &w.results[i]
			if len(r.TaskID) < len(task) || r.TaskID[:len(task)] != task {
				continue
			}
			hit = true
			r.Status, r.Failure, r.Summary = check.Fail, kind, string(kind)
			for j := range r.Attempts {
				if lost < 0 || j < lost {
					r.Attempts[j].Failure = kind
				}
			}
		}
		if !hit {
			panic("no task " + task)
		}
	}
	return w
}

// noSandbox leaves the service without endpoints, with a pod whose network fails.
func (w *world) noSandbox(message string) *world {
	s := &w.facts.Services[0]
	s.Endpoints, s.SelectorRead = nil, true
	s.SelectedPods = []facts.Pod{{Namespace: "shop", Name: "web-0", Node: "b", Phase: "Pending", NoSandbox: &facts.Event{Message: message, Count: 3}}}
	w.results = slices.DeleteFunc(w.results, func(r check.Result) bool {
		return r.Subject == "service/shop/web" && r.Check != "service.ready" && r.Check != "service.vip"
	})
	return w.fail(check.NotReady, 0, "service.ready").fail(check.Refused, -1, "service.vip")
}

// hostPort adds a target pod whose hostPort refuses, and whose own port does what is
// said.
func (w *world) hostPort(own check.Status) *world {
	w.add("target.hostport", "target", "192.168.0.2:9000", "pod/shop/hosted", "pod/shop/hosted", 3)
	w.add("target.tcp", "target", "10.2.0.7:8080", "pod/shop/hosted", "pod/shop/hosted", 3)
	w.fail(check.Refused, -1, "target.hostport")
	if own == check.Fail {
		w.fail(check.Refused, -1, "target.tcp")
	}
	return w
}

// closedUDP makes the service one of UDP on whose port nobody listens: hosts refuse
// now and then, and the last endpoint was not lucky.
func (w *world) closedUDP() *world {
	for i := range w.results {
		r := &w.results[i]
		if r.Check != "service.endpoint" && r.Check != "service.vip" {
			continue
		}
		r.Target += " udp"
		r.Status, r.Failure = check.Fail, check.Refused
		for j := range r.Attempts {
			r.Attempts[j].Failure = check.Timeout
		}
		if strings.HasPrefix(r.Target, "10.2.0.3") {
			r.Status, r.Failure = check.Warn, check.Timeout
			continue
		}
		r.Attempts[1].Failure = check.Refused
	}
	return w
}

// read adds a result of a node's kernel.
func (w *world) read(node, id string, status check.Status, summary string, evidence ...check.Evidence) *world {
	r := check.Result{TaskID: id + " " + node, Check: id, Vantage: "node/" + node, Status: status, Summary: summary, Evidence: evidence,
		Label: check.Label{Area: "node", Title: id, Target: node, Object: "node/" + node}}
	if status == check.Fail || status == check.Warn {
		r.Failure = check.Config
	}
	w.results = append(w.results, r)
	return w
}

// farDark makes everything on node b silent.
func (w *world) farDark() *world {
	for i := range w.results {
		if r := &w.results[i]; r.TaskID == "path.mtu 10.2.0.2" || r.TaskID == "path.mtu 10.2.0.3" {
			r.Status = check.Skipped
		}
	}
	return w.fail(check.Timeout, -1, "service.endpoint 10.2.0.2", "service.endpoint 10.2.0.3", "target.icmp 10.2.0.2", "target.icmp 10.2.0.3", "dns.cluster 10.2.0.53").
		fail(check.Timeout, 3, "service.vip").fail(check.Timeout, 1, "dns.cluster 10.96.0.10")
}

func TestVerdicts(t *testing.T) {
	tests := []struct {
		name   string
		world  *world
		causes []string
		// candidates are sorted as the engine does.
		candidates  []string
		unexplained int
	}{
		{name: "healthy", world: newWorld()},
		{name: "healthy, with both nodes read", world: newWorld().read("a", "node.sysctl", check.Pass, "forwarding is on").read("b", "node.sysctl", check.Pass, "forwarding is on")},
		{name: "one endpoint drops its port", causes: []string{"NL-SVC-ENDPOINT-DOWN"},
			world: newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip")},
		{name: "one endpoint refuses", causes: []string{"NL-SVC-ENDPOINT-REFUSES"},
			world: newWorld().fail(check.Refused, -1, "service.endpoint 10.2.0.3").fail(check.Refused, 2, "service.vip")},
		{name: "all endpoints refuse", causes: []string{"NL-SVC-TARGET-PORT"},
			world: newWorld().fail(check.Refused, -1, "service.endpoint", "service.vip")},
		{name: "an application hangs", causes: []string{"NL-APP-HUNG"},
			world: newWorld().fail(check.Silent, -1, "service.endpoint 10.2.0.3").fail(check.Silent, 2, "service.vip")},
		{name: "an application resets what it accepts", causes: []string{"NL-APP-RESETS"},
			world: newWorld().fail(check.Reset, -1, "service.endpoint 10.2.0.3").fail(check.Reset, 2, "service.vip")},
		{name: "all endpoints close what they accept", causes: []string{"NL-APP-RESETS"}, world: newWorld().fail(check.Closed, -1, "service.endpoint", "service.vip")},
		{name: "an application speaks another protocol", causes: []string{"NL-APP-PROTOCOL"}, world: newWorld().fail(check.Protocol, -1, "service.endpoint", "service.vip")},
		{name: "an application answers 503", causes: []string{"NL-APP-ERROR"}, world: newWorld().fail(check.HTTP, -1, "service.endpoint", "service.vip")},
		{name: "DNS over UDP is dropped", causes: []string{"NL-DNS-UDP-BLOCKED"},
			world: newWorld().fail(check.Timeout, -1, "dns.cluster 10.1.0.53 udp", "dns.cluster 10.2.0.53 udp", "dns.cluster 10.96.0.10 udp", "dns.cluster resolv.conf udp")},
		{name: "the API's ClusterIP is dropped", causes: []string{"NL-API-VIP"}, world: newWorld().fail(check.Timeout, -1, "api.vip")},
		{name: "the API's ClusterIP opens connections, and loses data", candidates: []string{"NL-APP-HUNG", "NL-PATH-DATA-LOST"}, world: newWorld().fail(check.Undelivered, -1, "api.vip")},
		{name: "a node is dark", candidates: []string{"NL-NODE-BRIDGE-DOWN", "NL-NODE-CONNTRACK-FULL", "NL-NODE-FILTER-DROP", "NL-NODE-IP-FORWARD", "NL-NODE-ROUTE-MISSING", "NL-NODE-RP-FILTER", "NL-OVERLAY-BLOCKED", "NL-OVERLAY-CHECKSUM", "NL-OVERLAY-FDB", "NL-OVERLAY-NEIGH"},
			world: newWorld().farDark()},
		{name: "a node is dark, and does not forward", causes: []string{"NL-NODE-IP-FORWARD"},
			world: newWorld().farDark().read("a", "node.sysctl", check.Pass, "forwarding is on").read("b", "node.sysctl", check.Fail, "net.ipv4.ip_forward=0")},
		{name: "a node is dark, and the other lacks its route", causes: []string{"NL-NODE-ROUTE-MISSING"},
			world: newWorld().farDark().read("a", "node.routes", check.Fail, "routes to pod CIDRs missing or wrong for b", check.Evidence{Key: "b", Value: "no route"}).read("b", "node.routes", check.Pass, "fine")},
		{name: "a node refuses to send to one pod", causes: []string{"NL-NODE-ROUTE-MISSING"},
			world: newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip").read("a", "node.routes", check.Pass, "fine", check.Evidence{Key: "refuses", Value: "blackhole 10.2.0.3/32"})},
		{name: "a node refuses to send to another pod", causes: []string{"NL-SVC-ENDPOINT-DOWN"},
			world: newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip").read("a", "node.routes", check.Pass, "fine", check.Evidence{Key: "refuses", Value: "blackhole 10.2.0.77/32"})},
		{name: "the other node refuses", causes: []string{"NL-SVC-ENDPOINT-DOWN"},
			world: newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip").read("b", "node.routes", check.Pass, "fine", check.Evidence{Key: "refuses", Value: "blackhole 10.2.0.3/32"})},
		{name: "a node is dark, and both kernels are in order", causes: []string{"NL-OVERLAY-BLOCKED"},
			world: newWorld().farDark().deep()},
		{name: "a node is dark, both kernels are in order, and there is no tunnel", candidates: []string{"NL-OVERLAY-BLOCKED"},
			world: newWorld().farDark().read("a", "node.routes", check.Pass, "fine").read("b", "node.routes", check.Pass, "fine")},
		{name: "the pod's own link is down", causes: []string{"NL-POD-LINK-DOWN"},
			world: newWorld().fail(check.NoRoute, -1, "vantage", "gateway", "dns", "service.endpoint", "service.vip", "target", "path", "api", "external")},
		{name: "the ClusterIP is dead, its endpoints are not", candidates: []string{"NL-SVC-PROXY-STALE", "NL-SVC-VIP-DROPPED"}, world: newWorld().fail(check.Timeout, -1, "service.vip")},
		{name: "the ClusterIP of the cluster's DNS is dead, its servers are not", candidates: []string{"NL-SVC-PROXY-STALE", "NL-SVC-VIP-DROPPED"},
			world: newWorld().fail(check.Timeout, -1, "dns.cluster 10.96.0.10", "dns.cluster resolv.conf")},
		{name: "no ClusterIP works, the API's among them", candidates: []string{"NL-SVC-PROXY-STALE", "NL-SVC-VIP-DROPPED"},
			world: newWorld().fail(check.Timeout, -1, "service.vip", "api.vip", "dns.cluster 10.96.0.10", "dns.cluster resolv.conf")},
		{name: "a service says UDP, and its pods listen on TCP", causes: []string{"NL-SVC-TARGET-PORT"}, world: newWorld().closedUDP()},
		{name: "no pod of the service gets a network", causes: []string{"NL-POD-SANDBOX"}, world: newWorld().noSandbox("failed to find plugin \"bridge\" in path")},
		{name: "a hostPort leads nowhere, its pod answers", causes: []string{"NL-POD-HOSTPORT"}, world: newWorld().hostPort(check.Pass)},
		{name: "neither a hostPort nor its pod answers", causes: []string{"NL-SVC-ENDPOINT-REFUSES"}, world: newWorld().hostPort(check.Fail), unexplained: 1},
		{name: "a DNS server is silent, its pod is not", causes: []string{"NL-DNS-NO-ANSWER"},
			world: newWorld().loss("10.2.0.53", 0, 0).fail(check.Timeout, -1, "dns.cluster 10.2.0.53").fail(check.Timeout, 1, "dns.cluster 10.96.0.10", "dns.cluster resolv.conf")},
		{name: "the pod has no default route", causes: []string{"NL-POD-NO-ROUTE"},
			world: newWorld().fail(check.NoRoute, -1, "gateway", "dns", "service.endpoint", "service.vip", "target", "path", "api", "external")},
		{name: "a share of the ClusterIP is dead, with an endpoint on the own node", candidates: []string{"NL-NODE-BRIDGE-NF", "NL-SVC-PROXY-STALE"},
			world: newWorld().fail(check.Timeout, 2, "service.vip")},
		{name: "nobody outside answers", candidates: []string{"NL-NODE-FILTER-DROP", "NL-NODE-MASQUERADE"}, world: newWorld().fail(check.Timeout, -1, "external.host")},
		{name: "nothing knows this", unexplained: 1, world: newWorld().fail(check.TLS, -1, "api.endpoint")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
				t.Errorf("causes (-want +got):\n%s\n%+v", diff, v.Causes)
			}
			if diff := cmp.Diff(tt.candidates, codes(v.Candidates)); diff != "" {
				t.Errorf("candidates (-want +got):\n%s", diff)
			}
			if len(v.Unexplained) != tt.unexplained {
				t.Errorf("unexplained: %q, want %d", v.Unexplained, tt.unexplained)
			}
		})
	}
}

// codes are the codes of findings, each once, in their order.
func codes(findings []diagnose.Finding) []string {
	var list []string
	seen := map[string]bool{}
	for _, f := range findings {
		if !seen[f.Code] {
			seen[f.Code] = true
			list = append(list, f.Code)
		}
	}
	return list
}
