package facts

import (
	"net/netip"
	"testing"
)

func TestDemandHolds(t *testing.T) {
	client, web := netip.MustParseAddrPort("10.244.2.5:40000"), netip.MustParseAddrPort("10.244.1.3:8080")
	opens := Packet{Protocol: "tcp", Src: client, Dst: web, State: "new", Flags: SYN}
	goes := Packet{Protocol: "tcp", Src: client, Dst: web, State: "established"}
	udp := Packet{Protocol: "udp", Src: client, Dst: web, State: "new"}
	of := func(names ...string) []string { return names }
	about := []netip.Addr{client.Addr()}
	for name, tt := range map[string]struct {
		demand Demand
		packet Packet
		want   Truth
		says   string
	}{
		"a set":                       {Demand{Of: of("daddr"), Among: of("10.0.0.1/32", "10.244.1.0/24")}, opens, Yes, "ip daddr { 10.0.0.1/32, 10.244.1.0/24 }"},
		"not in it":                   {Demand{Of: of("saddr"), Among: of("10.244.1.0/24")}, opens, No, "ip saddr 10.244.1.0/24"},
		"all but it":                  {Demand{Of: of("saddr"), Not: true, Among: of("10.244.1.0/24")}, opens, Yes, "ip saddr != 10.244.1.0/24"},
		"a range":                     {Demand{Of: of("daddr"), Among: of("10.244.1.1-10.244.1.3")}, opens, Yes, "ip daddr 10.244.1.1-10.244.1.3"},
		"behind a range":              {Demand{Of: of("daddr"), Among: of("10.244.1.1-10.244.1.2")}, opens, No, "ip daddr 10.244.1.1-10.244.1.2"},
		"a range of another family":   {Demand{Of: of("daddr"), Among: of("::-ffff::")}, opens, No, "ip6 daddr ::-ffff::"},
		"no range":                    {Demand{Of: of("daddr"), Among: of("10.244.1.3-")}, opens, No, "ip daddr 10.244.1.3-"},
		"nothing":                     {Demand{Of: of("daddr"), Set: "s"}, opens, No, "ip daddr @s {  }"},
		"a port":                      {Demand{Of: of("dport"), Among: of("80-90", "8080")}, opens, Yes, "tcp dport { 80-90, 8080 }"},
		"no port":                     {Demand{Of: of("dport"), Among: of("8080x")}, opens, No, "tcp dport 8080x"},
		"both at once":                {Demand{Of: of("daddr", "dport"), Among: of("10.244.1.3/32 . 80", "10.244.1.4/32 . 8080")}, opens, No, "ip daddr . tcp dport { 10.244.1.3/32 . 80, 10.244.1.4/32 . 8080 }"},
		"both at once, and they are":  {Demand{Of: of("daddr", "protocol", "dport"), Among: of("10.244.1.3/32 . tcp . 8000-9000")}, opens, Yes, "ip daddr . meta l4proto . tcp dport 10.244.1.3/32 . tcp . 8000-9000"},
		"part of an element":          {Demand{Of: of("daddr", "dport"), Among: of("10.244.1.3/32")}, opens, No, "ip daddr . tcp dport 10.244.1.3/32"},
		"a large set, ours":           {Demand{Of: of("saddr"), Among: of("10.244.2.5/32"), Left: 9, About: about}, opens, Yes, "ip saddr { 10.244.2.5/32, and 9 more }"},
		"a large set, not ours":       {Demand{Of: of("saddr"), Left: 9, About: about}, opens, No, "ip saddr { and 9 more }"},
		"a large set, not asked":      {Demand{Of: of("daddr"), Left: 9, About: about}, opens, Unknown, "ip daddr { and 9 more }"},
		"all but one that is not":     {Demand{Of: of("daddr"), Not: true, Left: 9, About: about}, opens, Unknown, "ip daddr != { and 9 more }"},
		"a large set, one end known":  {Demand{Of: of("saddr", "daddr"), Left: 9, About: about}, opens, No, "ip saddr . ip daddr { and 9 more }"},
		"new":                         {Demand{Of: of("state"), Among: of("new", "established")}, opens, Yes, "ct state new,established"},
		"known":                       {Demand{Of: of("state"), Among: of("established")}, opens, No, "ct state established"},
		"all but known":               {Demand{Of: of("state"), Not: true, Among: of("established", "related")}, opens, Yes, "ct state != established,related"},
		"strange":                     {Demand{Of: of("state"), Among: of("invalid")}, opens, Unknown, "ct state invalid"},
		"new or strange":              {Demand{Of: of("state"), Among: of("invalid", "new")}, opens, Yes, "ct state invalid,new"},
		"all but strange":             {Demand{Of: of("state"), Not: true, Among: of("invalid")}, opens, Unknown, "ct state != invalid"},
		"opens":                       {Demand{Of: of("flags"), Among: of("syn / fin,syn,rst,ack")}, opens, Yes, "tcp flags syn / fin,syn,rst,ack"},
		"does not open":               {Demand{Of: of("flags"), Among: of("syn,ack / syn,ack")}, opens, No, "tcp flags syn,ack / syn,ack"},
		"has a flag":                  {Demand{Of: of("flags"), Not: true, Among: of("0x0 / syn,rst")}, opens, Yes, "tcp flags syn,rst"},
		"has none of them":            {Demand{Of: of("flags"), Among: of("0x0 / fin,rst")}, opens, Yes, "tcp flags 0x0 / fin,rst"},
		"whose flags are not known":   {Demand{Of: of("flags"), Among: of("ack / ack")}, goes, Unknown, "tcp flags ack / ack"},
		"no flags":                    {Demand{Of: of("flags"), Among: of("ack / ack")}, udp, No, "tcp flags ack / ack"},
		"a word that is not known":    {Demand{Of: of("mark"), Among: of("1")}, opens, Unknown, "mark 1"},
		"all but what is not known":   {Demand{Of: of("mark"), Not: true, Among: of("1")}, opens, Unknown, "mark != 1"},
		"more than is told":           {Demand{Of: of("dport"), Among: of("1", "2", "3", "4", "8080", "6")}, opens, Yes, "tcp dport { 1, 2, 3, 4, and 2 more }"},
		"a protocol":                  {Demand{Of: of("protocol"), Among: of("tcp", "udp")}, udp, Yes, "meta l4proto { tcp, udp }"},
		"a large set of the other v6": {Demand{Of: of("saddr"), Left: 1, About: []netip.Addr{netip.MustParseAddr("fd00::1")}}, opens, Unknown, "ip6 saddr { and 1 more }"},
	} {
		if got := tt.demand.Holds(tt.packet); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
		if got := tt.demand.text("tcp"); got != tt.says {
			t.Errorf("%s: %q, want %q", name, got, tt.says)
		}
	}
}

