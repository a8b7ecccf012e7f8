package netsys

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// dropping holds every kind of rule that drops, and some that do not.
const dropping = `
table inet guard {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established accept
		ip daddr 10.0.0.1 counter drop
		ip daddr 10.0.0.2 drop
		ip daddr 10.0.0.3 counter reject with icmp type admin-prohibited
		jump ours
	}
	chain output {
		type filter hook output priority 0;
		jump ours
	}
	chain ours { tcp dport 25 counter drop; }
	chain deep { type filter hook input priority 0; goto far; }
	chain far { udp dport 9 counter reject; }
	chain unused { drop; }
}
table bridge guard {
	chain out { type filter hook output priority 0; ip daddr 10.0.0.9 tcp dport 8080 drop; }
}
table netdev guard {
	chain in { type filter hook ingress device "lo" priority 0; ip saddr 10.1.0.0/16 ip daddr 10.2.0.0/20 udp sport 53 udp dport 5353 drop; }
	chain in6 { type filter hook ingress device "lo" priority 1; ip6 daddr fd00::/61 tcp dport 8080 drop; }
}
table ip6 guard {
	chain f {
		type filter hook forward priority 0;
		iifname "eth*" oifname "cni0" ip6 saddr fd00::1 ip6 nexthdr icmpv6 drop
		tcp dport { 80, 443 } drop
		tcp dport 8000-9000 drop
		ip6 daddr != fd00::2 limit rate 3/second drop
	}
}
table inet families { chain f {
	type filter hook forward priority 0;
	meta nfproto ipv6 counter drop
	meta nfproto ipv4 tcp dport 8080 drop
	ip6 nexthdr tcp drop
	tcp dport 8081 drop
}; }
table bridge families { chain f { type filter hook forward priority 0; ether type ip6 drop; ether type arp drop; }; }
table netdev families { chain f { type filter hook ingress device "lo" priority 2; meta protocol ip6 drop; ip saddr 10.0.0.1 drop; }; }
table ip registers { chain f {
	type filter hook forward priority 0;
	ip saddr 10.244.1.5 ct mark 0x0af40105 drop
	ip saddr 10.244.1.5 ct mark and 0xff00 == 0x0100 drop
	ip saddr 10.244.1.5 rt mtu 1500 ip daddr 10.244.1.6 drop
}; }
table ip zero { chain f {
	type filter hook forward priority 0;
	tcp dport 0 drop
	udp sport <= 0 drop
	udp sport >= 0 udp dport 0-9 drop
}; }
`

func TestFilterDrops(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	rules(t, dropping)
	drops, err := FilterDrops(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, match, more := map[string]string{}, map[string]string{}, map[string]string{}
	for _, d := range drops {
		text := d.Verdict + " in " + d.Hook
		if d.Packets != nil {
			text += ", counted"
		}
		if d.Policy != (d.Handle == 0) {
			t.Errorf("%+v", d)
		}
		key := d.Family + " " + d.Chain
		if d.Table != "guard" {
			key = d.Family + " " + d.Table
			for more[key] != "" {
				key += "+"
			}
			more[key] = d.Match.Family + ": " + d.Match.String()
			continue
		}
		for got[key] != "" {
			key += "+"
		}
		got[key] = text
		match[key] = d.Match.String()
	}
	want := map[string]string{
		"inet forward":    "drop in forward",
		"inet forward+":   "drop in forward, counted",
		"inet forward++":  "drop in forward",
		"inet forward+++": "reject in forward, counted",
		"inet ours":       "drop in several, counted",
		"inet far":        "reject in input, counted",
		"inet unused":     "drop in ",
		"bridge out":      "drop in output",
		"netdev in":       "drop in ingress",
		"netdev in6":      "drop in ingress",
		"ip6 f":           "drop in forward",
		"ip6 f+":          "drop in forward",
		"ip6 f++":         "drop in forward",
		"ip6 f+++":        "drop in forward",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = map[string]string{
		"inet forward":    "", // the policy
		"inet forward+":   "ip daddr 10.0.0.1/32",
		"inet forward++":  "ip daddr 10.0.0.2/32",
		"inet forward+++": "ip daddr 10.0.0.3/32",
		"inet ours":       "tcp dport 25",
		"inet far":        "udp dport 9",
		"inet unused":     "and more: the jump to unused",
		"bridge out":      "ip daddr 10.0.0.9/32 tcp dport 8080",
		"netdev in":       "iifname lo ip saddr 10.1.0.0/16 ip daddr 10.2.0.0/20 udp sport 53 udp dport 5353",
		"netdev in6":      "iifname lo ip6 daddr fd00::/61 tcp dport 8080",
		"ip6 f":           "iifname eth* oifname cni0 ip6 saddr fd00::1/128 meta l4proto ipv6-icmp",
		"ip6 f+":          "tcp dport { 80, 443 }",
		"ip6 f++":         "tcp dport 8000-9000",
		"ip6 f+++":        "ip6 daddr != fd00::2/128 and more: limit",
	}
	if diff := cmp.Diff(want, match); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = map[string]string{
		"inet families":    "ip6: meta nfproto ipv6",
		"inet families+":   "ip: meta nfproto ipv4 tcp dport 8080",
		"inet families++":  "ip6: meta nfproto ipv6 meta l4proto tcp",
		"inet families+++": ": tcp dport 8081",
		"bridge families":  "ip6: meta nfproto ipv6",
		"bridge families+": ": and more: ether type",
		"netdev families":  "ip6: iifname lo meta nfproto ipv6",
		"netdev families+": "ip: iifname lo ip saddr 10.0.0.1/32",
		"ip registers":     "ip: ip saddr 10.244.1.5/32 and more: ct, cmp",
		"ip registers+":    "ip: ip saddr 10.244.1.5/32 and more: ct, cmp",
		"ip registers++":   "ip: ip saddr 10.244.1.5/32 ip daddr 10.244.1.6/32 and more: rt, cmp",
		"ip zero":          ": meta l4proto tcp and more: port 0",
		"ip zero+":         ": meta l4proto udp and more: port 0",
		"ip zero++":        ": udp dport 0-9",
	}
	if diff := cmp.Diff(want, more); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
