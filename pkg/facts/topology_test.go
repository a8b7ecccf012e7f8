package facts

import (
	"net/netip"
	"testing"
)

func TestRoute(t *testing.T) {
	at := func(addr, node string, zones ...string) Endpoint {
		return Endpoint{Addr: netip.MustParseAddr(addr), Node: node, Ready: true, Serving: true, ZoneHints: zones}
	}
	a, b, c := at("10.0.0.1", "w1", "za"), at("10.0.0.2", "w2", "zb"), at("10.0.0.3", "w3")
	down := a
	down.Ready, down.Serving = false, false
	ending := a
	ending.Ready, ending.Terminating = false, true
	onNode := func(e Endpoint, nodes ...string) Endpoint { e.NodeHints = nodes; return e }
	for _, tt := range []struct {
		name       string
		service    Service
		endpoints  []Endpoint
		node, zone string
		want       []Endpoint
		kept       string
		ignored    string
	}{
		{"no hints", Service{}, []Endpoint{c}, "w1", "za", []Endpoint{c}, "", ""},
		{"the own zone", Service{}, []Endpoint{a, b}, "w9", "za", []Endpoint{a}, "zone", ""},
		{"a zone without any", Service{}, []Endpoint{a, b}, "w9", "zc", []Endpoint{a, b}, "", "no endpoint is for zone zc"},
		{"one has no hint", Service{}, []Endpoint{a, b, c}, "w1", "za", []Endpoint{a, b, c}, "", "an endpoint has no hint"},
		{"a node without a zone", Service{}, []Endpoint{a, b}, "w1", "", []Endpoint{a, b}, "", "node w1 has no zone (label topology.kubernetes.io/zone)"},
		{"the zone's only one is not ready: it has no say", Service{}, []Endpoint{down, b}, "w1", "za", []Endpoint{b}, "", "no endpoint is for zone za"},
		{"the own node before the own zone", Service{}, []Endpoint{onNode(a, "w1"), onNode(b, "w2")}, "w2", "za", []Endpoint{onNode(b, "w2")}, "node", ""},
		{"no endpoint for the node: the zone's", Service{}, []Endpoint{onNode(a, "w1"), onNode(b, "w2")}, "w9", "zb", []Endpoint{onNode(b, "w2")}, "zone", ""},
		{"nobody ready: who still serves", Service{}, []Endpoint{ending}, "w9", "", []Endpoint{ending}, "", ""},
		{"local only", Service{InternalLocal: true}, []Endpoint{a, b}, "w2", "za", []Endpoint{b}, "local", ""},
		{"local only, none", Service{InternalLocal: true}, []Endpoint{a}, "w2", "za", nil, "local", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.service.Route(tt.endpoints, tt.node, tt.zone)
			if len(got.Endpoints) != len(tt.want) || got.Kept != tt.kept || got.Ignored != tt.ignored {
				t.Fatalf("%+v", got)
			}
			for i, e := range got.Endpoints {
				if e.Addr != tt.want[i].Addr {
					t.Errorf("endpoint %d is %s, want %s", i, e.Addr, tt.want[i].Addr)
				}
			}
		})
	}
}

func TestHome(t *testing.T) {
	f := Facts{Vantage: Vantage{Kind: VantagePod, Pod: &Pod{Node: "w1"}}, Services: []Service{{Endpoints: []Endpoint{{Node: "w2", Zone: "zb"}, {Node: "w1", Zone: "za"}}}}}
	if node, zone := f.Home(); node != "w1" || zone != "za" {
		t.Errorf("by its neighbours: %s %s", node, zone)
	}
	f.Vantage.Node = &Node{Name: "w1"}
	if node, zone := f.Home(); node != "w1" || zone != "" {
		t.Errorf("a node that was read: %s %q", node, zone)
	}
	if node, zone := (Facts{}).Home(); node != "" || zone != "" {
		t.Errorf("nothing known: %q %q", node, zone)
	}
}

func TestWithPort(t *testing.T) {
	has := Endpoint{Addr: netip.MustParseAddr("10.0.0.1"), Ports: []EndpointPort{{Name: "http", Protocol: TCP, Port: 8080}}}
	lacks := Endpoint{Addr: netip.MustParseAddr("10.0.0.2")}
	other := Endpoint{Addr: netip.MustParseAddr("10.0.0.3"), Ports: []EndpointPort{{Name: "http", Protocol: UDP, Port: 8080}}}
	if got := WithPort([]Endpoint{has, lacks, other}, ServicePort{Name: "http", Protocol: TCP, Port: 80}); len(got) != 1 || got[0].Addr != has.Addr {
		t.Errorf("%+v", got)
	}
}
