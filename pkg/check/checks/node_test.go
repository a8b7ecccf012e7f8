package checks

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

const (
	mac2, mac3 = "aa:bb:cc:00:00:02", "aa:bb:cc:00:00:03"
)

// flannelNode is a node as flannel's vxlan backend leaves it.
func flannelNode(name, cidr, public, mac string) facts.Node {
	return facts.Node{
		Name: name, Ready: true, OS: "linux",
		IPs: addrs(public), PodCIDRs: []netip.Prefix{netip.MustParsePrefix(cidr)},
		Flannel: &facts.FlannelLease{BackendType: "vxlan", PublicIP: addrs(public)[0], VTEPMAC: mac, VNI: 1},
	}
}

func plainNode(name, cidr, ip string) facts.Node {
	n := flannelNode(name, cidr, ip, "")
	n.Flannel = nil
	return n
}

// clusterOf is a node vantage point at the first of nodes.
func clusterOf(nodes ...facts.Node) *facts.Facts {
	return &facts.Facts{
		Vantage: facts.Vantage{Kind: facts.VantageNode, Profile: "node", Node: &nodes[0]},
		Nodes:   nodes,
	}
}

func flannelCluster() *facts.Facts {
	return clusterOf(
		flannelNode("w1", "10.244.1.0/24", "192.0.2.1", "aa:bb:cc:00:00:01"),
		flannelNode("w2", "10.244.2.0/24", "192.0.2.2", mac2),
		flannelNode("w3", "10.244.3.0/24", "192.0.2.3", mac3))
}

// flannelKernel is what a healthy w1 holds.
func flannelKernel() facts.Kernel {
	route := func(dst, gateway, dev string) facts.Route {
		return facts.Route{Family: "ipv4", Dst: dst, Gateway: gateway, Dev: dev, Table: 254, Type: "unicast"}
	}
	return facts.Kernel{
		Links: []facts.Link{
			{Index: 1, Name: "lo", Up: true, State: "unknown", MTU: 65536, Addrs: []string{"127.0.0.1/8"}},
			{Index: 2, Name: "eth0", Up: true, State: "up", MTU: 1500, Addrs: []string{"192.0.2.1/24"}},
			{Index: 3, Name: "flannel.1", Kind: "vxlan", Up: true, State: "unknown", MTU: 1450, Addrs: []string{"10.244.1.0/32"}, VXLAN: &facts.VXLAN{VNI: 1, Device: 2, Local: "192.0.2.1"}},
			{Index: 4, Name: "cni0", Kind: "bridge", Up: true, State: "up", MTU: 1450, Addrs: []string{"10.244.1.1/24"}},
			{Index: 5, Name: "veth1", Kind: "veth", Up: true, State: "up", MTU: 1450, Master: "cni0"},
			{Index: 6, Name: "docker0", Kind: "bridge", Up: true, State: "down", MTU: 1500, Addrs: []string{"172.17.0.1/16"}},
		},
		Routes: []facts.Route{
			route("default", "192.0.2.254", "eth0"), route("10.244.1.0/24", "", "cni0"),
			route("10.244.2.0/24", "10.244.2.0", "flannel.1"), route("10.244.3.0/24", "10.244.3.0", "flannel.1"),
			{Family: "ipv4", Dst: "10.244.1.1/32", Dev: "cni0", Table: 255, Type: "local"},
		},
		Neighbours: []facts.Neighbour{
			{IP: "10.244.2.0", Dev: "flannel.1", MAC: mac2, State: "permanent"},
			{IP: "10.244.3.0", Dev: "flannel.1", MAC: strings.ToUpper(mac3), State: "permanent"},
		},
		FDB: []facts.FDBEntry{
			{MAC: mac2, Dev: "flannel.1", Dst: "192.0.2.2"}, {MAC: mac3, Dev: "flannel.1", Dst: "192.0.2.3"},
			{MAC: mac2, Dev: "cni0"},
		},
		Sysctls: []facts.Sysctl{
			{Name: "net.ipv4.ip_forward", Value: "1"},
			{Name: "net.ipv4.conf.all.rp_filter", Value: "0"}, {Name: "net.ipv4.conf.eth0.rp_filter", Value: "1"},
			{Name: "net.ipv4.conf.eth0.forwarding", Value: "1"}, {Name: "net.ipv4.conf.cni0.forwarding", Value: "1"},
			{Name: "net.ipv4.conf.flannel/1.forwarding", Value: "1"}, {Name: "net.ipv4.conf.lo.forwarding", Value: "0"},
			{Name: "net.ipv4.conf.veth1.forwarding", Value: "0"},
			{Name: "net.bridge.bridge-nf-call-iptables", Value: "1"}, {Name: "net.bridge.bridge-nf-call-ip6tables", Value: "0"},
		},
	}
}

