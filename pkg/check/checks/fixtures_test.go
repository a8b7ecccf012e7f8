package checks

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }
func ips(list ...string) (a []netip.Addr) {
	for _, s := range list {
		a = append(a, ip(s))
	}
	return a
}

// shopFacts is a pod of namespace shop in a cluster with one DNS endpoint, one API
// server and no service in question. Tests change what they are about.
func shopFacts() *facts.Facts {
	return &facts.Facts{
		Ask: facts.Ask{Attempts: 3, Timeout: 2 * time.Second},
		Vantage: facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{
			Namespace: "shop", Name: "web-0", Node: "w1", IPs: ips("10.244.1.3"), Phase: "Running", Ready: true, DNSPolicy: "ClusterFirst",
		}},
		DNS: facts.DNS{Service: &facts.Service{
			Namespace: "kube-system", Name: "kube-dns", ClusterIPs: ips("10.96.0.10"),
			Ports: []facts.ServicePort{
				{Name: "dns", Protocol: facts.UDP, Port: 53}, {Name: "dns-tcp", Protocol: facts.TCP, Port: 53}, {Name: "metrics", Protocol: facts.TCP, Port: 9153},
			},
			Endpoints: []facts.Endpoint{{
				Addr: ip("10.244.0.2"), Ready: true, Pod: &facts.Ref{Namespace: "kube-system", Name: "coredns-a"},
				Ports: []facts.EndpointPort{
					{Name: "dns", Protocol: facts.UDP, Port: 53}, {Name: "dns-tcp", Protocol: facts.TCP, Port: 53}, {Name: "metrics", Protocol: facts.TCP, Port: 9153},
				},
			}},
		}},
		API: facts.APIServer{Service: &facts.Service{
			Namespace: "default", Name: "kubernetes", ClusterIPs: ips("10.96.0.1"),
			Ports:     []facts.ServicePort{{Name: "https", Protocol: facts.TCP, Port: 443}},
			Endpoints: []facts.Endpoint{{Addr: ip("172.30.0.2"), Ready: true, Ports: []facts.EndpointPort{{Name: "https", Protocol: facts.TCP, Port: 6443}}}},
		}},
		Nodes: []facts.Node{{Name: "cp", IPs: ips("172.30.0.2"), Ready: true}},
	}
}

// payments is a service of two endpoints, one of which is not ready.
func payments() facts.Service {
	endpoint := func(addr, pod string, ready bool) facts.Endpoint {
		return facts.Endpoint{
			Addr: ip(addr), Ready: ready, Pod: &facts.Ref{Namespace: "shop", Name: pod},
			Ports: []facts.EndpointPort{{Name: "http", Protocol: facts.TCP, Port: 8080}},
		}
	}
	pod := func(name string, ready bool) facts.Pod {
		return facts.Pod{Namespace: "shop", Name: name, Phase: "Running", Ready: ready, Containers: []facts.Container{{
			Name: "app", Ports: []facts.ContainerPort{{Name: "web", Port: 8080, Protocol: facts.TCP}},
		}}}
	}
	return facts.Service{
		Namespace: "shop", Name: "payments", Type: "ClusterIP", ClusterIPs: ips("10.96.40.2"),
		Ports:        []facts.ServicePort{{Name: "http", Protocol: facts.TCP, Port: 80, TargetPort: "web"}},
		Selector:     map[string]string{"app": "payments"},
		SelectorRead: true,
		SelectedPods: []facts.Pod{pod("p-1", true), pod("p-2", false)},
		Endpoints:    []facts.Endpoint{endpoint("10.244.2.7", "p-1", true), endpoint("10.244.2.8", "p-2", false)},
	}
}

// parseTarget is what a user's --to becomes.
func parseTarget(t *testing.T, s string) target.Target {
	t.Helper()
	parsed, err := target.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// planOf plans one check and gives a line for each task.
func planOf(t *testing.T, id string, f *facts.Facts) []string {
	t.Helper()
	c, ok := Registry.Get(id)
	if !ok {
		t.Fatalf("no check %s", id)
	}
	seen := map[string]bool{}
	var lines []string
	for _, task := range c.Plan(f) {
		if seen[task.ID] {
			t.Errorf("two tasks have the ID %q", task.ID)
		}
		seen[task.ID] = true
		if task.Timeout.D() != f.Ask.Timeout {
			t.Errorf("task %s has the deadline %s", task.ID, task.Timeout.D())
		}
		lines = append(lines, fmt.Sprintf("%s | %s | %s | %s | x%d", task.Title, task.Target, task.Object, task.Subject, task.Attempts))
	}
	return lines
}

// readOf reads one check and gives a line for each result.
func readOf(t *testing.T, id string, f *facts.Facts) []string {
	t.Helper()
	c, ok := Registry.Get(id)
	if !ok {
		t.Fatalf("no check %s", id)
	}
	seen := map[string]bool{}
	var lines []string
	for _, r := range c.Read(f) {
		if seen[r.TaskID] {
			t.Errorf("two results have the ID %q", r.TaskID)
		}
		seen[r.TaskID] = true
		if r.Title == "" || r.Area == "" || r.Target == "" {
			t.Errorf("result without a label: %+v", r.Label)
		}
		line := fmt.Sprintf("%s | %s | %s %s | %s", r.Title, r.Target, r.Status, r.Failure, r.Summary)
		for _, e := range r.Evidence {
			line += fmt.Sprintf(" | %s: %s", e.Key, e.Value)
		}
		lines = append(lines, line)
	}
	return lines
}

// runOf runs a check with the parameters given, as a probe does.
func runOf(t *testing.T, run func(check.Task) check.Result, attempts int, timeout time.Duration) check.Result {
	t.Helper()
	r := run(check.Task{Attempts: attempts, Timeout: check.Duration(timeout)})
	if _, err := json.Marshal(r); err != nil {
		t.Errorf("a result that cannot travel: %v", err)
	}
	return r
}

// told is the value of a key, "" without.
func told(r check.Result, key string) string {
	for _, e := range r.Evidence {
		if e.Key == key {
			return e.Value
		}
	}
	return ""
}

func lines(text string) []string {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	var out []string
	for _, line := range strings.Split(text, "\n") {
		out = append(out, strings.TrimSpace(line))
	}
	return out
}
