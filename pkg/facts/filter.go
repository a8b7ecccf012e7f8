package facts

import (
	"fmt"
	"strings"
)

// Drop is a rule of the packet filter (nftables, iptables-nft, iptables-legacy) that
// drops or rejects, or a base chain whose policy does.
type Drop struct {
	Family string `json:"family"` // ip, ip6, inet, bridge, netdev
	Table  string `json:"table"`
	Chain  string `json:"chain"`
	// Legacy says that it is one of x_tables, which only the tools of iptables-legacy
	// and ip6tables-legacy show.
	Legacy bool `json:"legacy,omitempty"`
	// Handle names the rule in its chain; 0 for a policy. A rule of iptables-legacy has
	// Rule instead, "-s 10.0.0.0/8 -j DROP", and from the second on of those that read
	// the same which of them it is.
	Handle uint64 `json:"handle,omitempty"`
	Rule   string `json:"rule,omitempty"`
	// Hook is where the chain is reached from: prerouting, input, forward, output,
	// postrouting, ingress, egress; "several", or "" when nothing leads to it.
	Hook    string `json:"hook,omitempty"`
	Verdict string `json:"verdict"` // drop, reject
	Policy  bool   `json:"policy,omitempty"`
	// Packets is its counter, nil when it has none.
	Packets *uint64 `json:"packets,omitempty"`
	// Match is what it asks of a packet; nil for a policy.
	Match *Match `json:"match,omitempty"`
	// Lets are what the first few rules before it in its chain accept or send back.
	Lets []Match `json:"lets,omitempty"`
	// Only says that Lets are all that passes before it, of a policy and of a rule of a base
	// chain that asks for no address and no port.
	Only bool `json:"only,omitempty"`
}

// Name is the rule as nft(8) would name it, "ip filter FORWARD handle 12", or as
// iptables-save(8) would list it, "iptables-legacy filter FORWARD -s 10.0.0.0/8 -j DROP".
func (d Drop) Name() string {
	family := d.Family
	if d.Legacy {
		family = d.Tool()
	}
	switch {
	case d.Policy:
		return fmt.Sprintf("%s %s %s policy", family, d.Table, d.Chain)
	case d.Legacy && d.Handle > 0:
		return fmt.Sprintf("%s %s %s %s (no. %d alike)", family, d.Table, d.Chain, d.Rule, d.Handle)
	case d.Legacy:
		return fmt.Sprintf("%s %s %s %s", family, d.Table, d.Chain, d.Rule)
	}
	return fmt.Sprintf("%s %s %s handle %d", family, d.Table, d.Chain, d.Handle)
}

// Tool is the program that shows and removes the rule.
func (d Drop) Tool() string {
	switch {
	case !d.Legacy:
		return "nft"
	case d.Family == "ip6":
		return "ip6tables-legacy"
	}
	return "iptables-legacy"
}

// Counter is the rule's name in Kernel.Counters.
func (d Drop) Counter() string { return "filter." + d.Name() }

// Match is what a rule asks of a packet, all of it at once: "" and no ports are any.
type Match struct {
	// Family is that of the addresses, ip or ip6, where the rule itself asks for it.
	Family   string `json:"family,omitempty"`
	Src      string `json:"src,omitempty"` // CIDR
	Dst      string `json:"dst,omitempty"`
	Protocol string `json:"protocol,omitempty"` // tcp, udp, icmp, ipv6-icmp, sctp, or a number
	SrcPort  Ports  `json:"srcPort,omitzero"`
	DstPort  Ports  `json:"dstPort,omitzero"`
	In       string `json:"in,omitempty"` // device; "eth*" for all that begin alike
	Out      string `json:"out,omitempty"`
	// Demands are conditions that the fields above have no room for.
	Demands []Demand `json:"demands,omitempty"`
	// Others are conditions that are not understood here, by their names.
	Others []string `json:"others,omitempty"`
}

// Ports are a range with both its ends; zero for any.
type Ports struct {
	First uint16 `json:"first"`
	Last  uint16 `json:"last"`
}

// Any reports whether every port is among them.
func (p Ports) Any() bool { return p == Ports{} || p == Ports{Last: 1<<16 - 1} }

func (p Ports) String() string {
	if p.First == p.Last {
		return fmt.Sprint(p.First)
	}
	return fmt.Sprintf("%d-%d", p.First, p.Last)
}

// String is the match in the words of nft(8).
func (m *Match) String() string {
	if m == nil {
		return ""
	}
	var words []string
	add := func(word, value string) {
		if value != "" {
			words = append(words, word+" "+value)
		}
	}
	add("iifname", m.In)
	add("oifname", m.Out)
	if m.Src == "" && m.Dst == "" && !m.demands("saddr", "daddr") { // which say it
		add("meta nfproto", map[string]string{"ip": "ipv4", "ip6": "ipv6"}[m.Family])
	}
	add(addressFamily(m.Src)+" saddr", m.Src)
	add(addressFamily(m.Dst)+" daddr", m.Dst)
	protocol := m.Protocol
	if m.SrcPort.Any() && m.DstPort.Any() && !m.demands("sport", "dport", "flags") {
		add("meta l4proto", protocol)
	} else if protocol == "" {
		protocol = "th"
	}
	for _, end := range []struct {
		word  string
		ports Ports
	}{{"sport", m.SrcPort}, {"dport", m.DstPort}} {
		if !end.ports.Any() {
			add(protocol+" "+end.word, end.ports.String())
		}
	}
	if protocol == "" {
		protocol = "th"
	}
	for _, c := range m.Demands {
		words = append(words, c.text(protocol))
	}
	text := strings.Join(words, " ")
	if len(m.Others) > 0 {
		text = strings.TrimSpace(text + " and more: " + strings.Join(m.Others, ", "))
	}
	return text
}

func addressFamily(cidr string) string {
	if strings.Contains(cidr, ":") {
		return "ip6"
	}
	return "ip"
}