// params are those that a check plans, as they arrive in the probe.
func params(t *testing.T, id string, f *facts.Facts) (p nodeParams, planned bool) {
	t.Helper()
	c, _ := Registry.Get(id)
	tasks := c.Plan(f)
	if len(tasks) == 0 {
		return p, false
	}
	if err := json.Unmarshal(tasks[0].Params, &p); err != nil {
		t.Fatal(err)
	}
	return p, true
}

// judges are the pure halves of the checks that hold a node's kernel against the API.
var judges = map[string]func(nodeParams, facts.Kernel) check.Result{
	"node.routes": judgeRoutes, "node.fdb": judgeFDB, "node.neigh": judgeNeigh, "node.links": judgeLinks, "node.sysctl": judgeSysctls,
}

func TestJudgeNode(t *testing.T) {
	dropRoute := func(dst string) func(*facts.Kernel) {
		return func(k *facts.Kernel) {
			k.Routes = slices.DeleteFunc(k.Routes, func(r facts.Route) bool { return r.Dst == dst })
		}
	}
	link := func(name string, change func(*facts.Link)) func(*facts.Kernel) {
		return func(k *facts.Kernel) {
			for i := range k.Links {
				if k.Links[i].Name == name {
					change(&k.Links[i])
				}
			}
		}
	}
	sysctl := func(name, value string) func(*facts.Kernel) {
		return func(k *facts.Kernel) {
			k.Sysctls = slices.DeleteFunc(k.Sysctls, func(s facts.Sysctl) bool { return s.Name == name })
			if value != "" {
				k.Sysctls = append(k.Sysctls, facts.Sysctl{Name: name, Value: value})
			}
		}
	}
	noFlannel := func(k *facts.Kernel) {
		k.Links = slices.DeleteFunc(k.Links, func(l facts.Link) bool { return l.Name == "flannel.1" || l.Name == "cni0" })
		k.Routes = k.Routes[:1]
	}
	tests := []struct {
		name   string
		checks string // space separated; each must give status and kind
		change func(*facts.Kernel)
		nodes  func(*facts.Facts)
		status check.Status
		kind   check.Failure
		says   string // in the summary or the evidence
	}{
		{name: "healthy", checks: "node.routes node.fdb node.neigh node.links node.sysctl", status: check.Pass},
		{name: "route gone", checks: "node.routes", change: dropRoute("10.244.2.0/24"), status: check.Fail, kind: check.NoRoute, says: "w2: no route to 10.244.2.0/24, want via 10.244.2.0 onlink"},
		{name: "route gone, a wider one is no flannel route", checks: "node.routes", change: func(k *facts.Kernel) {
			dropRoute("10.244.2.0/24")(k)
			k.Routes = append(k.Routes, facts.Route{Dst: "10.0.0.0/8", Gateway: "192.0.2.254", Dev: "eth0", Type: "unicast"})
		}, status: check.Fail, kind: check.NoRoute, says: "w2"},
		{name: "route elsewhere", checks: "node.routes", change: func(k *facts.Kernel) { k.Routes[2].Gateway = "192.0.2.77" }, status: check.Fail, kind: check.NoRoute, says: "goes via 192.0.2.77 dev flannel.1"},
		{name: "blackhole route", checks: "node.routes", change: func(k *facts.Kernel) { k.Routes[2] = facts.Route{Dst: "10.244.2.0/24", Type: "blackhole"} }, status: check.Fail, kind: check.NoRoute, says: "goes blackhole"},
		{name: "a policy rule refuses what pods send", checks: "node.routes", change: func(k *facts.Kernel) {
			k.Rules = []facts.Rule{{Family: "ipv4", Priority: 100, Action: "blackhole", Dst: "10.244.2.0/24"}, {Family: "ipv4", Priority: 32766, Action: "lookup", Table: 254}}
			k.Forwards = []facts.Forward{{Src: "10.244.1.2", Dst: "10.244.2.2", Refused: "blackhole"}, {Src: "10.244.1.2", Dst: "10.244.3.2", Route: &k.Routes[3]}}
		}, status: check.Fail, kind: check.NoRoute, says: "w2: what pods send to 10.244.2.0/24 is refused (blackhole): ip rule 100 to 10.244.2.0/24 blackhole"},
		{name: "another table comes first", checks: "node.routes", change: func(k *facts.Kernel) {
			k.Rules = []facts.Rule{{Family: "ipv4", Priority: 90, Action: "lookup", Table: 100, Src: "10.244.1.0/24"}}
			k.Forwards = []facts.Forward{{Src: "10.244.1.2", Dst: "10.244.2.2", Route: &facts.Route{Type: "unicast", Gateway: "192.0.2.254", Dev: "eth0", Table: 100}}}
		}, status: check.Fail, kind: check.NoRoute, says: "goes via 192.0.2.254 dev eth0 by table 100: ip rule 90 from 10.244.1.0/24 lookup, want via 10.244.2.0"},
		{name: "the bridge of the pods has lost its address", checks: "node.routes", change: func(k *facts.Kernel) {
			dropRoute("10.244.1.0/24")(k)
			link("cni0", func(l *facts.Link) { l.Addrs = []string{"fe80::1/64"} })(k)
		}, status: check.Fail, kind: check.NoRoute, says: "w1: no route to the node's own pods in 10.244.1.0/24: bridge cni0 has no address of it"},
		{name: "no pod was ever on the node", checks: "node.routes", change: func(k *facts.Kernel) {
			dropRoute("10.244.1.0/24")(k)
			k.Links = slices.DeleteFunc(k.Links, func(l facts.Link) bool { return l.Name == "cni0" || l.Name == "veth1" })
		}, status: check.Pass},
		{name: "direct routing needs no tunnel entries", checks: "node.routes node.fdb node.neigh", change: func(k *facts.Kernel) {
			k.Routes[2].Gateway, k.Routes[2].Dev = "192.0.2.2", "eth0"
			k.FDB, k.Neighbours = k.FDB[1:2], k.Neighbours[1:]
		}, status: check.Pass},
		{name: "FDB entry gone", checks: "node.fdb", change: func(k *facts.Kernel) { k.FDB = k.FDB[1:] }, status: check.Fail, kind: check.Config, says: "w2: no entry for its VTEP " + mac2},
		{name: "FDB entry of another node", checks: "node.fdb", change: func(k *facts.Kernel) { k.FDB[0].Dst = "192.0.2.9" }, status: check.Fail, kind: check.Config, says: "said to be behind 192.0.2.9, want 192.0.2.2"},
		{name: "neighbour gone", checks: "node.neigh", change: func(k *facts.Kernel) { k.Neighbours = k.Neighbours[1:] }, status: check.Fail, kind: check.Config, says: "w2: no entry for 10.244.2.0, want " + mac2},
		{name: "neighbour wrong", checks: "node.neigh", change: func(k *facts.Kernel) { k.Neighbours[0].MAC = mac3 }, status: check.Fail, kind: check.Config, says: "10.244.2.0 is at " + mac3},
		{name: "neighbour failed", checks: "node.neigh", change: func(k *facts.Kernel) {
			k.Neighbours[0] = facts.Neighbour{IP: "10.244.2.0", Dev: "flannel.1", State: "failed"}
		}, status: check.Fail, kind: check.Config, says: "is failed"},
		{name: "neighbour on another device", checks: "node.neigh", change: func(k *facts.Kernel) { k.Neighbours[0].Dev = "eth0" }, status: check.Fail, kind: check.Config, says: "no entry"},
		{name: "not ready, new and Windows nodes are not compared", checks: "node.routes node.fdb node.neigh", change: func(k *facts.Kernel) { noPeers(k) }, nodes: func(f *facts.Facts) {
			f.Nodes[1].Ready = false
			f.Nodes[2].OS = "windows"
		}, status: check.Skipped},
		{name: "a peer that flannel has not annotated yet", checks: "node.routes node.fdb node.neigh", change: func(k *facts.Kernel) {
			dropRoute("10.244.2.0/24")(k)
			k.FDB, k.Neighbours = k.FDB[1:2], k.Neighbours[1:]
		}, nodes: func(f *facts.Facts) { f.Nodes[1].Flannel = nil }, status: check.Pass},
		{name: "annotations of a flannel that is gone", checks: "node.routes node.fdb node.neigh node.links", change: noFlannel, status: check.Skipped},
		{name: "vxlan device gone, bridge left", checks: "node.fdb node.neigh node.links", change: func(k *facts.Kernel) {
			k.Links = slices.DeleteFunc(k.Links, func(l facts.Link) bool { return l.Name == "flannel.1" })
		}, status: check.Fail, kind: check.Config, says: "no vxlan device with VNI 1"},
		{name: "bridge down, its route gone with it", checks: "node.links", change: func(k *facts.Kernel) {
			dropRoute("10.244.1.0/24")(k)
			link("cni0", func(l *facts.Link) { l.Up, l.State = false, "down" })(k)
		}, status: check.Fail, kind: check.Config, says: "cni0 is down"},
		{name: "vxlan down", checks: "node.links", change: link("flannel.1", func(l *facts.Link) { l.Up = false }), status: check.Fail, kind: check.Config, says: "flannel.1 is down"},
		{name: "bridge without pods has no carrier", checks: "node.links", change: func(k *facts.Kernel) {
			link("cni0", func(l *facts.Link) { l.State = "down" })(k)
			link("veth1", func(l *facts.Link) { l.Master = "" })(k)
		}, status: check.Pass},
		{name: "bridge with pods has no carrier", checks: "node.links", change: link("cni0", func(l *facts.Link) { l.State = "lowerlayerdown" }), status: check.Warn, kind: check.Unreachable, says: "cni0 has no carrier"},
		{name: "vxlan MTU too large for the link below", checks: "node.links", change: link("flannel.1", func(l *facts.Link) { l.MTU = 1500 }), status: check.Warn, kind: check.MTU, says: "leaves room for 1450 only"},
		{name: "ip_forward off", checks: "node.sysctl", change: sysctl("net.ipv4.ip_forward", "0"), status: check.Fail, kind: check.Config, says: "net.ipv4.ip_forward=0"},
		{name: "forwarding off on the bridge", checks: "node.sysctl", change: sysctl("net.ipv4.conf.cni0.forwarding", "0"), status: check.Fail, kind: check.Config, says: "net.ipv4.conf.cni0.forwarding=0"},
		{name: "forwarding off on the vxlan device", checks: "node.sysctl", change: sysctl("net.ipv4.conf.flannel/1.forwarding", "0"), status: check.Fail, kind: check.Config, says: "net.ipv4.conf.flannel/1.forwarding=0"},
		{name: "forwarding off on the uplink", checks: "node.sysctl", change: sysctl("net.ipv4.conf.eth0.forwarding", "0"), status: check.Fail, kind: check.Config, says: "net.ipv4.conf.eth0.forwarding=0"},
		{name: "forwarding off elsewhere", checks: "node.sysctl", change: sysctl("net.ipv4.conf.docker0.forwarding", "0"), status: check.Warn, kind: check.Config, says: "docker0"},
		{name: "bridged packets pass no filter", checks: "node.sysctl", change: sysctl("net.bridge.bridge-nf-call-iptables", "0"), status: check.Warn, kind: check.Config, says: "bridge-nf-call-iptables=0"},
		{name: "br_netfilter not loaded", checks: "node.sysctl", change: sysctl("net.bridge.bridge-nf-call-iptables", ""), status: check.Warn, kind: check.Config, says: "br_netfilter is not loaded"},
		{name: "br_netfilter off where no pod is on a bridge", checks: "node.sysctl", change: func(k *facts.Kernel) {
			noFlannel(k)
			sysctl("net.bridge.bridge-nf-call-iptables", "0")(k)
		}, status: check.Pass},
		{name: "IPv6 forwarding off, IPv4 pods only", checks: "node.sysctl", change: sysctl("net.ipv6.conf.all.forwarding", "0"), status: check.Pass},
		{name: "IPv6 forwarding off", checks: "node.sysctl", change: sysctl("net.ipv6.conf.all.forwarding", "0"), nodes: func(f *facts.Facts) {
			f.Nodes[0].PodCIDRs = append(f.Nodes[0].PodCIDRs, netip.MustParsePrefix("fd00:1::/64"))
		}, status: check.Fail, kind: check.Config, says: "net.ipv6.conf.all.forwarding=0"},
		{name: "IPv6 pod CIDRs that flannel does not serve", checks: "node.routes node.fdb", nodes: func(f *facts.Facts) {
			for i, cidr := range []string{"fd00:1::/64", "fd00:2::/64", "fd00:3::/64"} {
				f.Nodes[i].PodCIDRs = append(f.Nodes[i].PodCIDRs, netip.MustParsePrefix(cidr))
			}
		}, status: check.Pass},
		{name: "nothing readable", checks: "node.sysctl", change: func(k *facts.Kernel) { k.Sysctls = nil }, status: check.Skipped},
	}
	for _, tt := range tests {
		for id := range strings.FieldsSeq(tt.checks) {
			t.Run(tt.name+" "+id, func(t *testing.T) {
				f, k := flannelCluster(), flannelKernel()
				if tt.nodes != nil {
					tt.nodes(f)
				}
				if tt.change != nil {
					tt.change(&k)
				}
				p, planned := params(t, id, f)
				if !planned {
					t.Fatal("not planned")
				}
				r := judges[id](p, k)
				if r.Status != tt.status || r.Failure != tt.kind || r.Summary == "" || (r.Status == check.Skipped) != (r.Skip != nil) {
					t.Errorf("%s %s %q %v, want %s %s", r.Status, r.Failure, r.Summary, r.Evidence, tt.status, tt.kind)
				}
				if text := everything(r); !strings.Contains(text, tt.says) {
					t.Errorf("%q is not in %q", tt.says, text)
				}
			})
		}
	}
}

