package netsys

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// asking are rules of an output hook, each in a table of its own, that drop datagrams from
// 127.0.0.1 by what they ask for; sets are those of the table.
var asking = []struct{ name, sets, chains, rule, says string }{
	{"a set", "", "", "ip daddr { 127.0.0.2, 127.0.0.3 } drop", "ip daddr { 127.0.0.2/32, 127.0.0.3/32 }"},
	{"all but a set", "", "", "ip daddr != { 127.0.0.2, 127.0.0.3 } drop", "ip daddr != { 127.0.0.2/32, 127.0.0.3/32 }"},
	{"all but a network", "", "", "ip daddr != 127.0.0.0/30 drop", "ip daddr != 127.0.0.0/30"},
	{"all but an address", "", "", "ip saddr != 127.0.0.1 drop", "ip saddr != 127.0.0.1/32"},
	{"all but a range", "", "", "ip daddr != 127.0.0.2-127.0.0.4 drop", "ip daddr != 127.0.0.2-127.0.0.4"},
	{"a range", "", "", "ip daddr 127.0.0.2-127.0.0.4 drop", "ip daddr 127.0.0.2-127.0.0.4"},
	{"from an address on", "", "", "ip daddr >= 127.0.0.4 drop", "ip daddr 127.0.0.4-255.255.255.255"},
	{"up to an address", "", "", "ip daddr <= 127.0.0.3 drop", "ip daddr 0.0.0.0-127.0.0.3"},
	{"all but a port", "", "", "udp dport != 53 drop", "udp dport != 53"},
	{"all but some ports", "", "", "udp dport != 50-60 drop", "udp dport != 50-60"},
	{"ports", "", "", "udp dport { 53, 100-200 } drop", "udp dport { 53, 100-200 }"},
	{"a named set", "set s { type ipv4_addr; elements = { 127.0.0.3, 192.0.2.1 }; }", "", "ip daddr @s drop", "ip daddr @s { 127.0.0.3/32, 192.0.2.1/32 }"},
	{"intervals", "set s { type ipv4_addr; flags interval; elements = { 127.0.0.0/31, 127.0.0.3-127.0.0.4, 255.255.255.255 }; }", "", "ip daddr @s drop",
		"ip daddr @s { 127.0.0.0/31, 127.0.0.3-127.0.0.4, 255.255.255.255/32 }"},
	{"an empty set", "set s { type ipv4_addr; }", "", "ip daddr @s drop", "ip daddr @s {  }"},
	{"a concatenation", "set s { type ipv4_addr . inet_service; elements = { 127.0.0.2 . 53, 127.0.0.3 . 54 }; }", "", "ip daddr . udp dport @s drop",
		"ip daddr . udp dport @s { 127.0.0.2/32 . 53, 127.0.0.3/32 . 54 }"},
	{"a concatenation of ranges", "set s { type ipv4_addr . inet_proto . inet_service; flags interval; elements = { 127.0.0.2-127.0.0.3 . udp . 50-53 }; }", "",
		"ip daddr . meta l4proto . th dport @s drop", "ip daddr . meta l4proto . th dport @s { 127.0.0.2/31 . udp . 50-53 }"},
	{"an element with a limit", "set s { type ipv4_addr; limit rate 1/minute burst 1 packets; elements = { 127.0.0.3 }; }", "", "ip daddr @s drop", "and more: lookup"},
	{"a verdict map", "", "", "ip daddr vmap { 127.0.0.2 : drop, 127.0.0.3 : accept, 127.0.0.4 : drop }", "ip daddr { 127.0.0.2/32, 127.0.0.4/32 }"},
	{"a map of ports", "map m { type inet_service : verdict; flags interval; elements = { 53 : drop, 54-99 : accept, 100-200 : drop }; }", "", "udp dport vmap @m",
		"udp dport @m { 53, 100-200 }"},
	{"a jump", "", "chain c { drop; }", "ip daddr 127.0.0.2 jump c", "ip daddr 127.0.0.2/32"},
	{"a jump that asks for more", "", "chain c { ip daddr 127.0.0.2 udp dport 53 drop; }", "ip daddr 127.0.0.0/30 udp dport 50-60 jump c", "ip daddr 127.0.0.2/32 udp dport 53 ip daddr 127.0.0.0/30 udp dport 50-60"},
	{"a jump of a map", "", "chain c { drop; }", "ip daddr vmap { 127.0.0.2 : jump c, 127.0.0.3 : goto c }", "ip daddr { 127.0.0.2/32, 127.0.0.3/32 }"},
	{"two jumps", "", "chain d { drop; }\nchain c { ip daddr 127.0.0.2 goto d; }", "udp dport 53 jump c", "ip daddr 127.0.0.2/32 udp dport 53"},
	{"two ways", "", "chain c { drop; }", "ip daddr 127.0.0.2 jump c; ip daddr 127.0.0.3 jump c", "meta nfproto ipv4 and more: one of several jumps to c"},
	{"a way without a condition", "", "chain c { udp dport 53 drop; }", "ip daddr 127.0.0.2 jump c; jump c", "udp dport 53"},
	{"what passes before", "", "chain c { udp dport 53 accept; drop; }", "ip daddr 127.0.0.2 jump c", "ip daddr 127.0.0.2/32"},
	{"what may pass before", "", "chain c { meta mark 7 accept; drop; }", "ip daddr 127.0.0.2 jump c", "ip daddr 127.0.0.2/32 and more: what passes before it"},
	{"what passes before a jump", "", "chain c { drop; }", "udp dport 53 accept; ip daddr 127.0.0.2 jump c", "ip daddr 127.0.0.2/32"},
	{"a family of a map", "", "chain c { udp dport 53 drop; }\nchain d { }", "meta protocol vmap { ip : jump c, ip6 : jump d }", "meta nfproto ipv4 udp dport 53"},
	{"a device of a map", "", "chain c { udp dport 53 drop; }\nchain d { }", "meta l4proto udp goto c; iifname vmap { lo : jump c, eth0 : jump d }", "udp dport 53 and more: one of several jumps to c"},
	{"new connections", "", "", "ct state new,invalid udp dport 53 drop", "udp dport 53 ct state invalid,new"},
	{"those that are known", "", "", "ct state established drop", "ct state established"},
	{"those that are not known", "", "", "ct state != established drop", "ct state != established"},
	{"states in a map", "", "", "ct state vmap { established : accept, related : accept, new : drop }", "ct state new"},
	{"TCP's flags", "", "", "tcp flags & (fin | syn | rst | ack) == syn drop", "tcp flags syn / fin,syn,rst,ack"},
	{"one of TCP's flags", "", "", "tcp flags syn,rst drop", "tcp flags syn,rst"},
	{"exactly TCP's flags", "", "", "tcp flags == syn drop", "tcp flags syn / fin,syn,rst,psh,ack,urg,ecn,cwr"},
	{"a mark of a map", "", "", "meta mark set ip daddr map { 127.0.0.2 : 1 } drop", "and more: map"},
}

