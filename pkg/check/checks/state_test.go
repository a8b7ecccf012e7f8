package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func TestReads(t *testing.T) {
	service := func(change func(*facts.Service)) func(*facts.Facts) {
		return func(f *facts.Facts) {
			s := payments()
			change(&s)
			f.Services = []facts.Service{s}
		}
	}
	allReady := func(s *facts.Service) {
		s.Endpoints[1].Ready, s.SelectedPods[1].Ready = true, true
	}
	tests := []struct {
		name, check string
		change      func(*facts.Facts)
		want        string
	}{
		{"all ready", "service.ready", service(allReady), `
			payments ready | shop/payments | pass  | 2 of 2 endpoints ready`},
		{"a pod of two families counts once", "service.ready", service(func(s *facts.Service) {
			allReady(s)
			for _, e := range s.Endpoints {
				e.Addr = ip("fd00::7")
				s.Endpoints = append(s.Endpoints, e)
			}
		}), `
			payments ready | shop/payments | pass  | 2 of 2 endpoints ready`},
		{"one is not ready", "service.ready", service(func(s *facts.Service) { s.SelectedPods[1].NotReady = "ContainersNotReady: app" }), `
			payments ready | shop/payments | warn not-ready | 1 of 2 endpoints ready | pod/shop/p-2: ContainersNotReady: app`},
		{"one is on its way out", "service.ready", service(func(s *facts.Service) { s.Endpoints[1].Terminating = true }), `
			payments ready | shop/payments | pass  | 1 of 1 endpoints ready`},
		{"none is ready", "service.ready", service(func(s *facts.Service) {
			s.Endpoints, s.SelectedPods = s.Endpoints[1:], s.SelectedPods[1:]
			s.SelectedPods[0].Containers[0].Waiting, s.SelectedPods[0].Containers[0].Restarts = "CrashLoopBackOff", 7
		}), `
			payments ready | shop/payments | fail not-ready | its one endpoint is not ready | pod/shop/p-2: Running; container app: CrashLoopBackOff, 7 restarts`},
		{"selector matches nothing", "service.ready", service(func(s *facts.Service) { s.SelectedPods, s.Endpoints = nil, nil }), `
			payments ready | shop/payments | fail no-endpoint | its selector matches no pod in namespace shop | selector: app=payments`},
		{"pods, but no endpoints", "service.ready", service(func(s *facts.Service) { allReady(s); s.Endpoints = nil }), `
			payments ready | shop/payments | fail no-endpoint | has no endpoints | selector: app=payments`},
		{"neither selector nor endpoints", "service.ready", service(func(s *facts.Service) {
			s.Selector, s.SelectedPods, s.Endpoints, s.SelectorRead = nil, nil, nil, false
		}), `
			payments ready | shop/payments | fail no-endpoint | has no selector, and nobody has written an EndpointSlice for it`},
		{"target port of no container", "service.ready", service(func(s *facts.Service) { s.Ports[0].TargetPort, s.Endpoints = "wev", nil }), `
			payments ready | shop/payments | fail config | targetPort "wev" of port 80 is a name that no container of its pods has | named container ports: web`},
		{"target port that the endpoints have", "service.ready", service(func(s *facts.Service) { allReady(s); s.Ports[0].TargetPort = "elsewhere" }), `
			payments ready | shop/payments | pass  | 2 of 2 endpoints ready`},
		{"a target port by number need not be declared", "service.ready", service(func(s *facts.Service) { allReady(s); s.Ports[0].TargetPort = "9999" }), `
			payments ready | shop/payments | pass  | 2 of 2 endpoints ready`},
		{"endpoints not readable are not none", "service.ready", func(f *facts.Facts) {
			service(func(s *facts.Service) { s.Endpoints, s.EndpointsUnknown = nil, true })(f)
			f.Notes = []string{"endpointslices in namespace shop: forbidden for user jane"}
		}, `
			payments ready | shop/payments | skipped  | endpointslices in namespace shop: forbidden for user jane`},
		{"ExternalName", "service.ready", service(func(s *facts.Service) { s.Type, s.ExternalName = "ExternalName", "db.example.com" }), `
			payments ready | shop/payments | skipped  | an ExternalName service has no endpoints: it is a DNS alias of db.example.com`},
		{"ExternalName has no ClusterIP", "service.vip", service(func(s *facts.Service) { s.Type, s.ExternalName = "ExternalName", "db.example.com" }), `
			payments vip | shop/payments | skipped  | an ExternalName service is only a DNS alias of db.example.com: it has no address of its own`},
		{"SCTP", "service.vip", service(func(s *facts.Service) { s.Ports[0].Protocol = facts.SCTP }), `
			payments vip :80/sctp | shop/payments :80/sctp | skipped  | the probe does not speak SCTP`},

		{"DNS service", "state.dns", func(*facts.Facts) {}, `
			endpoints ready | kube-system/kube-dns | pass  | 1 of 1 endpoints ready`},
		{"DNS service without endpoints", "state.dns", func(f *facts.Facts) { f.DNS.Service.Endpoints[0].Ready = false }, `
			endpoints ready | kube-system/kube-dns | fail not-ready | its one endpoint is not ready`},
		{"DNS service not readable", "state.dns", func(f *facts.Facts) {
			f.DNS.Service = nil
			f.Notes = []string{"nodes: forbidden", "the cluster's DNS service: forbidden for user jane (list services)"}
		}, `
			endpoints ready | the cluster's DNS service | skipped  | the cluster's DNS service: forbidden for user jane (list services)`},
		{"API servers", "state.api", func(*facts.Facts) {}, `
			endpoints ready | default/kubernetes | pass  | 1 of 1 endpoints ready`},
		{"API servers not readable", "state.api", func(f *facts.Facts) { f.API.Service = nil }, `
			endpoints ready | service default/kubernetes | skipped  | service default/kubernetes was not found or could not be read`},

		{"nodes", "state.node", func(f *facts.Facts) {
			f.Nodes = append(f.Nodes, facts.Node{Name: "w1", Ready: true}, facts.Node{Name: "w2", NotReady: "NodeStatusUnknown: Kubelet stopped posting node status."})
		}, `
			nodes ready | w2 | fail not-ready | is not ready | reason: NodeStatusUnknown: Kubelet stopped posting node status.
			nodes ready | 2 nodes | pass  | 2 of 3 ready`},
		{"nodes not readable", "state.node", func(f *facts.Facts) { f.Nodes, f.Notes = nil, []string{"nodes: forbidden for user jane"} }, `
			nodes ready | nodes | skipped  | nodes: forbidden for user jane`},

		{"pod", "state.pod", func(f *facts.Facts) { f.Vantage.Pod.Containers = []facts.Container{{Restarts: 2}} }, `
			pod state | shop/web-0 | pass  | running and ready, 2 restarts | node: w1 | restarts: 2`},
		{"pods of targets", "state.pod", func(f *facts.Facts) {
			f.Targets = []facts.Target{
				{Target: target.Target{Kind: target.Pod, Name: "a"}, Pods: []facts.Pod{{Namespace: "shop", Name: "a", Phase: "Pending", NotReady: "Unschedulable: 0/3 nodes"}}},
				{Target: target.Target{Kind: target.Workload, Resource: "deployments", Namespace: "shop", Name: "api"}, Pods: []facts.Pod{
					{Namespace: "shop", Name: "a"}, {Namespace: "shop", Name: "b", Phase: "Running", NotReady: "x\x1b[2J"}, {Namespace: "shop", Name: "c", Phase: "Running", Ready: true, Terminating: true},
				}},
				{Target: target.Target{Kind: target.Workload, Resource: "deployments", Namespace: "shop", Name: "none"}},
			}
		}, `
			pod state | shop/web-0 | pass  | running and ready | node: w1
			a state | shop/a | fail not-ready | is Pending, not running | reason: Unschedulable: 0/3 nodes
			api pods state | shop/b | fail not-ready | is running, but not ready | reason: x.[2J
			api pods state | shop/c | warn not-ready | is being deleted | reason: Running; terminating
			none state | deployment/shop/none | fail no-endpoint | has no pods`},

		{"no port to try", "target.tcp", func(f *facts.Facts) {
			f.Targets = []facts.Target{{Target: parseTarget(t, "pod/a"), Pods: []facts.Pod{{Namespace: "shop", Name: "a"}}}}
		}, `
			a ports | pod/shop/a | skipped  | no port was given, and its containers declare none`},
		{"no port of that name", "target.tcp", func(f *facts.Facts) {
			f.Targets = []facts.Target{{Target: parseTarget(t, "pod/a:web"), Pods: []facts.Pod{{Namespace: "shop", Name: "a"}}}}
		}, `
			a ports | pod/shop/a | fail config | no container has a port named "web"`},
		{"a pod that resolves as its node", "dns.search", func(f *facts.Facts) { f.Vantage.Pod.HostNetwork = true }, `
			search list | kubernetes.default | skipped  | dnsPolicy ClusterFirst with hostNetwork: this pod resolves as its node does, so names of the cluster are not in its reach`},
		{"more services than names are asked for", "dns.service", func(f *facts.Facts) { f.Services = make([]facts.Service, 10) }, `
			service name | others | skipped  | 2 of 10 service names are not asked for`},
	}
	for _, tt := range tests {
		t.Run(tt.check+" "+tt.name, func(t *testing.T) {
			f := shopFacts()
			tt.change(f)
			if diff := cmp.Diff(lines(tt.want), readOf(t, tt.check, f)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