// noPeers is a kernel that knows no other node.
func noPeers(k *facts.Kernel) { k.Routes, k.FDB, k.Neighbours = k.Routes[:2], nil, nil }

func everything(r check.Result) string {
	text := r.Summary
	for _, e := range r.Evidence {
		text += "\n" + e.Key + ": " + e.Value
	}
	return text
}

// CNIs that are not flannel: routes by pod CIDR are judged only where they are visible.
func TestJudgeRoutesOfOtherCNIs(t *testing.T) {
	nodes := func() *facts.Facts {
		return clusterOf(plainNode("w1", "10.244.1.0/24", "192.0.2.1"), plainNode("w2", "10.244.2.0/24", "192.0.2.2"),
			plainNode("w3", "10.244.3.0/24", "192.0.2.3"), plainNode("w4", "10.244.4.0/24", "192.0.2.4"))
	}
	tests := []struct {
		name   string
		routes []string
		status check.Status
		says   string
	}{
		{"host routes by pod CIDR", []string{"10.244.2.0/24", "10.244.3.0/24", "10.244.4.0/24"}, check.Pass, ""},
		{"one goes by the default route", []string{"10.244.2.0/24", "10.244.3.0/24"}, check.Pass, "w4 by the default route"},
		{"one is covered by a wider route", []string{"10.244.2.0/24", "10.244.3.0/24", "10.244.0.0/16"}, check.Pass, ""},
		{"a cloud's own tables", []string{"default"}, check.Skipped, ""},
		{"a wider route only", []string{"10.244.0.0/16"}, check.Skipped, ""},
		{"address blocks of the CNI's own", []string{"10.244.2.64/26", "10.244.3.128/26"}, check.Skipped, ""},
		{"a single match by chance", []string{"10.244.2.0/24"}, check.Skipped, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var k facts.Kernel
			for _, dst := range tt.routes {
				k.Routes = append(k.Routes, facts.Route{Dst: dst, Gateway: "192.0.2.9", Dev: "eth0", Type: "unicast"})
			}
			p, _ := params(t, "node.routes", nodes())
			r := judgeRoutes(p, k)
			if r.Status != tt.status || !strings.Contains(everything(r), tt.says) {
				t.Errorf("%s %q, want %s with %q", r.Status, everything(r), tt.status, tt.says)
			}
		})
	}
	for _, id := range []string{"node.fdb", "node.neigh"} {
		if _, planned := params(t, id, nodes()); planned {
			t.Errorf("%s is planned without flannel", id)
		}
	}
	if _, planned := params(t, "node.routes", podFacts("10.244.1.2")); planned {
		t.Error("node.routes is planned for a pod")
	}
}

func TestJudgeConntrack(t *testing.T) {
	for _, tt := range []struct {
		count, limit int
		want         check.Status
	}{
		{0, 100, check.Pass}, {79, 100, check.Pass}, {80, 100, check.Warn}, {94, 100, check.Warn}, {95, 100, check.Fail}, {262144, 262144, check.Fail}, {5, 0, check.Pass},
	} {
		r := judgeConntrack(facts.Conntrack{Count: tt.count, Max: tt.limit})
		if r.Status != tt.want || r.Kernel.Conntrack.Count != tt.count {
			t.Errorf("%d of %d: %s, want %s", tt.count, tt.limit, r.Status, tt.want)
		}
	}
}