// TestFilterAsks: for each rule what the kernel lets out is what is said of it.
func TestFilterAsks(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	from := netip.MustParseAddr("127.0.0.1")
	for _, tt := range asking {
		rules(t, fmt.Sprintf("table ip t {\n%s\n%s\nchain o { type filter hook output priority 0; %s; }\n}", tt.sets, tt.chains, tt.rule))
		drops, err := FilterDrops(nil)
		if err != nil || len(drops) != 1 || drops[0].Hook != "output" || drops[0].Verdict != "drop" {
			t.Fatalf("%s: %+v, %v", tt.name, drops, err)
		}
		d := drops[0]
		if got := d.Match.String(); got != tt.says {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.says)
		}
		for last := byte(2); last <= 5; last++ {
			for _, port := range []uint16{53, 54, 150} {
				to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, last}), port)
				p := facts.Packet{Protocol: "udp", Src: netip.AddrPortFrom(from, 0), Dst: to, State: "new"}
				takes := d.Match.Takes(p)
				if slices.ContainsFunc(d.Lets, func(m facts.Match) bool { return m.Takes(p) == facts.Yes }) {
					takes = facts.No
				}
				lost := unsendable(t, from, to)
				if takes == facts.Yes != lost && (takes != facts.Unknown || !strings.Contains(tt.says, "more") && !strings.Contains(tt.says, "invalid")) {
					t.Errorf("%s: %s: lost %t, but %d", tt.name, to, lost, takes)
				}
			}
		}
		rules(t, "delete table ip t")
	}
}

// unsendable reports whether the kernel refuses a datagram.
func unsendable(t *testing.T, from netip.Addr, to netip.AddrPort) bool {
	t.Helper()
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.Write(nil)
	if err != nil && !errors.Is(err, syscall.EPERM) {
		t.Fatal(err)
	}
	return err != nil
}

