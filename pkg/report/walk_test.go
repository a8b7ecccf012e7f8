package report

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestWalk(t *testing.T) {
	addr := netip.MustParseAddr
	web := facts.Service{
		Namespace: "shop", Name: "web", Type: "ClusterIP", ClusterIPs: []netip.Addr{addr("10.96.0.80")},
		Endpoints: []facts.Endpoint{{Addr: addr("10.1.0.2"), Ready: true}, {Addr: addr("10.2.0.2"), Ready: true}},
	}
	headless, alias := web, web
	headless.Headless = true
	alias.Type = "ExternalName"
	result := func(id, target string, status check.Status, failure check.Failure, answer string) check.Result {
		r := check.Result{TaskID: id + " " + target, Check: id, Status: status, Failure: failure, Summary: string(failure), Label: check.Label{Area: "service", Title: id, Target: target, Subject: "service/shop/web"}}
		if answer != "" {
			r.Evidence = []check.Evidence{{Key: "answer", Value: answer}}
		}
		return r
	}
	name := check.Result{TaskID: "n", Check: "dns.service", Status: check.Pass, Label: check.Label{Title: "service name", Target: "10.96.0.10 udp A web", Object: "service/kube-system/kube-dns"}}
	other := name
	other.Target, other.Status = "10.96.0.10 udp A cobweb", check.Fail
	flow := func(to string) facts.Flow {
		return facts.Flow{Protocol: "tcp", Found: true, DstNAT: true, SeenReply: to != "10.2.0.77:8080", Orig: facts.Tuple{Src: "10.1.0.9:4", Dst: "10.96.0.80:80"}, Reply: &facts.Tuple{Src: to, Dst: "10.1.0.9:4"}}
	}
	kernel := func(to ...string) check.Result {
		k := facts.Kernel{}
		for _, one := range to {
			k.Flows = append(k.Flows, flow(one))
		}
		return check.Result{Check: "node.flows", Vantage: "node/a", Kernel: &k}
	}
	ok := []check.Result{
		name, other, result("service.vip", "10.96.0.80:80", check.Pass, "", ""), result("service.ready", "shop/web", check.Pass, "", ""),
		result("service.endpoint", "10.1.0.2:8080", check.Pass, "", "HTTP 200 OK"), result("service.endpoint", "10.2.0.2:8080", check.Pass, "", "HTTP 200 OK"),
	}
	for _, tt := range []struct {
		name    string
		service facts.Service
		results []check.Result
		steps   map[string]check.Status
		ends    string
	}{
		{"healthy, no kernel asked", web, ok, map[string]check.Status{
			"name": check.Pass, "ClusterIP": check.Pass, "handed to": check.Skipped, "ready": check.Pass, "endpoints": check.Pass, "application": check.Pass}, ""},
		{"handed to endpoints", web, append(ok, kernel("10.1.0.2:8080", "10.2.0.2:8080")), map[string]check.Status{
			"name": check.Pass, "ClusterIP": check.Pass, "handed to": check.Pass, "ready": check.Pass, "endpoints": check.Pass, "application": check.Pass}, ""},
		{"handed to one that came since", web, append(ok, kernel("10.1.0.2:8080", "10.2.0.9:8080")), map[string]check.Status{
			"name": check.Pass, "ClusterIP": check.Pass, "handed to": check.Warn, "ready": check.Pass, "endpoints": check.Pass, "application": check.Pass}, ""},
		{"handed to one that declines", web, append(ok, kernel("10.2.0.9:8080"), result("service.vip", "10.96.0.80:81", check.Fail, check.Refused, "")), map[string]check.Status{
			"name": check.Pass, "ClusterIP": check.Fail, "handed to": check.Fail, "ready": check.Pass, "endpoints": check.Pass, "application": check.Pass}, "ClusterIP"},
		{"handed to a ghost", web, append(ok, kernel("10.1.0.2:8080", "10.2.0.77:8080")), map[string]check.Status{
			"name": check.Pass, "ClusterIP": check.Pass, "handed to": check.Fail, "ready": check.Pass, "endpoints": check.Pass, "application": check.Pass}, "handed to"},
		{"one endpoint hangs", web, append(ok[:5:5], result("service.endpoint", "10.2.0.2:8080", check.Fail, check.Silent, "")), map[string]check.Status{
			"name": check.Pass, "ClusterIP": check.Pass, "handed to": check.Skipped, "ready": check.Pass, "endpoints": check.Fail, "application": check.Fail}, "application"},
		{"one says that it does not serve", web, append(ok[:5:5], result("service.endpoint", "10.2.0.2:8080", check.Fail, check.NotServing, "gRPC health NOT_SERVING")), map[string]check.Status{
			"name": check.Pass, "ClusterIP": check.Pass, "handed to": check.Skipped, "ready": check.Pass, "endpoints": check.Fail, "application": check.Fail}, "application"},
		{"one answers that it is not there", web, append(ok[:5:5], result("service.endpoint", "10.2.0.2:8080", check.Warn, check.HTTP, "HTTP 503 Service Unavailable")), map[string]check.Status{
			"name": check.Pass, "ClusterIP": check.Pass, "handed to": check.Skipped, "ready": check.Pass, "endpoints": check.Warn, "application": check.Warn}, ""},
		{"headless", headless, append(ok[:1:1], ok[3:]...), map[string]check.Status{
			"name": check.Pass, "ClusterIP": check.Skipped, "ready": check.Pass, "endpoints": check.Pass, "application": check.Pass}, ""},
		{"an alias of nothing", alias, []check.Result{name, result("service.alias", "gone.example", check.Fail, check.NXDomain, "")}, map[string]check.Status{
			"name": check.Pass, "alias": check.Fail}, "alias"},
		{"an alias of nothing, asked for", alias, []check.Result{name, result("dns.trace", "web", check.Fail, check.NXDomain, ""), result("service.alias", "gone.example", check.Fail, check.NXDomain, "")}, map[string]check.Status{
			"name": check.Warn, "alias": check.Fail}, "alias"},
		{"the API only", web, ok[3:4], map[string]check.Status{
			"name": check.Skipped, "ClusterIP": check.Skipped, "handed to": check.Skipped, "ready": check.Pass, "endpoints": check.Skipped}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWalk(tt.service, Input{Results: tt.results})
			for _, s := range w.Steps {
				if s.Name == "handed to" && s.Status == check.Skipped && s.Why != "no packet was sent" {
					t.Errorf("without a probe no kernel can be asked: %q", s.Why)
				}
				if s.Name == "handed to" && tt.ends == "handed to" && s.Detail != "1 connection to no endpoint of it: 10.1.0.2:8080 1 time, 10.2.0.77:8080 1 time (1 without an answer)" {
					t.Errorf("handed to: %q", s.Detail)
				}
			}
			got := map[string]check.Status{}
			for _, s := range w.Steps {
				got[s.Name] = s.Status
				if (s.Status == check.Skipped) != (s.Why != "") {
					t.Errorf("step %s is %s, and says why: %q", s.Name, s.Status, s.Why)
				}
			}
			if diff := cmp.Diff(tt.steps, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if w.Ends != tt.ends || w.Service != "shop/web" {
				t.Errorf("ends at %q, want %q", w.Ends, tt.ends)
			}
		})
	}
}

