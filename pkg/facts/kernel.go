package facts

// Kernel is what a vantage point's kernel and files say, read by the probe and
// carried in the result of the check that read it. Nil and empty mean not read.
type Kernel struct {
	Links      []Link      `json:"links,omitempty"`
	Routes     []Route     `json:"routes,omitempty"`
	Neighbours []Neighbour `json:"neighbours,omitempty"`
	FDB        []FDBEntry  `json:"fdb,omitempty"`
	ResolvConf *ResolvConf `json:"resolvConf,omitempty"`
	Sysctls    []Sysctl    `json:"sysctls,omitempty"`
	Conntrack  *Conntrack  `json:"conntrack,omitempty"`
	Rules      []Rule      `json:"rules,omitempty"`
	Forwards   []Forward   `json:"forwards,omitempty"`
	Drops      []Drop      `json:"drops,omitempty"`
	Qdiscs     []Qdisc     `json:"qdiscs,omitempty"`
	Attached   []Attached  `json:"attached,omitempty"`
	Flows      []Flow      `json:"flows,omitempty"`
	Listeners  []string    `json:"listeners,omitempty"` // TCP, address and port
	// FullQueues are those of listening TCP sockets that take no more connections.
	FullQueues []ListenQueue `json:"fullQueues,omitempty"`
	Proxy      *Proxy        `json:"proxy,omitempty"`
	// Tunnelled are how many flows other nodes sent through the tunnels that end here, by
	// the senders' addresses, while the failing checks were repeated; nil is not known.
	Tunnelled map[string]int `json:"tunnelled,omitzero"`
	// Counters only ever grow while the kernel runs; see Moved. Their names are those
	// of /proc/net, with what they belong to before a dot: ip, icmp, tcp, udp, ip6,
	// icmp6, udp6, tcpext, dev.INTERFACE, softnet, conntrack, arp, ndisc. IpExt of
	// /proc/net/netstat is in ip: "ip.InNoRoutes". Those of packet filter rules that drop
	// are in filter, and what programs and filters at interfaces take in attached; see
	// Drop.Counter and Attached.Counter.
	Counters map[string]uint64 `json:"counters,omitempty"`
}

// Link is a network interface (RTM_GETLINK, rtnetlink(7)).
type Link struct {
	Index     int      `json:"index"`
	Name      string   `json:"name"`
	Kind      string   `json:"kind,omitempty"` // veth, bridge, vxlan ...
	MTU       int      `json:"mtu"`
	MAC       string   `json:"mac,omitempty"`
	Addrs     []string `json:"addrs,omitempty"`     // CIDR notation
	Up        bool     `json:"up"`                  // IFF_UP
	State     string   `json:"state"`               // operstate: up, down, lowerlayerdown, unknown
	PeerIndex int      `json:"peerIndex,omitempty"` // IFLA_LINK: the other end of a veth
	PeerNetns int      `json:"peerNetns"`           // IFLA_LINK_NETNSID, -1 when none
	Master    string   `json:"master,omitempty"`
	// PortState, Hairpin and Isolated are those of a port of a bridge, read by node.bridge
	// only: disabled, listening, learning, forwarding or blocking; whether the bridge may
	// send a packet back out of the port that it came in by; and whether it sends nothing
	// from this port to others that are isolated too.
	PortState string `json:"portState,omitempty"`
	Hairpin   *bool  `json:"hairpin,omitempty"`
	Isolated  bool   `json:"isolated,omitempty"`
	// Offload is read by node.offload only.
	Offload   *Offload `json:"offload,omitempty"`
	RxPackets uint64   `json:"rxPackets"`
	TxPackets uint64   `json:"txPackets"`
	RxErrors  uint64   `json:"rxErrors"`
	TxErrors  uint64   `json:"txErrors"`
	RxDropped uint64   `json:"rxDropped"`
	TxDropped uint64   `json:"txDropped"`
	VXLAN     *VXLAN   `json:"vxlan,omitempty"`
}

// VXLAN holds the parameters of a VXLAN device (IFLA_VXLAN_*).
type VXLAN struct {
	VNI      int    `json:"vni"`
	Port     int    `json:"port"` // UDP destination port
	Local    string `json:"local,omitempty"`
	Device   int    `json:"device,omitempty"` // index of the underlay link
	Learning bool   `json:"learning"`
}

// Offload is what an interface leaves to its driver, or to whatever the driver hands
// packets on to (ethtool(8), --show-features). A tunnel device with TxChecksum takes
// packets without a checksum and leaves filling it in to the interface below it.
type Offload struct {
	TxChecksum bool `json:"txChecksum"`
	RxChecksum bool `json:"rxChecksum"`
	TSO        bool `json:"tso"`
	GSO        bool `json:"gso"`
	GRO        bool `json:"gro"`
}

// Route is one entry of the routing tables (RTM_GETROUTE).
type Route struct {
	Family  string `json:"family"` // ipv4, ipv6
	Dst     string `json:"dst"`    // CIDR; "default" for 0.0.0.0/0 and ::/0
	Gateway string `json:"gateway,omitempty"`
	Dev     string `json:"dev,omitempty"`
	Src     string `json:"src,omitempty"`
	Table   int    `json:"table"`
	Type    string `json:"type,omitempty"` // unicast, unreachable, blackhole ...
	MTU     int    `json:"mtu,omitempty"`
	Onlink  bool   `json:"onlink,omitempty"`
}

// mainTable is RT_TABLE_MAIN (rtnetlink(7)); others hold for what a policy rule sends there.
const mainTable = 254

// InMain reports whether the route is one of the main table, or of a table that is not told.
func (r Route) InMain() bool { return r.Table == 0 || r.Table == mainTable }

// Refuses reports whether the kernel refuses to send by the route (ip-route(8)).
func (r Route) Refuses() bool {
	return r.Type == "blackhole" || r.Type == "unreachable" || r.Type == "prohibit"
}

// Neighbour is an ARP or NDP entry (RTM_GETNEIGH).
type Neighbour struct {
	IP    string `json:"ip"`
	Dev   string `json:"dev"`
	MAC   string `json:"mac,omitempty"`
	State string `json:"state"` // reachable, stale, failed, permanent, incomplete ...
}

// FDBEntry is a bridge or VXLAN forwarding entry (RTM_GETNEIGH, AF_BRIDGE).
type FDBEntry struct {
	MAC   string `json:"mac"`
	Dev   string `json:"dev"`
	Dst   string `json:"dst,omitempty"` // the remote VTEP
	State string `json:"state,omitempty"`
}

// ResolvConf is a parsed resolv.conf(5).
type ResolvConf struct {
	Nameservers []string `json:"nameservers"`
	Search      []string `json:"search,omitempty"`
	Options     []string `json:"options,omitempty"`
	Ndots       int      `json:"ndots"`
}

// Sysctl is one kernel setting as the vantage point's namespace shows it.
type Sysctl struct {
	Name  string `json:"name"` // dotted, as sysctl(8) prints it
	Value string `json:"value"`
}

// Conntrack is the fill of the connection tracking table.
type Conntrack struct {
	Count int `json:"count"`
	Max   int `json:"max"`
}

// ListenQueue is the queue of connections that wait to be accepted from a TCP socket.
type ListenQueue struct {
	At      string `json:"at"` // address and port
	Waiting int    `json:"waiting"`
	Limit   int    `json:"limit"` // listen(2), backlog; no more than net.core.somaxconn
}
