package facts

import (
	"net/netip"
	"testing"
)

func TestMatchNames(t *testing.T) {
	client, web := netip.MustParseAddrPort("10.244.2.5:40000"), netip.MustParseAddrPort("10.244.1.3:8080")
	for name, tt := range map[string]struct {
		match *Match
		want  bool
	}{
		"nobody knows what":       {nil, false},
		"everything":              {&Match{}, false},
		"everybody":               {&Match{Src: "0.0.0.0/0", DstPort: Ports{Last: 65535}}, false},
		"a protocol alone":        {&Match{Protocol: "tcp"}, false},
		"the address":             {&Match{Dst: "10.244.1.3/32"}, true},
		"the source's network":    {&Match{Src: "10.244.2.0/24", In: "flannel.1"}, true},
		"another source":          {&Match{Src: "10.244.3.0/24", Dst: "10.244.1.3/32"}, false},
		"the port":                {&Match{Protocol: "tcp", DstPort: Ports{8000, 8999}}, true},
		"the port's neighbours":   {&Match{Protocol: "tcp", DstPort: Ports{8081, 8999}}, false},
		"the port of another":     {&Match{Protocol: "udp", DstPort: Ports{8080, 8080}}, false},
		"the other direction":     {&Match{SrcPort: Ports{8080, 8080}}, false},
		"with something unknown":  {&Match{Dst: "10.244.1.3/32", Others: []string{"limit"}}, false},
		"an address that is none": {&Match{Dst: "10.244.1.3"}, false},
		"the family's port":       {&Match{Family: "ip", DstPort: Ports{8080, 8080}}, true},
		"another family's port":   {&Match{Family: "ip6", DstPort: Ports{8080, 8080}}, false},
	} {
		if got := tt.match.Names(Packet{Protocol: "tcp", Src: client, Dst: web}); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestDropName(t *testing.T) {
	for want, d := range map[string]Drop{
		"ip filter FORWARD handle 12":                             {Family: "ip", Table: "filter", Chain: "FORWARD", Handle: 12},
		"bridge guard f policy":                                   {Family: "bridge", Table: "guard", Chain: "f", Policy: true},
		"iptables-legacy filter FORWARD -s 10.244.2.0/24 -j DROP": {Family: "ip", Table: "filter", Chain: "FORWARD", Legacy: true, Rule: "-s 10.244.2.0/24 -j DROP"},
		"ip6tables-legacy mangle PREROUTING policy":               {Family: "ip6", Table: "mangle", Chain: "PREROUTING", Legacy: true, Policy: true},
	} {
		if d.Name() != want || d.Counter() != "filter."+want {
			t.Errorf("%q, want %q", d.Name(), want)
		}
	}
	m := &Match{Src: "fd00::/8", Dst: "10.0.0.1/32", Protocol: "tcp", SrcPort: Ports{80, 80}, DstPort: Ports{1, 9}, In: "eth*", Others: []string{"limit"}}
	if got, want := m.String(), "iifname eth* ip6 saddr fd00::/8 ip daddr 10.0.0.1/32 tcp sport 80 tcp dport 1-9 and more: limit"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (&Match{Protocol: "icmp"}).String(); got != "meta l4proto icmp" {
		t.Errorf("%q", got)
	}
	for want, m := range map[string]*Match{
		"meta nfproto ipv6":                   {Family: "ip6"},
		"iifname eth0 meta nfproto ipv4":      {Family: "ip", In: "eth0"},
		"meta nfproto ipv6 meta l4proto icmp": {Family: "ip6", Protocol: "icmp"},
		"ip6 daddr fd00::1/128":               {Family: "ip6", Dst: "fd00::1/128"},
	} {
		if got := m.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
