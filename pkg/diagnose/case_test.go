package diagnose

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// cluster is pod shop/client on node a, a service with endpoints on a and b and a DNS
// service with one on c, of nodes a, b and c.
func cluster() *facts.Facts {
	node := func(name, ip, cidr string) facts.Node {
		return facts.Node{Name: name, IPs: []netip.Addr{addr(ip)}, PodCIDRs: []netip.Prefix{netip.MustParsePrefix(cidr)}}
	}
	end := func(ip, node string) facts.Endpoint { return facts.Endpoint{Addr: addr(ip), Node: node, Ready: true} }
	return &facts.Facts{
		Vantage: facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{Namespace: "shop", Name: "client", Node: "a", IPs: []netip.Addr{addr("10.1.0.9")}}},
		Nodes:   []facts.Node{node("a", "192.168.0.1", "10.1.0.0/24"), node("b", "192.168.0.2", "10.2.0.0/24"), node("c", "192.168.0.3", "10.3.0.0/24")},
		Services: []facts.Service{{Namespace: "shop", Name: "web", ClusterIPs: []netip.Addr{addr("10.96.0.80"), addr("fd00:96::80")},
			Endpoints: []facts.Endpoint{end("10.1.0.2", "a"), end("10.2.0.2", "b"), end("10.2.0.3", "b")}}},
		DNS: facts.DNS{Service: &facts.Service{Namespace: "kube-system", Name: "kube-dns", ClusterIPs: []netip.Addr{addr("10.96.0.10")},
			Endpoints: []facts.Endpoint{end("10.3.0.53", "c")}}},
		API: facts.APIServer{Service: &facts.Service{Namespace: "default", Name: "kubernetes", ClusterIPs: []netip.Addr{addr("10.96.0.1")},
			Endpoints: []facts.Endpoint{{Addr: addr("203.0.113.6"), Ready: true}}}},
	}
}

func TestNodeOf(t *testing.T) {
	f := cluster()
	// A provider's pod addresses are in no node's CIDR, and an endpoint may lie in that
	// of a node that it is not on: what the API says of the address itself comes first.
	f.Services[0].Endpoints = append(f.Services[0].Endpoints,
		facts.Endpoint{Addr: addr("172.16.9.9"), Node: "c"}, facts.Endpoint{Addr: addr("10.3.0.7"), Node: "b"},
		facts.Endpoint{Addr: addr("::ffff:172.16.9.8"), Node: "b"}, facts.Endpoint{Addr: addr("10.3.0.8")},
		facts.Endpoint{Addr: addr("192.168.0.2"), Node: "b"})
	f.Targets = []facts.Target{{Pods: []facts.Pod{
		{Name: "p", Node: "b", IPs: []netip.Addr{addr("172.16.9.7"), addr("fd00:9::7")}},
		{Name: "host", Node: "b", HostNetwork: true, IPs: []netip.Addr{addr("198.51.100.4")}},
	}}}
	c := NewCase(f, nil)
	for target, want := range map[string]string{
		"10.2.0.2:8080":     "b",
		"10.2.0.2":          "b",
		"10.3.0.53 udp A":   "c",
		"10.2.0.99:80":      "b", // by the node's CIDR
		"172.16.9.9:80":     "c",
		"172.16.9.8:80":     "b", // an endpoint that is written as IPv6
		"10.3.0.7:80":       "b", // the endpoint's own node before the CIDR
		"10.3.0.8:80":       "c", // an endpoint of no known node: the CIDR
		"172.16.9.7":        "b", // a target's pod
		"[fd00:9::7]:80":    "b",
		"198.51.100.4:80":   "", // a pod of the host's network is behind no forwarding
		"192.168.0.2:10250": "", // nor is the node, though it be an endpoint too
		"10.96.0.80:80":     "",
		"203.0.113.9:443":   "",
		"example.com:443":   "",
		"resolv.conf udp A": "",
		"":                  "",
	} {
		if got := c.NodeOf(check.Result{Label: check.Label{Target: target}}); got != want {
			t.Errorf("%q is on node %q, want %q", target, got, want)
		}
	}
}

func TestHome(t *testing.T) {
	node := facts.Vantage{Kind: facts.VantageNode, Node: &facts.Node{Name: "n"}}
	for want, v := range map[string]facts.Vantage{
		"a": cluster().Vantage, "n": node, "": {Kind: facts.VantagePod, Pod: &facts.Pod{Name: "p"}},
		"m": {Kind: facts.VantagePod, Pod: &facts.Pod{Name: "p"}, Node: &facts.Node{Name: "m"}},
	} {
		if got := NewCase(&facts.Facts{Vantage: v}, nil).Home(); got != want {
			t.Errorf("home %q, want %q", got, want)
		}
	}
}

