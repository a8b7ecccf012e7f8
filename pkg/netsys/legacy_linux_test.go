package netsys

import (
	"encoding/binary"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// legacy runs a program of the old iptables in the namespace of the test.
func legacy(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		netnstest.Lacking(t, "%s does not work here: %v %s", name, err, out)
	}
}

func TestLegacyDrops(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	if found, err := LegacyDrops(); err != nil || len(found.Tables)+len(found.Drops) > 0 {
		t.Fatalf("with nothing there: %+v, %v", found, err)
	}
	legacy(t, "iptables-legacy", "-L")
	if found, err := LegacyDrops(); err != nil || len(found.Tables)+len(found.Drops) > 0 {
		t.Fatalf("an empty table: %+v, %v", found, err)
	}
	for _, rule := range [][]string{
		{"-A", "FORWARD", "-s", "10.244.2.0/24", "-j", "DROP"},
		{"-A", "FORWARD", "-s", "10.244.2.0/24", "-j", "DROP"},
		{"-A", "FORWARD", "-d", "10.0.0.1", "-i", "eth+", "-o", "cni0", "-p", "tcp", "--sport", "80", "--dport", "8000:9000", "-j", "REJECT", "--reject-with", "tcp-reset"},
		{"-A", "FORWARD", "-d", "10.0.0.2", "-j", "ACCEPT"},
		{"-A", "INPUT", "!", "-s", "10.0.0.3", "-m", "conntrack", "--ctstate", "NEW", "-m", "comment", "--comment", "ours", "-j", "DROP"},
		{"-A", "INPUT", "-p", "udp", "!", "--dport", "53", "-j", "DROP"},
		{"-A", "INPUT", "-m", "comment", "--comment", strings.Repeat("x", maxComment), "-j", "DROP"},
		{"-A", "INPUT", "-m", "comment", "--comment", strings.Repeat("x", maxComment+1), "-j", "DROP"},
		{"-A", "INPUT", "-m", "comment", "--comment", `" -j ACCEPT "`, "-j", "DROP"},
		{"-A", "INPUT", "-p", "tcp", "--dport", "0", "-j", "DROP"},
		{"-N", "LATER"}, {"-N", "OURS"}, {"-N", "UNUSED"},
		{"-A", "OUTPUT", "-p", "udp", "-j", "OURS"},
		{"-A", "OURS", "-j", "LATER"}, {"-A", "LATER", "-d", "127.0.0.9", "-j", "DROP"}, {"-A", "UNUSED", "-j", "DROP"},
		{"-P", "FORWARD", "DROP"},
	} {
		legacy(t, "iptables-legacy", rule...)
	}
	legacy(t, "ip6tables-legacy", "-t", "mangle", "-A", "PREROUTING", "-s", "fd00:1::/64", "-p", "tcp", "-m", "tcp", "--dport", "443", "-j", "DROP")
	legacy(t, "iptables-legacy", "-t", "nat", "-N", "SOMEBODYS")
	conn, err := net.Dial("udp", "127.0.0.9:9")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("counted")); err == nil {
		t.Error("the rule let it out")
	}

	found, err := LegacyDrops()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"filter", "mangle", "nat"}, found.Tables); diff != "" {
		t.Errorf("tables: %s", diff)
	}
	got := map[string]string{}
	for _, d := range found.Drops {
		if d.Packets == nil || !d.Legacy || got[d.Name()] != "" {
			t.Errorf("%+v", d)
		}
		if m := d.Match; m != nil && m.Src+m.Dst != "" && m.Family != d.Family {
			t.Errorf("%s asks for addresses of %q", d.Name(), m.Family)
		}
		got[d.Name()] = fmt.Sprintf("%s in %s: %s", d.Verdict, d.Hook, d.Match)
	}
	const table = "iptables-legacy filter "
	long := strings.Repeat("x", maxComment)
	want := map[string]string{
		table + "FORWARD policy":                                 "drop in forward: ",
		table + "FORWARD -s 10.244.2.0/24 -j DROP":               "drop in forward: ip saddr 10.244.2.0/24",
		table + "FORWARD -s 10.244.2.0/24 -j DROP (no. 2 alike)": "drop in forward: ip saddr 10.244.2.0/24",
		table + "FORWARD -d 10.0.0.1/32 -i eth+ -o cni0 -p tcp -m tcp --sport 80 --dport 8000:9000 -j REJECT --reject-with tcp-reset": "reject in forward: iifname eth* oifname cni0 ip daddr 10.0.0.1/32 tcp sport 80 tcp dport 8000-9000",
		table + "INPUT ! -s 10.0.0.3/32 -m conntrack ... -m comment --comment \"ours\" -j DROP":                                       "drop in input: ct state new ip saddr != 10.0.0.3/32",
		table + "INPUT -p udp -m udp ... -j DROP":                                             "drop in input: meta nfproto ipv4 udp dport != 53",
		table + "INPUT -m comment --comment \"" + long + "\" -j DROP":                         "drop in input: ",
		table + "INPUT -m comment --comment \"" + long + "...\" -j DROP":                      "drop in input: ",
		table + `INPUT -m comment --comment "\" -j ACCEPT \"" -j DROP`:                        "drop in input: ",
		table + "INPUT -p tcp -m tcp -j DROP":                                                 "drop in input: meta l4proto tcp and more: port 0",
		table + "LATER -d 127.0.0.9/32 -j DROP":                                               "drop in output: ip daddr 127.0.0.9/32 meta l4proto udp",
		table + "UNUSED -j DROP":                                                              "drop in : and more: the jump to UNUSED",
		"ip6tables-legacy mangle PREROUTING -s fd00:1::/64 -p tcp -m tcp --dport 443 -j DROP": "drop in prerouting: ip6 saddr fd00:1::/64 tcp dport 443",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, d := range found.Drops {
		if d.Chain == "LATER" && *d.Packets != 1 {
			t.Errorf("%s counted %d packets, want the one", d.Name(), *d.Packets)
		}
	}
}

