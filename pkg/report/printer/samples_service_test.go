package printer_test

import (
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// walked is failing as `service` shows it: the steps of the way, what policies say, a
// line for each of two targets, and what a resolver sent.
func walked() report.Input {
	in := failing()
	addr := netip.MustParseAddr
	ports := []facts.EndpointPort{{Name: "http", Protocol: facts.TCP, Port: 8080}, {Name: "admin", Protocol: facts.TCP, Port: 8081}}
	in.Service = &facts.Service{
		Namespace: "shop", Name: "payments", Type: "ClusterIP", ClusterIPs: []netip.Addr{addr("10.96.40.2")},
		Selector: map[string]string{"app": "payments"}, Distribution: "PreferSameZone",
		Ports: []facts.ServicePort{{Name: "http", Protocol: facts.TCP, Port: 80, TargetPort: "http"}, {Name: "admin", Protocol: facts.TCP, Port: 81, TargetPort: "8081"}},
		Endpoints: []facts.Endpoint{
			{Addr: addr("10.244.2.7"), Ready: true, Serving: true, Node: "w2", Zone: "b", ZoneHints: []string{"b"}, Pod: &facts.Ref{Namespace: "shop", Name: "payments-x2x9f"}, Ports: ports},
			{Addr: addr("10.244.1.9"), Ready: true, Serving: true, Node: "w1", Zone: "a", ZoneHints: []string{"a"}, Pod: &facts.Ref{Namespace: "shop", Name: "payments-k4k2p"}, Ports: ports},
			{Addr: addr("10.244.1.8"), Node: "w1", Zone: "a", Pod: &facts.Ref{Namespace: "shop", Name: "payments-dark"}},
		},
	}
	in.Asked = []string{"svc/payments", "https://example.com"}
	for i := range in.Results {
		if in.Results[i].Subject == "service/shop/payments" {
			in.Results[i].Asked = "svc/payments"
		}
	}
	trace := check.Result{
		TaskID: "dns.trace payments", Check: "dns.trace", Vantage: "pod/shop/checkout-7d9f", Status: check.Pass, Summary: "resolves with name 1 of 4, 2 queries",
		Label: check.Label{Area: "dns", Title: "queries", Target: "payments", Subject: "service/shop/payments"},
	}
	trace.With("server", "10.96.0.10")
	trace.With("search", "shop.svc.cluster.local svc.cluster.local cluster.local")
	trace.With("ndots", "5")
	trace.With("query 1", "payments.shop.svc.cluster.local. A: answered 10.96.40.2, 0.8 ms")
	trace.With("query 2", "payments.shop.svc.cluster.local. AAAA: nodata, 0.7 ms")
	trace.With("IPv4", "10.96.40.2")
	trace.With("IPv6", "none")
	other := trace
	other.TaskID, other.Target, other.Subject = "dns.trace ledger", "ledger", ""
	name := check.Result{
		TaskID: "dns.service 10.96.0.10 udp A payments", Check: "dns.service", Vantage: "pod/shop/checkout-7d9f", Status: check.Pass, Summary: "2 of 2 ok, 0.8 ms",
		Label: check.Label{Area: "dns", Title: "service name", Target: "10.96.0.10 udp A payments", Object: "service/kube-system/kube-dns"},
	}
	in.Results = append(in.Results, trace, other, name)
	upstream := check.Result{
		TaskID: "dns.upstream 192.0.2.53 udp", Check: "dns.upstream", Vantage: "node/cp", Status: check.Pass, Summary: "2 of 2 ok, 1.1 ms",
		Label: check.Label{Area: "dns", Title: "upstream servers", Target: "192.0.2.53 udp"},
	}
	silent := check.Skipf("--deep", "timeout 2 of 2 after 2 s from here: pods may not be let through to it, and CoreDNS may be")
	silent.TaskID, silent.Check, silent.Vantage, silent.Attempts = "dns.upstream 192.0.2.54 udp", "dns.upstream", "pod/shop/checkout-7d9f", losses(2, check.Timeout, 2000)
	silent.Label = check.Label{Area: "dns", Title: "upstream servers", Target: "192.0.2.54 udp corp.example"}
	in.Results = append(in.Results, upstream, silent)
	port := check.Result{
		TaskID: "service.nodeport 192.0.2.1:30080", Check: "service.nodeport", Vantage: "pod/shop/checkout-7d9f", Status: check.Pass, Summary: "3 of 3 ok",
		Label: check.Label{Area: "service", Title: "payments node port :30080", Target: "192.0.2.1:30080", Object: "node/w1", Subject: "service/shop/payments"},
	}
	outside := port
	outside.Vantage, outside.Status, outside.Failure, outside.Attempts = report.VantageMachine, check.Fail, check.Timeout, losses(3, check.Timeout, 2000)
	in.Results = append(in.Results, port, outside)
	flow := func(to string, v facts.PolicyVerdict) facts.PolicyFlow {
		f := facts.PolicyFlow{To: netip.MustParseAddrPort(to), Protocol: facts.TCP, Object: "pod/shop/payments-x2x9f", Subject: "service/shop/payments"}
		f.Decision.Egress = facts.PolicySide{Direction: facts.PolicyEgress, Verdict: facts.PolicyAllowed, Because: "no policy selects pod/shop/checkout-7d9f"}
		f.Decision.Ingress = facts.PolicySide{Direction: facts.PolicyIngress, Verdict: v, Isolated: true}
		if v == facts.PolicyDenied {
			f.Decision.Ingress.Silent = []facts.Ref{{Namespace: "shop", Name: "payments-in"}}
		}
		return f
	}
	in.Policies = facts.Policies{Read: true, Count: 1, Foreign: []facts.ForeignPolicy{{Kind: "CiliumNetworkPolicy", Name: "shop/l7"}}, Flows: []facts.PolicyFlow{
		flow("10.244.2.7:8080", facts.PolicyDenied), flow("10.244.1.9:8080", facts.PolicyAllowed),
	}}
	return in
}

// walkedWell is a service that is in order, as `service` shows it.
func walkedWell() report.Input {
	in, w := sample(), walked()
	s := *w.Service
	s.Endpoints = s.Endpoints[:2]
	in.Service = &s
	for _, r := range w.Results {
		if r.Check == "dns.trace" && r.Subject != "" || r.Check == "dns.service" {
			in.Results = append(in.Results, r)
		}
	}
	in.Policies = w.Policies
	in.Policies.Flows = in.Policies.Flows[1:]
	in.Policies.Flows[0].Decision.Ingress.Isolated = true
	return in
}