func TestDeep(t *testing.T) {
	c := NewCase(cluster(), []check.Result{
		{Vantage: "node/b", Check: "node.sysctl"}, {Vantage: "node/c", Check: "external.host"}, {Vantage: "pod/shop/client", Check: "node.sysctl"},
	})
	for node, want := range map[string]bool{"": true, "b": true, "c": false, "a": false} {
		if c.Deep(node) != want {
			t.Errorf("deep at %q: %v", node, !want)
		}
	}
	if NewCase(cluster(), nil).Deep("") {
		t.Error("deep without any result")
	}
}

func TestFind(t *testing.T) {
	r := func(id, check_, vantage, target, object string, status check.Status, failure check.Failure) check.Result {
		return check.Result{TaskID: id, Check: check_, Vantage: vantage, Status: status, Failure: failure, Label: check.Label{Target: target, Object: object, Subject: "s" + id}}
	}
	c := NewCase(cluster(), []check.Result{
		r("1", "dns.cluster", "pod/shop/client", "10.3.0.53 udp", "pod/x", check.Fail, check.Timeout),
		r("2", "dns.clusters", "pod/shop/client", "", "", check.Pass, ""),
		r("3", "service.endpoint", "node/b", "10.2.0.2:80", "pod/y", check.Warn, check.Refused),
	})
	for name, tt := range map[string]struct {
		match Match
		want  []string
	}{
		"everything":         {Match{}, []string{"3", "1", "2"}}, // by key
		"a check":            {Match{Check: "dns.cluster"}, []string{"1"}},
		"an area":            {Match{Check: "dns."}, []string{"1", "2"}},
		"an area, in part":   {Match{Check: "dns"}, nil},
		"statuses":           {Match{Status: []check.Status{check.Fail, check.Warn}}, []string{"3", "1"}},
		"a failure":          {Match{Failure: []check.Failure{check.Refused}}, []string{"3"}},
		"an object":          {Match{Object: "pod/x"}, []string{"1"}},
		"a subject":          {Match{Subject: "s2"}, []string{"2"}},
		"vantage points":     {Match{Vantage: "node/"}, []string{"3"}},
		"a node":             {Match{Node: "c"}, []string{"1"}},
		"two at once":        {Match{Node: "c", Status: []check.Status{check.Pass}}, nil},
		"another's vantages": {Match{Vantage: "node/c"}, nil},
	} {
		var got []string
		for _, r := range c.Find(tt.match) {
			got = append(got, r.TaskID)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestOutside(t *testing.T) {
	c := NewCase(cluster(), nil)
	for ip, want := range map[string]bool{
		"198.51.100.7": true, "2001:db8::7": true, "10.9.9.9": false, // private: nobody knows
		"203.0.113.6": false /* an API server */, "192.168.0.2": false, "10.2.0.2": false, "10.96.0.80": false, "127.0.0.1": false, "fe80::1": false,
	} {
		if c.Outside(addr(ip)) != want {
			t.Errorf("%s is outside: %v", ip, !want)
		}
	}
}

func TestTargetPort(t *testing.T) {
	for _, tt := range []struct {
		check, target, want string
		protocol            facts.Protocol
	}{
		{"service.vip", "10.96.0.80:80", "10.96.0.80:80", facts.TCP},
		{"target.udp", "10.0.0.1:53/udp", "10.0.0.1:53", facts.UDP},
		{"target.udp", "[fd00::1]:80 udp", "[fd00::1]:80", facts.UDP},
		{"dns.cluster", "10.96.0.10 udp A", "10.96.0.10:53", facts.UDP},
		{"dns.cluster", "10.96.0.10 tcp A", "10.96.0.10:53", facts.TCP},
		{"target.icmp", "10.2.0.2", "", ""},
		{"dns.cluster", "resolv.conf udp A", "", ""},
	} {
		at, protocol, ok := TargetPort(check.Result{Check: tt.check, Label: check.Label{Target: tt.target}})
		if ok != (tt.want != "") || ok && at.String() != tt.want || protocol != tt.protocol {
			t.Errorf("%s %q: %s %s, %v", tt.check, tt.target, at, protocol, ok)
		}
	}
}