func TestWalkLines(t *testing.T) {
	web := facts.Service{Namespace: "shop", Name: "web", Type: "ClusterIP"}
	label := check.Label{Target: "web", Subject: "service/shop/web"}
	trace := check.Result{Check: "dns.trace", TaskID: "t", Label: label, Summary: "resolves"}
	trace.With("server", "10.96.0.10")
	trace.With("ndots", "5")
	trace.With("query 1", "web.shop. A: answered 10.96.0.80")
	server := func(target, object string, status check.Status) check.Result {
		return check.Result{TaskID: target, Check: "dns.service", Status: status, Summary: "said " + target, Label: check.Label{Target: target + " web", Object: object}}
	}
	w := newWalk(web, Input{Results: []check.Result{
		trace, server("10.244.0.3 udp A", "pod/kube-system/coredns-a", check.Fail), server("10.244.0.3 tcp A", "pod/kube-system/coredns-a", check.Pass), server("resolv.conf udp A", "", check.Pass),
	}})
	want := []Line{
		{Key: "asks for", Text: "web   (resolv.conf: server 10.96.0.10, ndots 5)"},
		{Key: "query 1", Text: "web.shop. A: answered 10.96.0.80"},
		{Status: check.Fail, Key: "server", Text: "10.244.0.3 = pod/kube-system/coredns-a: 1 of 2 ok; 10.244.0.3 udp A web said 10.244.0.3 udp A"},
		{Status: check.Pass, Key: "server", Text: "resolv.conf: said resolv.conf udp A"},
	}
	if diff := cmp.Diff(want, w.Steps[0].Lines); diff != "" {
		t.Errorf("name (-want +got):\n%s", diff)
	}
	w = newWalk(web, Input{Vantage: facts.Vantage{Kind: facts.VantageNode}, Results: []check.Result{server("10.244.0.3 udp A", "", check.Pass)}})
	if got := w.Steps[0].Lines; len(got) != 2 || got[0].Key != "asks for" || got[1].Key != "server" {
		t.Errorf("from a node: %+v", got)
	}
	alias := web
	alias.Type = "ExternalName"
	chain := check.Result{Check: "service.alias", TaskID: "a", Status: check.Fail, Label: label, Summary: "gone.example does not resolve"}
	chain.With("link 1", "web.shop.svc is an alias of db.example")
	chain.With("link 2", "db.example. is an alias of gone.example.")
	chain.With("ends", "gone.example")
	w = newWalk(alias, Input{Results: []check.Result{chain}})
	if got := w.Steps[1]; w.Ends != "alias" || len(got.Lines) != 3 || got.Lines[1].Key != "link 2" {
		t.Errorf("alias: %+v, ends %q", got, w.Ends)
	}
}