// TestFilterOnly: of which chains it is known what passes.
func TestFilterOnly(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	rules(t, `table inet t {
		chain server { type filter hook input priority 0; policy drop;
			ct state vmap { established : accept, related : accept, invalid : drop }
			iifname lo accept
			meta protocol vmap { ip : jump four, ip6 : jump six }
			tcp dport { 22, 80, 443 } accept
		}
		chain four { icmp type echo-request limit rate 5/second accept; }
		chain six { }
		chain flat { type filter hook forward priority 0; policy drop;
			ct state established,related accept
			ip protocol icmp limit rate 5/second accept
			ip saddr 10.0.0.0/8 accept
		}
		chain last { type filter hook forward priority 1; ip saddr 10.0.0.0/8 accept; tcp dport 25 drop; drop; }
		chain many { type filter hook forward priority 2; `+strings.Repeat("ip saddr 10.0.0.1 accept; ", maxLets+1)+`drop; }
	}`)
	drops, err := FilterDrops(nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range drops {
		text := ""
		for _, m := range d.Lets {
			text += m.String() + "; "
		}
		key := d.Chain
		for got[key] != "" {
			key += "+"
		}
		got[key] = fmt.Sprintf("%t %d %s", d.Only, len(d.Lets), text[:min(len(text), 100)])
	}
	want := map[string]string{
		"server":  "false 3 ct state established,related; iifname lo; tcp dport { 22, 80, 443 }; ",
		"server+": "true 0 ",
		"flat":    "true 3 ct state established,related; meta nfproto ipv4 meta l4proto icmp and more: limit; ip saddr 10.0.0.0",
		"last":    "false 1 ip saddr 10.0.0.0/8; ",
		"last+":   "true 1 ip saddr 10.0.0.0/8; ",
		"many":    "false 16 " + strings.Repeat("ip saddr 10.0.0.1/32; ", 5)[:100],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestFilterQueue: what is handed to a program may pass.
func TestFilterQueue(t *testing.T) {
	for _, name := range []string{"queue", "target"} {
		data := nested(nftaExprData, nl.NewRtAttr(nftaTargetName, []byte("NFQUEUE\x00")))
		got := outcomesOf(chainKey{family: "ip"}, nested(1, nl.NewRtAttr(nftaExprName, []byte(name+"\x00")), data).Serialize(), noSets, nil)
		if len(got) != 1 || !got[0].passes || !slices.Equal(got[0].match.Others, []string{name}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestFilterLargeSet: what is kept of a large set is what is about our addresses, and a
// set that is too large is not understood.
func TestFilterLargeSet(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	addresses := func(n int) string {
		var list strings.Builder
		for i := range n {
			fmt.Fprintf(&list, "10.%d.%d.%d,", i>>16, i>>8&0xff, i&0xff)
		}
		return list.String()
	}
	rules(t, "table ip t {\nset s { type ipv4_addr; elements = {"+addresses(50000)+"}; }\nset u { type ipv4_addr; elements = {"+addresses(100000)+"}; }\n"+
		"chain f { type filter hook forward priority 0; ip saddr @s drop; ip daddr != @s drop; ip daddr @u drop; }\n}")
	in, out, stranger := netip.MustParseAddr("10.0.1.2"), netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("10.0.1.3")
	drops, err := FilterDrops([]netip.Addr{in, out})
	if err != nil || len(drops) != 3 {
		t.Fatalf("%+v, %v", drops, err)
	}
	want := facts.Demand{Of: []string{"saddr"}, Among: []string{"10.0.1.2/32"}, Set: "s", Left: 49999, About: []netip.Addr{in, out}}
	if diff := cmp.Diff(want, drops[0].Match.Demands[0], cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, want := range []map[netip.Addr]facts.Truth{{in: facts.Yes, out: facts.No, stranger: facts.Unknown}, {in: facts.No, out: facts.Yes, stranger: facts.Unknown}} {
		for addr, truth := range want {
			at := netip.AddrPortFrom(addr, 80)
			if got := drops[i].Match.Takes(facts.Packet{Protocol: "tcp", Src: at, Dst: at}); got != truth {
				t.Errorf("rule %d, %s: %d, want %d", i, addr, got, truth)
			}
		}
	}
	if diff := cmp.Diff([]string{"lookup"}, drops[2].Match.Others); diff != "" {
		t.Errorf("more elements than are read: %s", diff)
	}
}
