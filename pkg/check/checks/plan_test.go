package checks

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func TestPlans(t *testing.T) {
	external := func(f *facts.Facts, list ...string) {
		for _, s := range list {
			f.Ask.External = append(f.Ask.External, parseTarget(t, s))
		}
	}
	aim := func(f *facts.Facts, s string, fill func(*facts.Target)) {
		to := facts.Target{Target: parseTarget(t, s)}
		fill(&to)
		f.Targets = append(f.Targets, to)
	}
	webPod := facts.Pod{Namespace: "shop", Name: "api-1", IPs: ips("10.244.2.9", "fd00::9"), Containers: []facts.Container{
		{Ports: []facts.ContainerPort{{Name: "http", Port: 8080, Protocol: facts.TCP}, {Name: "stats", Port: 8125, Protocol: facts.UDP}, {Port: 99, Protocol: facts.SCTP}}},
	}}
	tests := []struct {
		name, check string
		change      func(*facts.Facts)
		want        string
	}{
		{"cluster name", "dns.cluster", func(*facts.Facts) {}, `
			cluster name | resolv.conf udp A |  |  | x2
			cluster name | resolv.conf tcp A |  |  | x2
			cluster name | 10.96.0.10 udp A | service/kube-system/kube-dns |  | x2
			cluster name | 10.244.0.2 udp A | pod/kube-system/coredns-a |  | x2
			cluster name | 10.96.0.10 tcp A | service/kube-system/kube-dns |  | x2
			cluster name | 10.244.0.2 tcp A | pod/kube-system/coredns-a |  | x2`},
		{"cluster name from a pod that resolves as its node", "dns.cluster", func(f *facts.Facts) { f.Vantage.Pod.HostNetwork = true }, `
			cluster name | 10.96.0.10 udp A | service/kube-system/kube-dns |  | x2
			cluster name | 10.244.0.2 udp A | pod/kube-system/coredns-a |  | x2
			cluster name | 10.96.0.10 tcp A | service/kube-system/kube-dns |  | x2
			cluster name | 10.244.0.2 tcp A | pod/kube-system/coredns-a |  | x2`},
		{"cluster name from a dual-stack pod", "dns.cluster", func(f *facts.Facts) {
			f.Vantage.Pod.IPs = ips("10.244.1.3", "fd00::3")
			f.DNS.Service = nil
		}, `
			cluster name | resolv.conf udp A |  |  | x2
			cluster name | resolv.conf udp AAAA |  |  | x2
			cluster name | resolv.conf tcp A |  |  | x2
			cluster name | resolv.conf tcp AAAA |  |  | x2`},
		{"cluster name when the API server's service is not readable", "dns.cluster", func(f *facts.Facts) { f.API.Service, f.DNS.Service = nil, nil }, `
			cluster name | resolv.conf udp A+AAAA |  |  | x2
			cluster name | resolv.conf tcp A+AAAA |  |  | x2`},
		{"a DNS port that is not 53", "dns.cluster", func(f *facts.Facts) {
			f.Vantage.Pod.DNSPolicy = "Default"
			f.DNS.Service.Endpoints[0].Ports[0].Port = 5353
			f.DNS.Service.Ports = f.DNS.Service.Ports[:1]
		}, `
			cluster name | 10.96.0.10 udp A | service/kube-system/kube-dns |  | x2
			cluster name | 10.244.0.2:5353 udp A | pod/kube-system/coredns-a |  | x2`},
		{"more attempts", "dns.cluster", func(f *facts.Facts) { f.Ask.Attempts, f.DNS.Service = 10, nil }, `
			cluster name | resolv.conf udp A |  |  | x10
			cluster name | resolv.conf tcp A |  |  | x10`},
		{"service names", "dns.service", func(f *facts.Facts) {
			other := payments()
			other.Namespace, other.Name = "bank", "db"
			f.Services, f.DNS.Service = []facts.Service{payments(), other}, nil
		}, `
			service name | resolv.conf udp A payments |  |  | x2
			service name | resolv.conf tcp A payments |  |  | x2
			service name | resolv.conf udp A bank/db |  |  | x2
			service name | resolv.conf tcp A bank/db |  |  | x2`},
		{"a headless service of IPv6 endpoints", "dns.service", func(f *facts.Facts) {
			s := payments()
			s.Headless, s.ClusterIPs = true, nil
			s.Endpoints[0].Addr = ip("fd00::7")
			f.Services, f.DNS.Service = []facts.Service{s}, nil
		}, `
			service name | resolv.conf udp A payments |  |  | x2
			service name | resolv.conf udp AAAA payments |  |  | x2
			service name | resolv.conf tcp A payments |  |  | x2
			service name | resolv.conf tcp AAAA payments |  |  | x2`},
		{"a headless service without ready endpoints has no address", "dns.service", func(f *facts.Facts) {
			s := payments()
			s.Headless, s.ClusterIPs, s.Endpoints = true, nil, nil
			f.Services = []facts.Service{s}
		}, ``},
		{"external names, not addresses", "dns.external", func(f *facts.Facts) {
			external(f, "example.com", "192.0.2.1", "https://api.example.com/x")
			f.Vantage.Pod.DNSPolicy = "Default"
		}, `
			external name | resolv.conf udp example.com |  |  | x2
			external name | resolv.conf tcp example.com |  |  | x2
			external name | resolv.conf udp api.example.com |  |  | x2
			external name | resolv.conf tcp api.example.com |  |  | x2`},
		{"external names at the cluster's DNS too", "dns.external", func(f *facts.Facts) { external(f, "example.com") }, `
			external name | resolv.conf udp example.com |  |  | x2
			external name | resolv.conf tcp example.com |  |  | x2
			external name | 10.96.0.10 udp example.com | service/kube-system/kube-dns |  | x2
			external name | 10.244.0.2 udp example.com | pod/kube-system/coredns-a |  | x2
			external name | 10.96.0.10 tcp example.com | service/kube-system/kube-dns |  | x2
			external name | 10.244.0.2 tcp example.com | pod/kube-system/coredns-a |  | x2`},
		{"short names", "dns.search", func(f *facts.Facts) {
			other := payments()
			other.Namespace = "bank"
			f.Services = []facts.Service{payments(), other}
			aim(f, "db.example.com:5432", func(*facts.Target) {})
		}, `
			search list | kubernetes.default |  |  | x1
			search list | payments |  |  | x1
			search list | payments.bank |  |  | x1
			search list | db.example.com |  |  | x1`},
		{"no short names at a node", "dns.search", func(f *facts.Facts) {
			f.Vantage = facts.Vantage{Kind: facts.VantageNode, Node: &facts.Node{Name: "w1"}}
			f.Services = []facts.Service{payments()}
		}, ``},

		{"API server", "api.vip", func(*facts.Facts) {}, `
			vip | 10.96.0.1:443 | service/default/kubernetes | service/default/kubernetes | x3`},
		{"API server as the environment says", "api.vip", func(f *facts.Facts) { f.API.Service = nil }, `
			vip | $KUBERNETES_SERVICE_HOST |  | service/default/kubernetes | x3`},
		{"API servers", "api.endpoint", func(*facts.Facts) {}, `
			endpoints | 172.30.0.2:6443 | node/cp | service/default/kubernetes | x3`},
		{"API servers not readable", "api.endpoint", func(f *facts.Facts) { f.API.Service = nil }, ``},

		{"ClusterIP", "service.vip", func(f *facts.Facts) { f.Services = []facts.Service{payments()} }, `
			payments vip :80 | 10.96.40.2:80 | service/shop/payments | service/shop/payments | x4`},
		{"ClusterIP of a family the pod has not", "service.vip", func(f *facts.Facts) {
			s := payments()
			s.ClusterIPs = ips("10.96.40.2", "fd01::2")
			f.Services = []facts.Service{s}
		}, `
			payments vip :80 | 10.96.40.2:80 | service/shop/payments | service/shop/payments | x4`},
		{"ClusterIP from another namespace, TCP and UDP, not SCTP", "service.vip", func(f *facts.Facts) {
			s := payments()
			s.Namespace, s.ClusterIPs = "bank", ips("fd01::2")
			s.Ports = []facts.ServicePort{{Protocol: facts.TCP, Port: 53}, {Protocol: facts.UDP, Port: 53}, {Protocol: facts.SCTP, Port: 9}}
			f.Vantage.Pod.IPs = nil
			f.Services = []facts.Service{s}
		}, `
			bank/payments vip :53 | [fd01::2]:53 | service/bank/payments | service/bank/payments | x4
			bank/payments vip :53/udp | [fd01::2]:53 udp | service/bank/payments | service/bank/payments | x4`},
		{"ClusterIP with many endpoints is tried more often", "service.vip", func(f *facts.Facts) {
			s := payments()
			for i := range 4 {
				e := s.Endpoints[0]
				e.Addr = netip.AddrFrom4([4]byte{10, 244, 3, byte(i)})
				s.Endpoints = append(s.Endpoints, e)
			}
			f.Services = []facts.Service{s}
		}, `
			payments vip :80 | 10.96.40.2:80 | service/shop/payments | service/shop/payments | x20`},
		{"but not without end", "service.vip", func(f *facts.Facts) {
			s := payments()
			for i := range 100 {
				e := s.Endpoints[0]
				e.Addr = netip.AddrFrom4([4]byte{10, 244, 3, byte(i)})
				s.Endpoints = append(s.Endpoints, e)
			}
			f.Services = []facts.Service{s}
		}, `
			payments vip :80 | 10.96.40.2:80 | service/shop/payments | service/shop/payments | x20`},
		{"headless has no ClusterIP", "service.vip", func(f *facts.Facts) {
			s := payments()
			s.Headless, s.ClusterIPs = true, nil
			f.Services = []facts.Service{s}
		}, ``},
		{"only ready endpoints", "service.endpoint", func(f *facts.Facts) { f.Services = []facts.Service{payments()} }, `
			payments endpoints :8080 | 10.244.2.7:8080 | pod/shop/p-1 | service/shop/payments | x3`},
		{"one endpoint of two services", "service.endpoint", func(f *facts.Facts) {
			other := payments()
			other.Name = "payments-internal"
			f.Services = []facts.Service{payments(), other}
		}, `
			payments endpoints :8080 | 10.244.2.7:8080 | pod/shop/p-1 | service/shop/payments | x3
			payments-internal endpoints :8080 | 10.244.2.7:8080 | pod/shop/p-1 | service/shop/payments-internal | x3`},

		{"pod with declared ports", "target.tcp", func(f *facts.Facts) {
			aim(f, "pod/api-1", func(to *facts.Target) { to.Pods = []facts.Pod{webPod} })
		}, `
			api-1 :8080 | 10.244.2.9:8080 | pod/shop/api-1 | pod/shop/api-1 | x3`},
		{"the same over UDP", "target.udp", func(f *facts.Facts) {
			aim(f, "pod/api-1", func(to *facts.Target) { to.Pods = []facts.Pod{webPod} })
		}, `
			api-1 :8125/udp | 10.244.2.9:8125 udp | pod/shop/api-1 | pod/shop/api-1 | x3`},
		{"pod with a port", "target.tcp", func(f *facts.Facts) {
			aim(f, "pod/api-1:99", func(to *facts.Target) { to.Pods = []facts.Pod{webPod} })
		}, `
			api-1 :99 | 10.244.2.9:99 | pod/shop/api-1 | pod/shop/api-1 | x3`},
		{"pod with a port name", "target.tcp", func(f *facts.Facts) {
			aim(f, "pod/api-1:http", func(to *facts.Target) { to.Pods = []facts.Pod{webPod} })
		}, `
			api-1 :8080 | 10.244.2.9:8080 | pod/shop/api-1 | pod/shop/api-1 | x3`},
		{"workload", "target.tcp", func(f *facts.Facts) {
			aim(f, "deploy/api:80", func(to *facts.Target) { to.Pods = []facts.Pod{webPod} })
		}, `
			api pods :80 | 10.244.2.9:80 | pod/shop/api-1 | deployment/shop/api | x3`},
		{"node", "target.tcp", func(f *facts.Facts) {
			aim(f, "node/w2:10250", func(to *facts.Target) { to.Node, to.Addrs = &facts.Node{Name: "w2"}, ips("172.30.0.3") })
		}, `
			node w2 :10250 | 172.30.0.3:10250 | node/w2 | node/w2 | x3`},
		{"address", "target.udp", func(f *facts.Facts) {
			aim(f, "10.0.0.1:53/udp", func(to *facts.Target) { to.Addrs = ips("10.0.0.1") })
		}, `
			address :53/udp | 10.0.0.1:53 udp |  |  | x3`},
		{"a UDP port is not tried over TCP", "target.tcp", func(f *facts.Facts) {
			aim(f, "10.0.0.1:53/udp", func(to *facts.Target) { to.Addrs = ips("10.0.0.1") })
		}, ``},
		{"host", "target.tcp", func(f *facts.Facts) { aim(f, "example.com:443", func(*facts.Target) {}) }, `
			host | example.com:443 |  |  | x3`},
		{"URL", "target.http", func(f *facts.Facts) { aim(f, "https://example.com/x", func(*facts.Target) {}) }, `
			url | https://example.com/x |  |  | x3`},

		{"outside", "external.host", func(f *facts.Facts) {
			external(f, "example.com", "192.0.2.1:53/udp", "192.0.2.1", "http://example.org/", "2001:db8::1")
		}, `
			host | example.com:443 |  |  | x3
			address | 192.0.2.1:53 udp |  |  | x3
			address | 192.0.2.1:443 |  |  | x3
			url | http://example.org/ |  |  | x3
			address | [2001:db8::1]:443 |  |  | x3`},
		{"outside by default, of a family that the pod does not have", "external.host", func(f *facts.Facts) {
			external(f, "192.0.2.1", "2001:db8::1")
			f.Ask.ExternalDefault = true
		}, `
			address | 192.0.2.1:443 |  |  | x3`},
	}
	for _, tt := range tests {
		t.Run(tt.check+" "+tt.name, func(t *testing.T) {
			f := shopFacts()
			tt.change(f)
			if diff := cmp.Diff(lines(tt.want), planOf(t, tt.check, f)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPlanParams(t *testing.T) {
	f := shopFacts()
	s := payments()
	s.Ports[0].AppProtocol = "https"
	s.Endpoints[0].Ready = false
	f.Services = []facts.Service{s}
	got := planServiceVIP(f)[0].Params
	if got.Talk.Proto != "tls" || !got.Talk.Sure || got.Talk.Host != "payments.shop.svc" || !got.NoBackend {
		t.Errorf("got %+v", got)
	}
	f.Services[0].EndpointsUnknown = true
	if planServiceVIP(f)[0].Params.NoBackend {
		t.Error("unread endpoints are taken for none")
	}
	f.Ask.External, f.Ask.ExternalDefault = []target.Target{parseTarget(t, "https://example.com"), parseTarget(t, "example.com")}, true
	outside := planExternalHost(f)
	if !outside[0].Params.HTTP.Soft || !outside[1].Params.Reach.Soft {
		t.Error("defaults must be soft")
	}
}

// TestRunsWhenCancelled runs every task that these facts plan with a context that has
// ended: parameters survive their way through JSON, no packet is sent, and a run that
// was cut short neither passes nor fails.
func TestRunsWhenCancelled(t *testing.T) {
	f := shopFacts()
	f.Services = []facts.Service{payments()}
	for _, s := range []string{"example.com", "192.0.2.1:53/udp", "https://example.com/"} {
		f.Ask.External = append(f.Ask.External, parseTarget(t, s))
	}
	for _, s := range []string{"192.0.2.1:80", "192.0.2.1:53/udp", "https://192.0.2.1/", "example.com:443"} {
		f.Targets = append(f.Targets, facts.Target{Target: parseTarget(t, s), Addrs: []netip.Addr{ip("192.0.2.1")}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, id := range []string{
		"api.endpoint", "api.vip", "dns.cluster", "dns.external", "dns.service", "external.host",
		"service.endpoint", "service.vip", "target.http", "target.tcp", "target.udp",
	} {
		c, _ := Registry.Get(id)
		tasks := c.Plan(f)
		if len(tasks) == 0 {
			t.Errorf("%s plans nothing", id)
		}
		for _, task := range tasks {
			r := c.Run(ctx, task)
			// No address and no name server are known without any packet.
			if task.Target == "$KUBERNETES_SERVICE_HOST" || r.Failure == check.Config {
				continue
			}
			if r.Status != check.Error || !strings.Contains(r.Summary, "cancel") {
				t.Errorf("%s: %s %q: %s", task.ID, r.Status, r.Failure, r.Summary)
			}
		}
	}
}
