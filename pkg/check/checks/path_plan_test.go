package checks

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// onNode is a ready endpoint of a pod on a node.
func onNode(addr, pod, node string) facts.Endpoint {
	return facts.Endpoint{Addr: ip(addr), Ready: true, Node: node, Pod: &facts.Ref{Namespace: "shop", Name: pod}}
}

func service(name string, endpoints ...facts.Endpoint) facts.Service {
	return facts.Service{Namespace: "shop", Name: name, Endpoints: endpoints}
}

func targetsOf(t *testing.T, check string, f *facts.Facts) []string {
	t.Helper()
	c, ok := Registry.Get(check)
	if !ok {
		t.Fatalf("no check %s", check)
	}
	var list []string
	for _, task := range c.Plan(f) {
		list = append(list, task.Target)
	}
	return list
}

func TestPlanPathMTU(t *testing.T) {
	many := service("many")
	for i := range 40 {
		many.Endpoints = append(many.Endpoints, onNode(fmt.Sprintf("10.244.%d.9", i+10), "p", fmt.Sprintf("n%d", i)))
	}
	workload := facts.Target{
		Target: target.Target{Raw: "deploy/api", Kind: target.Workload},
		Pods: []facts.Pod{
			{Namespace: "shop", Name: "a", Node: "w2", IPs: ips("10.244.2.1", "fd00::2:1")},
			{Namespace: "shop", Name: "b", Node: "w2", IPs: ips("10.244.2.2", "fd00::2:2")},
			{Namespace: "shop", Name: "c", Node: "w3", IPs: ips("10.244.3.1", "fd00::3:1")},
		},
	}
	tests := []struct {
		name   string
		change func(f *facts.Facts)
		want   []string
	}{
		{"DNS only", func(*facts.Facts) {}, []string{"10.244.0.2"}},
		{"one endpoint a node", func(f *facts.Facts) {
			f.Services = []facts.Service{service("api", onNode("10.244.2.1", "a", "w2"), onNode("10.244.2.2", "b", "w2"), onNode("10.244.3.1", "c", "w3"))}
		}, []string{"10.244.2.1", "10.244.3.1", "10.244.0.2"}},
		{"the own node once for all services, itself never", func(f *facts.Facts) {
			f.Services = []facts.Service{
				service("api", onNode("10.244.1.3", "web-0", "w1"), onNode("10.244.1.4", "a", "w1")),
				service("web", onNode("10.244.1.5", "b", "w1")),
			}
		}, []string{"10.244.1.4", "10.244.0.2"}},
		{"not ready endpoints are no path", func(f *facts.Facts) {
			e := onNode("10.244.2.1", "a", "w2")
			e.Ready = false
			f.Services = []facts.Service{service("api", e)}
		}, []string{"10.244.0.2"}},
		{"both families, where the vantage point has both", func(f *facts.Facts) {
			f.Vantage.Pod.IPs = ips("10.244.1.3", "fd00::1:3")
			f.Targets = []facts.Target{workload}
		}, []string{"10.244.2.1", "fd00::2:1", "10.244.3.1", "fd00::3:1", "10.244.0.2"}},
		{"one family", func(f *facts.Facts) { f.Targets = []facts.Target{workload} }, []string{"10.244.2.1", "10.244.3.1", "10.244.0.2"}},
		{"an address twice is one path", func(f *facts.Facts) {
			f.Targets = []facts.Target{ipTarget("10.244.0.2"), ipTarget("198.51.100.7")}
		}, []string{"10.244.0.2", "198.51.100.7"}},
		{"a node's first address", func(f *facts.Facts) {
			f.Targets = []facts.Target{{Target: target.Target{Raw: "node/w2", Kind: target.Node}, Addrs: ips("192.0.2.2", "203.0.113.2")}}
		}, []string{"192.0.2.2", "10.244.0.2"}},
		{"a host, and a URL of it", func(f *facts.Facts) {
			f.Targets = []facts.Target{{Target: parseTarget(t, "example.com:443")}, {Target: parseTarget(t, "https://example.com/x")}, {Target: parseTarget(t, "https://192.0.2.9/")}}
		}, []string{"example.com", "192.0.2.9", "10.244.0.2"}},
		{"endpoints on no known node", func(f *facts.Facts) {
			f.Services = []facts.Service{service("ext", facts.Endpoint{Addr: ip("203.0.113.1"), Ready: true}, facts.Endpoint{Addr: ip("203.0.113.2"), Ready: true})}
		}, []string{"203.0.113.1", "10.244.0.2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := shopFacts()
			f.DNS.Service.Endpoints[0].Node = "cp"
			tt.change(f)
			if diff := cmp.Diff(tt.want, targetsOf(t, "path.mtu", f)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	f := shopFacts()
	f.Services = []facts.Service{many}
	c, _ := Registry.Get("path.mtu")
	tasks := c.Plan(f)
	if len(tasks) != maxPaths || tasks[0].Timeout.D() != mtuTimeout {
		t.Errorf("%d tasks with a deadline of %v, want %d of %v", len(tasks), tasks[0].Timeout.D(), maxPaths, mtuTimeout)
	}
}

func TestPlanTargetICMP(t *testing.T) {
	f := shopFacts()
	f.Vantage.Profile = "restricted"
	big := service("big")
	for i := range 70 {
		big.Endpoints = append(big.Endpoints, onNode(fmt.Sprintf("10.244.9.%d", i), fmt.Sprintf("p-%d", i), "w2"))
	}
	f.Services = []facts.Service{
		service("api", onNode("10.244.2.7", "a", "w2"), onNode("fd00::7", "a", "w2"), facts.Endpoint{Addr: ip("203.0.113.1"), Ready: true}), big,
	}
	f.Targets = []facts.Target{
		{Target: parseTarget(t, "pod/a"), Pods: []facts.Pod{{Namespace: "shop", Name: "a", IPs: ips("10.244.2.7", "fd00::7")}}},
		{Target: target.Target{Raw: "example.com", Kind: target.Host, Host: "example.com"}},
		{Target: target.Target{Raw: "https://example.com", Kind: target.URL, Host: "example.com"}},
		ipTarget("2001:db8::1"),
	}
	lines := planOf(t, "target.icmp", f)
	want := []string{
		"a icmp | 10.244.2.7 | pod/shop/a | pod/shop/a | x3",
		"host icmp | example.com |  |  | x3",
		// Asked for by address: that there is no route is the answer.
		"address icmp | 2001:db8::1 |  |  | x3",
	}
	if diff := cmp.Diff(want, lines[:3]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := len(lines) - 3; got != 64 {
		// The pod of api is the target a already.
		t.Errorf("%d endpoints are pinged, want 64 of big and none twice", got)
	}
	notes := readOf(t, "target.icmp", f)
	if diff := cmp.Diff([]string{"big endpoints icmp | shop/big | skipped  | 64 of 70 ready endpoints are pinged; the ports of all are tried"}, notes); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	f.Vantage.Profile = ""
	if notes := readOf(t, "target.icmp", f); len(notes) != 0 {
		t.Errorf("nothing is injected, and yet: %v", notes)
	}
}

func TestPlanVantage(t *testing.T) {
	f := shopFacts()
	for id, want := range map[string]int{"gateway.icmp": 1, "vantage.interface": 1, "vantage.resolv": 1, "node.routes": 0, "node.conntrack": 0, "node.fdb": 0} {
		if got := len(targetsOf(t, id, f)); got != want {
			t.Errorf("%s plans %d tasks for a pod, want %d", id, got, want)
		}
	}
	f.Vantage.Pod.IPs = ips("10.244.1.3", "fd00::3")
	if got := len(targetsOf(t, "gateway.icmp", f)); got != 2 {
		t.Errorf("%d gateways of a dual-stack pod, want 2", got)
	}
	f.Vantage.Pod.IPs = nil
	if got := len(targetsOf(t, "gateway.icmp", f)); got != 2 {
		t.Errorf("%d gateways when no address is known, want 2", got)
	}
}

func TestJudgeResolvConf(t *testing.T) {
	tests := []struct {
		name    string
		servers []string
		status  check.Status
	}{
		{"a pod's", []string{"10.96.0.10"}, check.Pass},
		{"scoped IPv6", []string{"fe80::1%eth0"}, check.Pass},
		{"none", nil, check.Fail},
		{"no address", []string{"dns.example"}, check.Fail},
		{"one of two is no address", []string{"10.96.0.10", "x\x1b[31m"}, check.Warn},
		{"too many", []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"}, check.Warn},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := judgeResolvConf(&facts.ResolvConf{Nameservers: tt.servers, Ndots: 5})
			if r.Status != tt.status || r.Kernel.ResolvConf == nil || (r.Status != check.Pass) != (r.Failure == check.Config) {
				t.Errorf("%s %s %q, want %s", r.Status, r.Failure, r.Summary, tt.status)
			}
			for _, c := range everything(r) {
				if c == '\x1b' {
					t.Error("an escape sequence got through")
				}
			}
		})
	}
}

func TestEchoIntervalFitsTheDeadline(t *testing.T) {
	// Even a hundred attempts must be sent within a second.
	if 100*echoInterval > time.Second {
		t.Errorf("an interval of %v", echoInterval)
	}
}
