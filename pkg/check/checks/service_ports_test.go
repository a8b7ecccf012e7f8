package checks

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestJudgePortName(t *testing.T) {
	pod := func(name string, ports ...facts.ContainerPort) facts.Pod {
		return facts.Pod{Namespace: "shop", Name: name, Phase: "Running", Ready: true, Containers: []facts.Container{{Ports: ports}}}
	}
	http := func(n uint16) facts.ContainerPort {
		return facts.ContainerPort{Name: "http", Port: n, Protocol: facts.TCP}
	}
	gone := pod("gone")
	gone.Terminating = true
	udp := http(8080)
	udp.Protocol = facts.UDP
	port := facts.ServicePort{Port: 80, Protocol: facts.TCP, TargetPort: "http"}
	number := port
	number.TargetPort = "8080"
	for _, tt := range []struct {
		name   string
		port   facts.ServicePort
		pods   []facts.Pod
		status check.Status
		says   string
	}{
		{"all have it", port, []facts.Pod{pod("a", http(8080)), pod("b", http(8080))}, check.Pass, "targetPort http is 8080 in 2 pods"},
		{"with another number each", port, []facts.Pod{pod("a", http(9090)), pod("b", http(8080))}, check.Pass, "targetPort http is 8080 in 1 pod, 9090 in 1 pod"},
		{"one lacks it", port, []facts.Pod{pod("a", http(8080)), pod("b"), gone}, check.Warn, `targetPort "http" of port 80 is a name that 1 of 2 ready pods lack: they get no connection`},
		{"of another protocol", port, []facts.Pod{pod("a", http(8080)), pod("b", udp)}, check.Warn, `targetPort "http" of port 80 is a name that 1 of 2 ready pods lack: they get no connection`},
		{"none has it: told elsewhere", port, []facts.Pod{pod("a")}, check.Unknown, ""},
		{"a number", number, []facts.Pod{pod("a")}, check.Unknown, ""},
	} {
		r, _ := judgePortName(facts.Service{SelectorRead: true, SelectedPods: tt.pods}, tt.port)
		if r.Status != tt.status || r.Summary != tt.says {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
	if _, ok := judgePortName(facts.Service{SelectedPods: []facts.Pod{pod("a", http(1))}}, port); ok {
		t.Error("pods that were not read say nothing")
	}
}

func TestServiceFamily(t *testing.T) {
	s := service("web", listening("10.244.2.1", "a", "w2", 8080))
	s.Families, s.ClusterIPs = []string{"IPv4", "IPv6"}, ips("10.96.0.80", "fd00::80")
	f := shopFacts()
	f.Services = []facts.Service{s}
	c, _ := Registry.Get("service.family")
	got := c.Read(f)
	if len(got) != 1 || got[0].Status != check.Warn || got[0].Failure != check.NoEndpoint || got[0].Summary != "no ready endpoint over IPv6: its ClusterIP fd00::80 leads nowhere; ready endpoints: 1 over IPv4" {
		t.Errorf("one family: %+v", got)
	}
	f.Services[0].Endpoints = append(f.Services[0].Endpoints, listening("fd00:1::1", "a", "w2", 8080))
	if got = c.Read(f); got[0].Status != check.Pass || got[0].Summary != "ready endpoints: 1 over IPv4, 1 over IPv6" {
		t.Errorf("both: %+v", got)
	}
	f.Services[0].Endpoints = nil
	if got = c.Read(f); len(got) != 0 {
		t.Errorf("nobody ready: %+v", got)
	}
}

func TestReadyWithoutSelector(t *testing.T) {
	s := service("web", listening("192.0.2.1", "", "", 8080))
	s.Selector = nil
	api := s
	api.Namespace, api.Name = "default", "kubernetes"
	f := shopFacts()
	f.Services = []facts.Service{s, api}
	c, _ := Registry.Get("service.ready")
	got := c.Read(f)
	if got[0].Summary != "1 of 1 endpoints ready: no selector, somebody else writes its EndpointSlices" || got[1].Summary != "1 of 1 endpoints ready" {
		t.Errorf("%q, %q", got[0].Summary, got[1].Summary)
	}
}
