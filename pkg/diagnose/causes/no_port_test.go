package causes

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// A port that the service does not have is nobody's fault but the client's.
func TestNoPort(t *testing.T) {
	payments := facts.Service{Namespace: "shop", Name: "payments", ClusterIPs: []netip.Addr{addr("10.96.0.90")},
		Ports: []facts.ServicePort{{Name: "http", Port: 80, Protocol: facts.TCP, TargetPort: "8080"}}}
	headless, alias := payments, payments
	headless.Headless, headless.ClusterIPs = true, nil
	alias.Type, alias.ClusterIPs, alias.Ports = "ExternalName", nil, nil
	const says = "service shop/payments has no port "
	for _, tt := range []struct {
		name, typed, id, target string
		service                 *facts.Service
		failure                 check.Failure
		lost                    int
		want, likely            string
	}{
		{"a name", "payments:81", "target.tcp", "payments:81", &payments, check.Timeout, -1, says + "81/TCP; it has http (80/TCP)", ""},
		{"a ClusterIP", "10.96.0.90:81", "target.tcp", "10.96.0.90:81", &payments, check.Timeout, -1, says + "81/TCP; it has http (80/TCP)", ""},
		{"a URL", "https://payments", "target.http", "https://payments", &payments, check.Refused, -1, says + "443/TCP; it has http (80/TCP)", ""},
		{"the port behind it", "payments:8080", "target.tcp", "payments:8080", &payments, check.Timeout, -1, says + "8080/TCP; it has http (80/TCP)", "8080 is the port behind it: clients ask the service for http (80/TCP)"},
		{"the other protocol", "payments:80/udp", "target.udp", "payments:80 udp", &payments, check.Timeout, -1, says + "80/UDP; it has http (80/TCP)", ""},
		{"a port that it has", "payments:80", "target.tcp", "payments:80", &payments, check.Timeout, -1, "", ""},
		{"some connections come through", "payments:81", "target.tcp", "payments:81", &payments, check.Timeout, 1, "", ""},
		{"the name does not resolve", "payments:81", "target.tcp", "payments:81", &payments, check.NXDomain, -1, "", ""},
		{"headless: the pods' own ports", "payments:81", "target.tcp", "payments:81", &headless, check.Refused, -1, "", ""},
		{"an alias: another host's ports", "payments:81", "target.tcp", "payments:81", &alias, check.Refused, -1, "", ""},
		{"no service", "payments:81", "target.tcp", "payments:81", nil, check.Timeout, -1, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parsed, err := target.Parse(tt.typed)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld()
			w.facts.Targets = []facts.Target{{Target: parsed, Service: tt.service}}
			w.add(tt.id, "target", tt.target, "", "", 3)
			w.add("target.icmp", "target", "ping of "+tt.target, "", "", 3)
			w.fail(tt.failure, tt.lost, tt.id+" "+tt.target).fail(check.Timeout, -1, "target.icmp ping of")
			for i := range w.results {
				if r := &w.results[i]; r.Area == "target" {
					r.Asked = tt.typed
				}
			}
			v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
			var got diagnose.Finding
			for _, f := range v.Causes {
				if f.Code == "NL-SVC-NO-PORT" {
					got = f
				}
			}
			if got.Headline != tt.want || got.Likely != tt.likely {
				t.Fatalf("%q, likely %q; want %q, %q", got.Headline, got.Likely, tt.want, tt.likely)
			}
			if tt.want == "" {
				return
			}
			if len(v.Causes) != 1 || len(v.Unexplained) != 0 || len(got.Explains) != 2 || len(got.Try) != 1 || !strings.Contains(got.Try[0], "-n shop get service payments") {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestNoPortOnce(t *testing.T) {
	payments := facts.Service{Namespace: "shop", Name: "payments", ClusterIPs: []netip.Addr{addr("10.96.0.90")},
		Ports: []facts.ServicePort{{Port: 80, Protocol: facts.TCP, TargetPort: "8080"}}}
	w := newWorld()
	for _, typed := range []string{"payments:81", "10.96.0.90:81", "payments:82"} {
		parsed, err := target.Parse(typed)
		if err != nil {
			t.Fatal(err)
		}
		w.facts.Targets = append(w.facts.Targets, facts.Target{Target: parsed, Service: &payments})
		w.add("target.tcp", "target", typed, "", "", 3)
		w.results[len(w.results)-1].Asked = typed
	}
	v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.fail(check.Timeout, -1, "target.tcp").results))
	if len(v.Causes) != 2 || len(v.Unexplained) != 0 || len(v.Causes[0].Explains) != 2 || len(v.Causes[0].Evidence) != 2 {
		t.Errorf("two ports are two mistakes, however often each was asked for: %+v", v)
	}
}
