package checks

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// TestAsked: what serves an argument says so, and what only resolves its name or reads
// it from the API does not. A default serves nobody's argument.
func TestAsked(t *testing.T) {
	pod := facts.Pod{Namespace: "shop", Name: "api-1", Node: "w2", Phase: "Running", Ready: true, IPs: ips("10.244.2.9"), Containers: []facts.Container{
		{Ports: []facts.ContainerPort{{Name: "http", Port: 8080, Protocol: facts.TCP}, {Name: "stats", Port: 8125, Protocol: facts.UDP}}},
	}}
	to := func(raw string, fill func(*facts.Target)) func(*facts.Facts) {
		return func(f *facts.Facts) {
			aim := facts.Target{Target: parseTarget(t, raw)}
			fill(&aim)
			f.Targets = append(f.Targets, aim)
		}
	}
	service := func(raw string, change func(*facts.Service)) func(*facts.Facts) {
		return func(f *facts.Facts) {
			s := payments()
			s.Asked = raw
			change(&s)
			f.Services = append(f.Services, s)
		}
	}
	tests := []struct {
		name   string
		change func(*facts.Facts)
		arg    string
		want   []string // checks
	}{
		{
			"pod", to("pod/api-1", func(to *facts.Target) { to.Pods = []facts.Pod{pod} }), "pod/api-1",
			[]string{"path.mtu", "target.icmp", "target.tcp", "target.udp"},
		},
		{
			"pod that has ended", to("pod/api-1", func(to *facts.Target) {
				ended := pod
				ended.Phase = "Succeeded"
				to.Pods = []facts.Pod{ended}
			}), "pod/api-1", nil,
		},
		{
			"pod without ports", to("pod/api-1", func(to *facts.Target) {
				bare := pod
				bare.Containers = nil
				to.Pods = []facts.Pod{bare}
			}), "pod/api-1", []string{"path.mtu", "target.icmp", "target.tcp"},
		},
		{
			"node", to("node/w2:10250", func(to *facts.Target) { to.Node, to.Addrs = &facts.Node{Name: "w2"}, ips("172.30.0.3") }), "node/w2:10250",
			[]string{"path.mtu", "target.icmp", "target.tcp"},
		},
		{"host", to("example.com:443", func(*facts.Target) {}), "example.com:443", []string{"path.mtu", "target.icmp", "target.tcp"}},
		{"URL", to("https://example.com/x", func(*facts.Target) {}), "https://example.com/x", []string{"path.mtu", "target.http"}},
		{
			"service", service("svc/payments:80", func(*facts.Service) {}), "svc/payments:80",
			[]string{"path.mtu", "service.endpoint", "service.vip", "target.icmp"},
		},
		{
			"service without endpoints", service("svc/payments", func(s *facts.Service) { s.Endpoints = nil }), "svc/payments",
			[]string{"service.ready", "service.vip"},
		},
		{
			"alias", service("svc/payments", func(s *facts.Service) {
				*s = facts.Service{Namespace: "shop", Name: "payments", Type: "ExternalName", ExternalName: "example.com", Asked: s.Asked}
			}), "svc/payments", []string{"dns.service", "service.alias", "service.ready", "service.vip"},
		},
		{"unreadable", to("pod/api-1", func(to *facts.Target) { to.Unknown = true }), "pod/api-1", []string{"target.read"}},
		{
			"outside", func(f *facts.Facts) { f.Ask.External = []target.Target{parseTarget(t, "example.org")} }, "example.org",
			[]string{"external.host"},
		},
		{
			"outside by default", func(f *facts.Facts) {
				f.Ask.External, f.Ask.ExternalDefault = []target.Target{parseTarget(t, "example.org")}, true
			}, "", nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := shopFacts()
			tt.change(f)
			serving := map[string]bool{}
			note := func(check, arg string) {
				if arg == "" {
					return
				}
				serving[check] = true
				if arg != tt.arg {
					t.Errorf("%s serves %q", check, arg)
				}
			}
			for _, task := range Registry.Plan(f) {
				note(task.Check, task.Asked)
			}
			for _, r := range Registry.Read(f) {
				note(r.Check, r.Asked)
			}
			if diff := cmp.Diff(tt.want, slices.Sorted(maps.Keys(serving))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestPodBehindPolicy: a NetworkPolicy lets clients of a port in, but no echo. Silence
// to an echo decides only where no TCP port is tried.
func TestPodBehindPolicy(t *testing.T) {
	for _, tt := range []struct {
		port facts.ContainerPort
		soft bool
	}{
		{facts.ContainerPort{Port: 8080, Protocol: facts.TCP}, true},
		{facts.ContainerPort{Port: 8125, Protocol: facts.UDP}, false},
	} {
		f := shopFacts()
		f.Targets = []facts.Target{{Target: parseTarget(t, "pod/api-1"), Pods: []facts.Pod{{
			Namespace: "shop", Name: "api-1", IPs: ips("10.244.2.9"), Containers: []facts.Container{{Ports: []facts.ContainerPort{tt.port}}},
		}}}}
		if tasks := planTargetICMP(f); len(tasks) != 1 || tasks[0].Params.Soft != tt.soft {
			t.Errorf("port %+v: %+v, want soft %t", tt.port, tasks, tt.soft)
		}
	}
}

// TestFurtherAddresses: a node's external address is tried, but does not decide; and a
// target of a family that the pod lacks is tried, for that is the answer.
func TestFurtherAddresses(t *testing.T) {
	f := shopFacts()
	f.Targets = []facts.Target{
		{Target: parseTarget(t, "node/w2:22"), Node: &facts.Node{Name: "w2"}, Addrs: ips("172.30.0.3", "203.0.113.3")},
		{Target: parseTarget(t, "[fd00::9]:80"), Addrs: ips("fd00::9")},
	}
	var got []string
	for _, task := range targetTasks(f, facts.TCP) {
		word := task.Target
		if task.Params.Soft {
			word += " soft"
		}
		got = append(got, word)
	}
	if diff := cmp.Diff([]string{"172.30.0.3:22", "203.0.113.3:22 soft", "[fd00::9]:80"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