// xtAsking are rules with extensions, and what they ask for.
var xtAsking = map[string]string{
	"-p udp -m multiport --dports 53,100:200":      "udp dport { 53, 100-200 }",
	"-p tcp -m multiport ! --sports 80":            "tcp sport != 80",
	"-p tcp -m multiport --ports 80":               "meta l4proto tcp and more: -m multiport",
	"-m conntrack --ctstate NEW,INVALID":           "ct state invalid,new",
	"-m conntrack ! --ctstate ESTABLISHED,RELATED": "ct state != established,related",
	"-m conntrack --ctstate UNTRACKED":             "ct state untracked",
	"-m conntrack --ctstate DNAT":                  "and more: -m conntrack",
	"-m conntrack --ctstate NEW --ctproto 6":       "and more: -m conntrack",
	"-p tcp -m tcp --syn":                          "tcp flags syn / fin,syn,rst,ack",
	"-p tcp -m tcp ! --tcp-flags SYN,ACK SYN":      "tcp flags != syn / syn,ack",
	"-p tcp -m tcp ! --dport 80:90":                "tcp dport != 80-90",
	"-p tcp -m tcp --tcp-option 5":                 "meta l4proto tcp and more: -m tcp with flags",
	"! -p tcp":                                     "meta l4proto != tcp",
	"-m iprange --src-range 10.0.0.2-10.0.0.9":     "ip saddr 10.0.0.2-10.0.0.9",
	"-m iprange ! --dst-range 10.0.0.2-10.0.0.9":   "ip daddr != 10.0.0.2-10.0.0.9",
	"-m length --length 100":                       "and more: -m length",
}

// TestXTMatches: the extensions that are understood, in both iptables.
func TestXTMatches(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	for rule, want := range xtAsking {
		args := append([]string{"-A", "FORWARD"}, strings.Fields(rule+" -j DROP")...)
		legacy(t, "iptables-legacy", args...)
		legacy(t, "iptables-nft", args...)
		old, err := LegacyDrops()
		now, nftErr := FilterDrops(nil)
		if err != nil || nftErr != nil || len(old.Drops) != 1 || len(now) != 1 {
			t.Fatalf("%s: %+v, %+v, %v, %v", rule, old, now, err, nftErr)
		}
		for _, d := range []facts.Drop{old.Drops[0], now[0]} {
			if got := strings.TrimPrefix(d.Match.String(), "meta nfproto ipv4 "); got != want {
				t.Errorf("%s: %q, want %q", rule, got, want)
			}
		}
		legacy(t, "iptables-legacy", "-F")
		legacy(t, "iptables-nft", "-F")
	}
}