func TestWalkEndpoints(t *testing.T) {
	addr := netip.MustParseAddr
	port := func(n uint16) []facts.EndpointPort {
		return []facts.EndpointPort{{Name: "http", Protocol: facts.TCP, Port: n}}
	}
	s := facts.Service{
		Namespace: "shop", Name: "web", Type: "ClusterIP", ClusterIPs: []netip.Addr{addr("10.96.0.80"), addr("fd00::80")}, Families: []string{"IPv4", "IPv6"},
		Distribution: "PreferSameZone", Selector: map[string]string{"app": "web"},
		Ports: []facts.ServicePort{{Name: "http", Protocol: facts.TCP, Port: 80, TargetPort: "http"}, {Name: "admin", Protocol: facts.TCP, Port: 81, TargetPort: "8081", NodePort: 30081}},
		Endpoints: []facts.Endpoint{
			{Addr: addr("10.1.0.2"), Ready: true, Serving: true, Node: "w1", Zone: "za", ZoneHints: []string{"za"}, Pod: &facts.Ref{Namespace: "shop", Name: "a"}, Ports: port(8080)},
			{Addr: addr("10.2.0.2"), Ready: true, Serving: true, Node: "w2", Zone: "zb", ZoneHints: []string{"zb"}, Pod: &facts.Ref{Namespace: "shop", Name: "b"}, Ports: port(9090)},
			{Addr: addr("10.2.0.3"), Serving: true, Terminating: true, Node: "w2", Zone: "zb"},
		},
	}
	result := func(id, target, object string, status check.Status, failure check.Failure) check.Result {
		return check.Result{TaskID: id + target, Check: id, Status: status, Failure: failure, Summary: "said", Label: check.Label{Target: target, Object: object, Subject: "service/shop/web"}}
	}
	in := Input{
		Vantage: facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{Node: "w2"}},
		Results: []check.Result{
			result("service.vip", "10.96.0.80:80", "", check.Pass, ""), result("service.vip", "[fd00::80]:80", "", check.Fail, check.Refused),
			result("service.endpoint", "10.1.0.2:8080", "pod/shop/a", check.Pass, ""), result("service.endpoint", "10.2.0.2:9090", "pod/shop/b", check.Fail, check.Timeout),
		},
	}
	w := newWalk(s, in)
	steps := map[string][]Line{}
	for _, st := range w.Steps {
		steps[st.Name] = st.Lines
	}
	want := map[string][]Line{
		"ClusterIP": {
			{Status: check.Pass, Key: "IPv4", Text: "10.96.0.80, 2 ready endpoints of this family: said"},
			{Key: "sends to", Text: "1 of 2 ready endpoints from node w2: those that hints name for its zone zb (PreferSameZone)"},
			{Status: check.Fail, Key: "IPv6", Text: "fd00::80, 0 ready endpoints of this family: refused"},
		},
		"ports": {
			{Status: check.Pass, Key: "http 80/TCP", Text: "targetPort http leads to 8080 at 1, 9090 at 1 of 2 ready endpoints"},
			{Status: check.Warn, Key: "admin 81/TCP", Text: "leads nowhere: none of 2 ready endpoints has it, node port 30081"},
		},
		"endpoints": {
			{Key: "zones", Text: "za 1 of 1 ready, zb 1 of 2 ready"},
			{Status: check.Fail, Key: "10.2.0.2", Text: "ready, node w2, zone zb, hinted for zone zb, pod/shop/b: :9090 timeout"},
			{Status: check.Warn, Key: "10.2.0.3", Text: "terminating, still serving, node w2, zone zb, its EndpointSlice names no pod"},
			{Status: check.Pass, Key: "10.1.0.2", Text: "ready, node w1, zone za, hinted for zone za, pod/shop/a: :8080 said"},
		},
	}
	for name, lines := range want {
		if diff := cmp.Diff(lines, steps[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	in.Network.Plugin = "Cilium"
	if got := vipStep(s, in, nil).Lines[1].Text; !strings.HasSuffix(got, "(PreferSameZone); Cilium leaves hints aside unless it is told to follow them, or a kube-proxy does") {
		t.Errorf("hints: %q", got)
	}
	byHand := facts.Service{Namespace: "shop", Name: "web", Endpoints: []facts.Endpoint{{Addr: addr("192.0.2.1"), Ready: true, Slice: "web-1"}}}
	if got := endpointStep(byHand, nil).Lines; len(got) != 2 || got[0].Text != "no selector: somebody writes the slices by hand (web-1)" {
		t.Errorf("by hand: %+v", got)
	}
	byHand.Endpoints[0].Writer = "mirror.example"
	if got := endpointStep(byHand, nil).Lines; got[0].Text != "no selector: the slices are written by mirror.example (web-1)" {
		t.Errorf("by a controller: %+v", got)
	}
	for range 30 {
		byHand.Endpoints = append(byHand.Endpoints, byHand.Endpoints[0])
	}
	if got := endpointStep(byHand, nil).Lines; len(got) != 1+mostLines+1 || got[len(got)-1].Text != "15 endpoints, none of them worse" {
		t.Errorf("%d lines of many: %+v", len(got), got[len(got)-1])
	}
	for _, tt := range []struct {
		topology facts.Topology
		want     string
	}{
		{facts.Topology{Ignored: "no endpoint is for zone zc"}, "all 2 ready endpoints from node w2: hints are not followed there, since no endpoint is for zone zc (PreferSameZone)"},
		{facts.Topology{Kept: "node", Endpoints: s.Endpoints[:1]}, "1 of 2 ready endpoints from node w2: those that hints name for the node (PreferSameZone)"},
		{facts.Topology{Kept: "local"}, "0 of 2 ready endpoints from node w2: internalTrafficPolicy is Local"},
		{facts.Topology{}, "all 2 ready endpoints: no hints are set (PreferSameZone)"},
	} {
		if got := routed(s, tt.topology, 2, "w2", "zb"); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// Looked for and not found is not the same as not looked for.
func TestHandOverNotFound(t *testing.T) {
	vip := netip.MustParseAddr("10.96.0.80")
	web := facts.Service{Namespace: "shop", Name: "web", ClusterIPs: []netip.Addr{vip}}
	flows := check.Result{Check: "node.flows", Vantage: "node/a", Kernel: &facts.Kernel{Flows: []facts.Flow{
		{Protocol: "tcp", Orig: facts.Tuple{Src: "10.1.0.9:4", Dst: "10.96.0.80:80"}},
		{Protocol: "tcp", Orig: facts.Tuple{Src: "10.1.0.9:5", Dst: "10.96.0.80:80"}},
	}}}
	got := handOver(web, []check.Result{flows}, nil)
	if want := "looked for and not found: connection tracking has none of 2 connections to it"; got.Status != check.Skipped || got.Why != "" || got.Detail != want {
		t.Errorf("%+v, want %q", got, want)
	}
}
