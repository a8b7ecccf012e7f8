package facts

import "net/netip"

// Moved returns by how much counters grew between two readings of the same kernel:
// only those that are in both, and only those that grew. One that went backwards
// belongs to something that was removed and made anew, and says nothing.
func Moved(before, after map[string]uint64) map[string]uint64 {
	moved := map[string]uint64{}
	for name, now := range after {
		if then, known := before[name]; known && now > then {
			moved[name] = now - then
		}
	}
	return moved
}

// Tuple is one direction of a tracked connection: address and port ("10.0.0.1:80",
// "[fd00::1]:80") at both ends.
type Tuple struct {
	Src string `json:"src"`
	Dst string `json:"dst"`
}

// Flow is a connection as a kernel's connection tracking knows it (ctnetlink:
// net/netfilter/nf_conntrack_netlink.c).
type Flow struct {
	Protocol string `json:"protocol"` // tcp, udp
	// Orig is the direction that was asked for, or, when found, that of the first
	// packet as its sender wrote it.
	Orig Tuple `json:"orig"`
	// Found is false when there is no such entry. That is so for a connection that was
	// refused as well: a reset as the first answer ends its entry at once
	// (net/netfilter/nf_conntrack_proto_tcp.c, nf_conntrack_tcp_packet).
	Found bool `json:"found"`
	// Reply is what answers look like before they are translated back. Its source is
	// where the kernel really sent the flow to, its destination the address that the
	// other side sees as the client's.
	Reply *Tuple `json:"reply,omitempty"`
	// State is that of a TCP connection: SYN_SENT, ESTABLISHED, TIME_WAIT ...
	State string `json:"state,omitempty"`
	// SeenReply says that packets came back; Assured, that the entry is not dropped
	// early when the table is full.
	SeenReply bool `json:"seenReply,omitempty"`
	Assured   bool `json:"assured,omitempty"`
	SrcNAT    bool `json:"srcNAT,omitempty"`
	DstNAT    bool `json:"dstNAT,omitempty"`
	// Packets of either direction; only where net.netfilter.nf_conntrack_acct is on.
	Packets *FlowPackets `json:"packets,omitempty"`
	// Expires is in how many seconds the entry ends without another packet.
	Expires int `json:"expiresSeconds,omitempty"`
}

// FlowPackets are the packets of a tracked connection by direction.
type FlowPackets struct {
	Orig  uint64 `json:"orig"`
	Reply uint64 `json:"reply"`
}

// SentTo is where the kernel sent the flow after destination NAT: for a connection to
// a service, its backend. It is the zero AddrPort when the flow was not found.
func (f Flow) SentTo() netip.AddrPort {
	if f.Reply == nil {
		return netip.AddrPort{}
	}
	addr, _ := netip.ParseAddrPort(f.Reply.Src)
	return addr
}

// SeenAs is the source that the other side sees, after source NAT. It is the zero
// AddrPort when the flow was not found.
func (f Flow) SeenAs() netip.AddrPort {
	if f.Reply == nil {
		return netip.AddrPort{}
	}
	addr, _ := netip.ParseAddrPort(f.Reply.Dst)
	return addr
}

// Rule is a policy routing rule (RTM_GETRULE, ip-rule(8)).
type Rule struct {
	Family   string `json:"family"` // ipv4, ipv6
	Priority int    `json:"priority"`
	// Action is lookup, goto, nop, blackhole, unreachable or prohibit.
	Action string `json:"action"`
	Table  int    `json:"table,omitempty"` // of lookup
	Src    string `json:"src,omitempty"`   // CIDR, "" for any
	Dst    string `json:"dst,omitempty"`
	Iif    string `json:"iif,omitempty"`
	Oif    string `json:"oif,omitempty"`
	Mark   uint32 `json:"mark,omitempty"`
	Mask   uint32 `json:"mask,omitempty"`
	Invert bool   `json:"invert,omitempty"`
	// Suppress is the prefix length up to which what the table finds does not count
	// (suppress_prefixlength), -1 without.
	Suppress int `json:"suppress"`
}

// Forward is what the kernel does with a packet that comes in from a pod.
type Forward struct {
	Src string `json:"src"`
	Dst string `json:"dst"`
	// Route is where it is sent on to, nil when it is refused: blackhole, prohibit,
	// unreachable, or taken for the node's own.
	Route   *Route `json:"route,omitempty"`
	Refused string `json:"refused,omitempty"`
}

// Qdisc is a queueing discipline of an interface (RTM_GETQDISC, tc(8)), or a class of
// one that has a rate.
type Qdisc struct {
	Dev    string `json:"dev"`
	Kind   string `json:"kind"`            // noqueue, fq_codel, tbf, netem ...
	Parent string `json:"parent"`          // root, or a class: 1:10
	Class  string `json:"class,omitempty"` // of a class of Kind: 1:10
	// Rate is the highest rate that it lets through, in bits a second, 0 for none.
	Rate uint64 `json:"rateBits,omitempty"`
	// DelayMs and LossPercent are netem's, the delay in milliseconds.
	DelayMs     float64 `json:"delayMs,omitempty"`
	LossPercent float64 `json:"lossPercent,omitempty"`
	// Params are its parameters for people: "rate 10mbit, limit 60000 bytes".
	Params     string `json:"params,omitempty"`
	Packets    uint64 `json:"packets"`
	Drops      uint64 `json:"drops"`
	Overlimits uint64 `json:"overlimits,omitempty"`
	Backlog    uint64 `json:"backlogBytes"`
}

// Proxy is what a node shows of its kube-proxy.
type Proxy struct {
	// Health is what http://...:10256/healthz answered, "" for nothing.
	Health  string `json:"health,omitempty"`
	Healthy bool   `json:"healthy"`
	// Mode is iptables, ipvs or nftables, as the running process says on port 10249.
	Mode string `json:"mode,omitempty"`
	// Rules says where rules of a kube-proxy are in the kernel: "nftables ip
	// kube-proxy", "iptables-nft ip KUBE-SERVICES", "iptables-legacy ip KUBE-SERVICES",
	// "ipvs kube-ipvs0".
	Rules []string `json:"rules,omitempty"`
	// RulesRead says that all places could be looked at, so that none means none.
	RulesRead bool `json:"rulesRead"`
}