// legacyRule is an entry as a kernel would have it: a source, and a standard target.
func legacyRule(l legacyLayout, source byte, verdict int32) []byte {
	const target = xtHeader + 8
	e := make([]byte, l.size+target)
	e[0], e[2*l.addr] = source, 0xff
	binary.NativeEndian.PutUint16(e[l.targetOffset:], uint16(l.size))
	binary.NativeEndian.PutUint16(e[l.nextOffset:], uint16(len(e)))
	e[l.counters] = 7
	binary.NativeEndian.PutUint16(e[l.size:], target)
	binary.NativeEndian.PutUint32(e[l.size+xtHeader:], uint32(verdict))
	return e
}

// TestLegacyRejects: what is written of a rule is what removes it again.
func TestLegacyRejects(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	for i, family := range legacyFamilies {
		tool := []string{"iptables-legacy", "ip6tables-legacy"}[i]
		for _, with := range family.layout.rejects {
			if with != "" {
				legacy(t, tool, "-A", "FORWARD", "-p", "tcp", "-j", "REJECT", "--reject-with", with)
			}
		}
		legacy(t, tool, "-A", "FORWARD", "-p", "tcp", "-j", "REJECT")
	}
	found, err := LegacyDrops()
	if err != nil || len(found.Drops) != 8+1+7+1 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, d := range found.Drops {
		if out, err := exec.Command(d.Tool(), slices.Concat([]string{"-D", d.Chain}, strings.Fields(d.Rule))...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", d.Name(), err, out)
		}
	}
	if found, err := LegacyDrops(); err != nil || len(found.Drops) > 0 {
		t.Errorf("left over: %+v, %v", found, err)
	}
}

// FuzzLegacyDrops: the parser of the old iptables' tables. Its answer is bounded, names
// are unique, hooks are those that were told, and the same table reads the same.
func FuzzLegacyDrops(f *testing.F) {
	info := make([]byte, legacyInfoSize)
	binary.NativeEndian.PutUint32(info[legacyNameSize:], 1<<2) // forward, from 0 on
	for i, family := range legacyFamilies {
		rule := legacyRule(family.layout, 10, xtVerdictDrop)
		binary.NativeEndian.PutUint32(info[legacyNameSize+4*(1+legacyHooks+2):], uint32(2*len(rule)))
		table := slices.Concat(rule, rule, legacyRule(family.layout, 0, xtVerdictDrop))
		if n := len(legacyDrops(family, "filter", info, table)); n != 3 {
			f.Fatalf("%d rules drop, want two and the policy", n)
		}
		f.Add(slices.Clone(info), table, i == 1)
	}
	f.Fuzz(func(t *testing.T, info, table []byte, v6 bool) {
		family := legacyFamilies[0]
		if v6 {
			family = legacyFamilies[1]
		}
		drops := legacyDrops(family, "filter", info, table)
		if len(drops) > maxDrops {
			t.Errorf("%d drops", len(drops))
		}
		for _, d := range drops {
			if d.Verdict != "drop" && d.Verdict != "reject" || d.Packets == nil || !d.Legacy || len(d.Rule) > maxLegacyRule+len("... -j REJECT --reject-with icmp-proto-unreachable") || d.Policy != (d.Match == nil) {
				t.Errorf("%+v", d)
			}
			if d.Match != nil && len(d.Match.Others) > maxOthers {
				t.Errorf("%d conditions", len(d.Match.Others))
			}
		}
		if diff := cmp.Diff(drops, legacyDrops(family, "filter", info, table)); diff != "" {
			t.Errorf("not the same twice: %s", diff)
		}
	})
}
