package checks

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestJudgeTargetPort(t *testing.T) {
	tcp := func(n uint16) facts.ContainerPort { return facts.ContainerPort{Port: n, Protocol: facts.TCP} }
	pod := func(ports ...facts.ContainerPort) facts.Pod {
		return facts.Pod{Namespace: "shop", Name: "a", Containers: []facts.Container{{Ports: ports}}}
	}
	udp := facts.ContainerPort{Port: 8088, Protocol: facts.UDP}
	for _, tt := range []struct {
		name, targetPort string
		pods             []facts.Pod
		want             string
	}{
		{"one that nobody declares", "8088", []facts.Pod{pod(tcp(8080)), pod(tcp(8080))}, "port 80 goes to targetPort 8088, and none of its pods declares that; they declare 8080/TCP: did you mean 8080?"},
		{"there are several", "8088", []facts.Pod{pod(tcp(9090), tcp(8080))}, "port 80 goes to targetPort 8088, and none of its pods declares that; they declare 8080/TCP, 9090/TCP"},
		{"of the other protocol only", "8088", []facts.Pod{pod(udp)}, "port 80 goes to targetPort 8088, and none of its pods declares that; they declare 8088/UDP"},
		{"one pod declares it", "8080", []facts.Pod{pod(tcp(9090)), pod(tcp(8080))}, ""},
		{"nobody declares anything", "8088", []facts.Pod{pod()}, ""},
		{"a sidecar declares its own", "8088", []facts.Pod{{Containers: []facts.Container{{}, {Ports: []facts.ContainerPort{tcp(15090)}}}}}, ""},
		{"a name", "http", []facts.Pod{pod(tcp(8080))}, ""},
	} {
		s := facts.Service{SelectorRead: true, SelectedPods: tt.pods}
		port := facts.ServicePort{Port: 80, Protocol: facts.TCP, TargetPort: tt.targetPort}
		r, ok := judgeTargetPort(s, port)
		if r.Summary != tt.want || ok != (tt.want != "") || ok && (r.Status != check.Warn || r.Failure != "") {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
		s.SelectorRead = false
		if _, ok := judgeTargetPort(s, port); ok {
			t.Errorf("%s: pods that were not read say nothing", tt.name)
		}
	}
}

// What was tried is not suspected any more.
func TestWithoutTried(t *testing.T) {
	result := func(id, subject string, status check.Status) check.Result {
		return check.Result{Check: id, Status: status, Label: check.Label{Subject: subject}}
	}
	got := WithoutTried([]check.Result{
		result(undeclaredID, "service/shop/a", check.Warn), result("service.endpoint", "service/shop/a", check.Pass),
		result(undeclaredID, "service/shop/b", check.Warn), result("service.endpoint", "service/shop/b", check.Skipped),
		result(undeclaredID, "service/shop/c", check.Warn), result("service.endpoint", "service/shop/c", check.Error),
	})
	left := ""
	for _, r := range got {
		if r.Check == undeclaredID {
			left += r.Subject + " "
		}
	}
	if left != "service/shop/b service/shop/c " || len(got) != 5 {
		t.Errorf("left: %s(%d)", left, len(got))
	}
}
