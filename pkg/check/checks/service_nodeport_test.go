package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestPlanNodePort(t *testing.T) {
	f := shopFacts()
	s := service("web", listening("10.244.2.1", "a", "w2", 8080))
	s.Asked, s.Type, s.ExternalLocal = "svc/web", "NodePort", true
	s.Ports = []facts.ServicePort{{Protocol: facts.TCP, Port: 80, NodePort: 30080}, {Protocol: facts.TCP, Port: 81}, {Protocol: facts.SCTP, Port: 82, NodePort: 30082}}
	own := service("own", listening("10.244.2.1", "a", "w2", 8080))
	own.Ports = s.Ports
	f.Services = []facts.Service{s, own}
	f.Entrances = []facts.Node{{Name: "w1", IPs: ips("192.0.2.1", "198.51.100.1", "fd00::1")}, {Name: "w2", IPs: ips("192.0.2.2")}}
	if diff := cmp.Diff([]string{"192.0.2.1:30080", "192.0.2.2:30080"}, targetsOf(t, "service.nodeport", f)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for i, want := range []bool{true, false} {
		s.Asked = "svc/web"
		if got := nodePortTask(f, s, s.Ports[0], f.Entrances[i], f.Entrances[i].IPs[0]).Params.NoneLocal; got != want {
			t.Errorf("node %d has none local: %v", i, got)
		}
	}
}

func TestJudgeNodePort(t *testing.T) {
	silent := failed(check.Timeout, "timeout 3 of 3")
	if r := judgeNodePort(silent, false); r.Status != check.Fail || r.Failure != check.Timeout {
		t.Errorf("a node with endpoints: %s %s", r.Status, r.Failure)
	}
	if r := judgeNodePort(silent, true); r.Status != check.Warn || r.Failure != check.NoEndpoint {
		t.Errorf("a node without: %s %s", r.Status, r.Failure)
	}
	if r := judgeNodePort(check.Result{Status: check.Pass}, true); r.Status != check.Pass {
		t.Errorf("a node without, that answers: %s", r.Status)
	}
	if r := judgeNodePort(failed(check.TLS, "bad"), true); r.Status != check.Fail {
		t.Errorf("another failure: %s", r.Status)
	}
}

func TestServiceAlias(t *testing.T) {
	alias := service("ext")
	alias.Type, alias.ExternalName, alias.Asked = "ExternalName", "gone.invalid", "svc/ext"
	number := alias
	number.Name, number.ExternalName = "num", "192.0.2.7"
	f := shopFacts()
	f.Services = []facts.Service{alias, number, service("web")}
	if diff := cmp.Diff([]string{"gone.invalid"}, targetsOf(t, "service.alias", f)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	got := readServiceAlias(f)
	if len(got) != 1 || got[0].Status != check.Fail || got[0].Failure != check.Config || got[0].Summary != "192.0.2.7 is an address: an alias needs a name" {
		t.Errorf("an address: %+v", got)
	}
}

func TestServiceBalancer(t *testing.T) {
	pending, given := service("pending"), service("given")
	pending.Type, given.Type, given.Balancers = "LoadBalancer", "LoadBalancer", []string{"203.0.113.7"}
	f := shopFacts()
	f.Services = []facts.Service{pending, given, service("web")}
	got := readServiceBalancer(f)
	if len(got) != 2 || got[0].Status != check.Warn || got[0].Failure != check.Config || got[1].Status != check.Pass || got[1].Summary != "203.0.113.7" {
		t.Errorf("%+v", got)
	}
}
