package checks

import (
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// resolving is what a node's check is to know of the cluster's DNS: one endpoint.
func resolving(endpoint string) *facts.Facts {
	f := shopFacts()
	f.Vantage = facts.Vantage{Kind: facts.VantageNode, Node: &facts.Node{Name: "w1", IPs: ips("192.0.2.1")}}
	f.Services = nil
	f.DNS.Service = &facts.Service{
		Namespace: "kube-system", Name: "kube-dns", ClusterIPs: addrs("10.96.0.10"),
		Ports:     []facts.ServicePort{{Protocol: facts.UDP, Port: 53}, {Protocol: facts.TCP, Port: 53}},
		Endpoints: []facts.Endpoint{{Addr: addrs(endpoint)[0], Ready: true}},
	}
	return f
}

func TestPlanStaleFlows(t *testing.T) {
	c, _ := Registry.Get("node.staleflows")
	f := resolving("10.244.0.2")
	tasks := c.Plan(f)
	if len(tasks) != 1 {
		t.Fatalf("%d tasks", len(tasks))
	}
	var p staleParams
	if err := json.Unmarshal(tasks[0].Params, &p); err != nil || len(p.Services) != 1 || len(p.Services[0].VIPs) != 1 || p.Services[0].VIPs[0].String() != "10.96.0.10:53" {
		t.Errorf("%s, %v", tasks[0].Params, err)
	}
	f.DNS.Service.EndpointsUnknown = true
	if len(c.Plan(f)) != 0 {
		t.Error("endpoints that are not known are held against flows")
	}
	if len(c.Plan(shopFacts())) != 0 {
		t.Error("a pod's probe is to list a node's flows")
	}
}

// A UDP socket keeps its port, and its flow keeps what the rules once said.
func TestStaleFlows(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	newFlannelHost(t)
	nft(t, "table ip nat { chain out { type nat hook output priority -100; ip daddr 10.96.0.10 udp dport 53 dnat to 192.0.2.77:53; }; }")
	conn, err := net.Dial("udp", "10.96.0.10:53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if r := run(t, "node.staleflows", resolving("192.0.2.77"))[0]; r.Status != check.Pass {
		t.Errorf("to an endpoint: %s %q", r.Status, r.Summary)
	}
	r := run(t, "node.staleflows", resolving("192.0.2.78"))[0]
	if r.Status != check.Warn || len(r.Kernel.Flows) != 1 || r.Evidence[0].Key != conn.LocalAddr().String() || !strings.HasSuffix(r.Evidence[0].Value, "sent to 192.0.2.77:53") {
		t.Errorf("to a ghost: %s %q %+v", r.Status, r.Summary, r.Evidence)
	}
}