// TestMatchNamesByDemand: who is named by demands, and who is only taken.
func TestMatchNamesByDemand(t *testing.T) {
	client, web := netip.MustParseAddrPort("10.244.2.5:40000"), netip.MustParseAddrPort("10.244.1.3:8080")
	there := Packet{Protocol: "tcp", Src: client, Dst: web, State: "new", Flags: SYN}
	back := Packet{Protocol: "tcp", Src: web, Dst: client, State: "established", Flags: SYNACK, Answer: true}
	not := func(of, among string) Demand { return Demand{Of: []string{of}, Not: true, Among: []string{among}} }
	in := func(of, among string) Demand { return Demand{Of: []string{of}, Among: []string{among}} }
	for name, tt := range map[string]struct {
		match       Match
		there, back bool // named
		all         bool // what opens is taken because it is none of some
		anyone      bool
	}{
		"an allow-list":             {Match{Demands: []Demand{not("saddr", "10.0.0.0/16")}}, false, false, true, false},
		"one that lets ours pass":   {Match{Demands: []Demand{not("saddr", "10.244.2.0/24")}}, false, false, false, false},
		"a port, and an allow-list": {Match{DstPort: Ports{8080, 8080}, Demands: []Demand{not("saddr", "10.0.0.0/16")}}, true, false, false, false},
		"all but a port":            {Match{Protocol: "tcp", Demands: []Demand{not("dport", "22")}}, false, false, true, false},
		"the answer's address":      {Match{Demands: []Demand{in("saddr", "10.244.1.3/32")}}, false, true, false, false},
		"everybody":                 {Match{Demands: []Demand{in("saddr", "0.0.0.0/0")}}, false, false, false, true},
		"a state":                   {Match{Demands: []Demand{in("state", "new")}}, false, false, false, true},
		"a state of ours":           {Match{Dst: "10.244.1.3/32", Demands: []Demand{in("state", "new")}}, true, false, false, false},
		"a state that is strange":   {Match{Dst: "10.244.1.3/32", Demands: []Demand{in("state", "invalid")}}, false, false, false, false},
		"with something unknown":    {Match{Demands: []Demand{in("daddr", "10.244.1.3/32")}, Others: []string{"limit"}}, false, false, false, false},
	} {
		if got := tt.match.Names(there); got != tt.there {
			t.Errorf("%s: what opens is named: %t", name, got)
		}
		if got := tt.match.Names(back); got != tt.back {
			t.Errorf("%s: the answer is named: %t", name, got)
		}
		if got := tt.match.Excludes(there); got != tt.all {
			t.Errorf("%s: is none of some: %t", name, got)
		}
		if got := tt.match.Anyone(); got != tt.anyone {
			t.Errorf("%s: is for anyone: %t", name, got)
		}
	}
}

