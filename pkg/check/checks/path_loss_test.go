package checks

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// listening is a ready endpoint of a pod on a node, with TCP ports.
func listening(addr, pod, node string, ports ...uint16) facts.Endpoint {
	e := onNode(addr, pod, node)
	for _, port := range ports {
		e.Ports = append(e.Ports, facts.EndpointPort{Protocol: facts.TCP, Port: port})
	}
	return e
}

func TestPlanPathLoss(t *testing.T) {
	many := service("many")
	for i := range 2 * maxPaths {
		many.Endpoints = append(many.Endpoints, listening(fmt.Sprintf("10.244.%d.9", i+10), "p", fmt.Sprintf("n%d", i), 80))
	}
	dual := service("dual")
	for i := range 3 {
		dual.Endpoints = append(dual.Endpoints, listening(fmt.Sprintf("10.244.2.%d", i+1), "p", "w2", 80))
	}
	for i := range 3 {
		dual.Endpoints = append(dual.Endpoints, listening(fmt.Sprintf("fd00:2::%d", i+1), "p", "w2", 80))
	}
	web := func(name string, ips ...string) facts.Pod {
		return facts.Pod{Namespace: "shop", Name: name, Node: "w2", IPs: addrs(ips...), Containers: []facts.Container{{
			Ports: []facts.ContainerPort{{Name: "web", Port: 8080, Protocol: facts.TCP}, {Name: "udp", Port: 9, Protocol: facts.UDP}},
		}}}
	}
	deploy := facts.Target{Target: target.Target{Raw: "deploy/api", Kind: target.Workload}, Pods: []facts.Pod{
		web("a", "10.244.2.1", "fd00:2::1"), web("b", "10.244.2.2", "fd00:2::2"), web("c", "10.244.2.3", "fd00:2::3"),
	}}
	const dns = "10.244.0.2:53"
	dualStack := func(f *facts.Facts) { f.Vantage.Pod.IPs = ips("10.244.1.3", "fd00:1::3") }
	tests := []struct {
		name   string
		change func(f *facts.Facts)
		want   []string
	}{
		{"DNS only", func(*facts.Facts) {}, []string{dns}},
		{"no DNS", func(f *facts.Facts) { f.DNS.Service = nil }, nil},
		{"two pods a node, of all services together", func(f *facts.Facts) {
			f.Services = []facts.Service{
				service("api", listening("10.244.2.1", "a", "w2", 80), listening("10.244.3.1", "d", "w3", 80)),
				service("web", listening("10.244.2.2", "b", "w2", 80), listening("10.244.2.3", "c", "w2", 80), listening("10.244.3.2", "e", "w3", 80)),
			}
		}, []string{"10.244.2.1:80", "10.244.3.1:80", "10.244.2.2:80", "10.244.3.2:80", dns}},
		{"a pod once, by its first TCP port", func(f *facts.Facts) {
			e := listening("10.244.2.1", "a", "w2", 80, 81)
			e.Ports = append([]facts.EndpointPort{{Protocol: facts.UDP, Port: 53}, {Protocol: facts.TCP}}, e.Ports...)
			f.Services = []facts.Service{service("api", e), service("web", e)}
		}, []string{"10.244.2.1:80", dns}},
		{"the own address never, however it is written", func(f *facts.Facts) {
			f.Services = []facts.Service{service("own", listening("10.244.1.3", "web-0", "w1", 80), listening("::ffff:10.244.1.3", "web-0", "w1", 80), listening("10.244.1.4", "a", "w1", 80))}
		}, []string{"10.244.1.4:80", dns}},
		{"what is no path", func(f *facts.Facts) {
			late, udp, host := listening("10.244.2.1", "a", "w2", 80), listening("10.244.2.2", "b", "w2"), listening("203.0.113.1", "", "", 80)
			late.Ready, host.Pod = false, nil
			udp.Ports = []facts.EndpointPort{{Protocol: facts.UDP, Port: 53}}
			foreign := listening("203.0.113.2", "", "w2", 80)
			foreign.Pod = nil
			f.Services = []facts.Service{service("api", late, udp, host, foreign, listening("10.244.2.3", "c", "", 80))}
		}, []string{dns}},
		{"another family than the vantage point's", func(f *facts.Facts) { f.Services = []facts.Service{dual} }, []string{"10.244.2.1:80", "10.244.2.2:80", dns}},
		{"both families, two pods each", func(f *facts.Facts) {
			dualStack(f)
			f.Services = []facts.Service{dual}
		}, []string{"10.244.2.1:80", "10.244.2.2:80", "[fd00:2::1]:80", "[fd00:2::2]:80", dns}},
		{"pods that are targets, by their declared TCP ports", func(f *facts.Facts) {
			// One pod's two addresses must not pass for two pods.
			dualStack(f)
			f.Targets = []facts.Target{deploy}
		}, []string{dns, "10.244.2.1:8080", "[fd00:2::1]:8080", "10.244.2.2:8080", "[fd00:2::2]:8080"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := shopFacts()
			f.DNS.Service.Endpoints[0].Node = "cp"
			tt.change(f)
			if diff := cmp.Diff(tt.want, targetsOf(t, "path.loss", f)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	f := shopFacts()
	f.Services = []facts.Service{many}
	c, _ := Registry.Get("path.loss")
	tasks := c.Plan(f)
	if len(tasks) != maxPaths || tasks[0].Attempts != lossAttempts || tasks[0].Timeout.D() != lossTimeout || tasks[0].Object != "pod/shop/p" {
		t.Errorf("%d tasks, the first %+v, want %d of %d attempts in %v", len(tasks), tasks[0], maxPaths, lossAttempts, lossTimeout)
	}
}

// A plan for a node must leave out the node's own address, and one for a pod of a mesh
// must say so to the probe.
func TestPlanPathLossVantage(t *testing.T) {
	f := shopFacts()
	f.Vantage = facts.Vantage{Kind: facts.VantageNode, Node: &facts.Node{Name: "w1", IPs: ips("192.0.2.1")}}
	f.DNS.Service.Endpoints[0].Node = "cp"
	f.Services = []facts.Service{service("proxy", listening("192.0.2.1", "a", "w1", 80), listening("192.0.2.2", "b", "w2", 80))}
	if diff := cmp.Diff([]string{"192.0.2.2:80", "10.244.0.2:53"}, targetsOf(t, "path.loss", f)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	f = shopFacts()
	f.DNS.Service.Endpoints[0].Node = "cp"
	f.Vantage.Pod.Containers = []facts.Container{{Name: "istio-proxy"}}
	c, _ := Registry.Get("path.loss")
	task := c.Plan(f)[0]
	var p lossParams
	if err := json.Unmarshal(task.Params, &p); err != nil || p.Sidecar != "istio-proxy" {
		t.Errorf("parameters %s, %v", task.Params, err)
	}
	if r := c.Run(t.Context(), task); r.Status != check.Skipped || !strings.Contains(r.Summary, "istio-proxy accepts") {
		t.Errorf("%s %q", r.Status, r.Summary)
	}
}

func TestJudgePathLoss(t *testing.T) {
	ok := dial.Try{}
	failed := func(kind check.Failure) dial.Try { return dial.Try{Attempt: check.Attempt{Failure: kind}} }
	late := func(t dial.Try, repeats int) dial.Try { t.Repeats = repeats; return t }
	broken := dial.Try{Err: errors.New("too many open files")}
	lost := failed(check.Timeout)
	tests := []struct {
		name     string
		tries    []dial.Try
		status   check.Status
		summary  string
		repeated string
		attempts int
	}{
		{"all at once", []dial.Try{ok, ok, ok}, check.Pass, "3 of 3 at once", "", 3},
		{"one repeat is nobody's trouble", []dial.Try{ok, late(ok, 1), ok}, check.Pass, "2 of 3 at once", "1 packets of 3 connections (TCP_INFO)", 3},
		{"two are", []dial.Try{late(ok, 1), late(ok, 1), ok}, check.Warn, "2 of 3 connections had to repeat a packet that was lost", "2 packets of 3 connections (TCP_INFO)", 3},
		{"two of one connection", []dial.Try{late(ok, 2), ok}, check.Warn, "1 of 2 connections had to repeat a packet that was lost", "2 packets of 2 connections (TCP_INFO)", 2},
		{"some do not come about", []dial.Try{late(ok, 1), lost, ok}, check.Fail, "1 of 3 connections did not come about, 1 more had to repeat a packet", "1 packets of 3 connections (TCP_INFO)", 3},
		{"a lost one that repeated is counted once", []dial.Try{late(lost, 1), ok}, check.Fail, "1 of 2 connections did not come about, 0 more had to repeat a packet", "1 packets of 2 connections (TCP_INFO)", 2},
		{"a refusal is an answer", []dial.Try{failed(check.Refused), late(failed(check.Refused), 1), failed(check.Reset)}, check.Pass, "2 of 3 at once", "1 packets of 3 connections (TCP_INFO)", 3},
		{"refusals, and loss", []dial.Try{failed(check.Refused), lost}, check.Fail, "1 of 2 connections did not come about, 0 more had to repeat a packet", "", 2},
		{"nothing answers", []dial.Try{lost, late(lost, 1)}, check.Skipped, "nothing answers at all", "", 0},
		{"another failure", []dial.Try{ok, failed(check.NoRoute)}, check.Skipped, "cannot be measured: " + check.NoRoute.Meaning(), "", 0},
		{"nothing could be tried", []dial.Try{broken, broken}, check.Error, "could not be tried: too many open files", "", 0},
		{"some could not", []dial.Try{broken, ok, lost}, check.Fail, "1 of 2 connections did not come about, 0 more had to repeat a packet", "", 2},
		{"none at all", nil, check.Skipped, "nothing answers at all", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := judgePathLoss(tt.tries)
			if r.Status != tt.status || r.Summary != tt.summary || len(r.Attempts) != tt.attempts {
				t.Errorf("%s %q of %d attempts, want %s %q of %d", r.Status, r.Summary, len(r.Attempts), tt.status, tt.summary, tt.attempts)
			}
			if loss := tt.status == check.Warn || tt.status == check.Fail; (r.Failure == check.Loss) != loss || !loss && r.Failure != "" {
				t.Errorf("%s with failure %q", r.Status, r.Failure)
			}
			if got := told(r, "repeated"); got != tt.repeated {
				t.Errorf("repeated: %q, want %q", got, tt.repeated)
			}
		})
	}
}