func TestDemandMayBeFor(t *testing.T) {
	node := netip.MustParseAddr("192.0.2.1")
	for name, tt := range map[string]struct {
		demand Demand
		want   bool
	}{
		"it":                {Demand{Of: []string{"saddr"}, Among: []string{"192.0.2.0/24"}}, true},
		"another":           {Demand{Of: []string{"saddr"}, Among: []string{"192.0.2.2/32"}}, false},
		"all but it":        {Demand{Of: []string{"saddr"}, Not: true, Among: []string{"192.0.2.1/32"}}, false},
		"where it is to go": {Demand{Of: []string{"daddr"}, Among: []string{"192.0.2.2/32"}}, true},
		"with a port":       {Demand{Of: []string{"saddr", "dport"}, Among: []string{"192.0.2.1/32 . 80"}}, true},
		"all but a pair":    {Demand{Of: []string{"saddr", "dport"}, Not: true, Among: []string{"192.0.2.1/32 . 80"}}, true},
		"a large set":       {Demand{Of: []string{"saddr"}, Left: 1}, true},
		"one that it is no part of, as was asked": {Demand{Of: []string{"saddr"}, Left: 1, About: []netip.Addr{node}}, false},
	} {
		if got := tt.demand.MayBeFor("saddr", node); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestEnds: those in doubt come first, each once, and no more than are asked about.
func TestEnds(t *testing.T) {
	addr := netip.MustParseAddr
	f := Facts{Doubted: []netip.Addr{addr("10.0.0.9"), addr("::ffff:10.0.0.1")}, Vantage: Vantage{Kind: VantageNode, Node: &Node{IPs: []netip.Addr{addr("192.0.2.1")}}},
		Services: []Service{{ClusterIPs: []netip.Addr{addr("10.96.0.1")}, Endpoints: []Endpoint{{Addr: addr("10.0.0.1")}, {Addr: addr("10.0.0.2")}}}}}
	want := []netip.Addr{addr("10.0.0.9"), addr("10.0.0.1"), addr("192.0.2.1"), addr("10.96.0.1"), addr("10.0.0.2")}
	got := f.Ends()
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got, want)
		}
	}
	for i := range 100 {
		f.Services[0].Endpoints = append(f.Services[0].Endpoints, Endpoint{Addr: netip.AddrFrom4([4]byte{10, 1, 0, byte(i)})})
	}
	if n := len(f.Ends()); n != maxEnds {
		t.Errorf("%d of them", n)
	}
}
