package netsys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Of include/uapi/linux/netfilter: what the library has no name for.
const (
	ctSubsystem = 1 // NFNL_SUBSYS_CTNETLINK
	ctStatsCPU  = 4 // IPCTNL_MSG_CT_GET_STATS_CPU

	ipsSeenReply = 1 << 1
	ipsAssured   = 1 << 2
	ipsSrcNAT    = 1 << 4
	ipsDstNAT    = 1 << 5

	sizeofNfgenmsg = 4
)

// tcpStates are those of conntrack (enum tcp_conntrack).
var tcpStates = []string{
	"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
}

var flowProtocols = map[string]uint8{"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP}

// LookupFlow asks connection tracking for one connection, by protocol ("tcp", "udp")
// and the addresses that its sender uses (IPCTNL_MSG_CT_GET without a dump: one hash
// look-up, however large the table is). Found is false when there is none. It needs
// NET_ADMIN: without, the error is EPERM. Flows in a conntrack zone of their own (Open
// vSwitch) are not found.
func LookupFlow(protocol string, src, dst netip.AddrPort) (facts.Flow, error) {
	asked := facts.Flow{Protocol: protocol, Orig: facts.Tuple{Src: src.String(), Dst: dst.String()}}
	number, known := flowProtocols[protocol]
	switch {
	case !known:
		return asked, fmt.Errorf("look a flow up: protocol %q has no ports", protocol)
	case !src.IsValid() || !dst.IsValid() || src.Addr().Unmap().Is4() != dst.Addr().Unmap().Is4():
		return asked, fmt.Errorf("look a flow up: %s to %s is no pair of addresses", src, dst)
	}
	request := ctRequest(nl.IPCTNL_MSG_CT_GET, unix.NLM_F_ACK, src.Addr())
	request.AddData(tupleAttr(number, src, dst))
	messages, err := request.Execute(unix.NETLINK_NETFILTER, ctSubsystem<<8|nl.IPCTNL_MSG_CT_NEW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return asked, nil
	case err != nil:
		return asked, fmt.Errorf("look a flow up: %w", err)
	}
	for _, m := range messages {
		if flow, ok := parseFlow(m); ok {
			return flow, nil
		}
	}
	return asked, nil
}

// EachFlow gives every tracked connection of an address family (IPv4, IPv6) to f, until
// f returns false; none is kept, since tables grow to millions. It needs NET_ADMIN. What
// changes meanwhile may be missed or come twice.
func EachFlow(family string, f func(facts.Flow) bool) error {
	of := netip.IPv4Unspecified()
	if family == IPv6 {
		of = netip.IPv6Unspecified()
	}
	request := ctRequest(nl.IPCTNL_MSG_CT_GET, unix.NLM_F_DUMP, of)
	err := request.ExecuteIter(unix.NETLINK_NETFILTER, ctSubsystem<<8|nl.IPCTNL_MSG_CT_NEW, func(m []byte) bool {
		flow, ok := parseFlow(m)
		return !ok || f(flow)
	})
	if err != nil && !errors.Is(err, nl.ErrDumpInterrupted) {
		return fmt.Errorf("list flows: %w", err)
	}
	return nil
}

func ctRequest(message, flags int, of netip.Addr) *nl.NetlinkRequest {
	request := nl.NewNetlinkRequest(ctSubsystem<<8|message, flags)
	family := uint8(unix.AF_INET6)
	if of.Unmap().Is4() {
		family = unix.AF_INET
	}
	request.AddData(&nl.Nfgenmsg{NfgenFamily: family, Version: nl.NFNETLINK_V0})
	return request
}

// tupleAttr is the CTA_TUPLE_ORIG of a packet.
func tupleAttr(protocol uint8, src, dst netip.AddrPort) *nl.RtAttr {
	from, to := uint16(nl.CTA_IP_V6_SRC), uint16(nl.CTA_IP_V6_DST)
	if src.Addr().Unmap().Is4() {
		from, to = nl.CTA_IP_V4_SRC, nl.CTA_IP_V4_DST
	}
	tuple := nl.NewRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_ORIG, nil)
	ip := tuple.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_IP, nil)
	ip.AddRtAttr(int(from), src.Addr().Unmap().AsSlice())
	ip.AddRtAttr(int(to), dst.Addr().Unmap().AsSlice())
	ports := tuple.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_PROTO, nil)
	ports.AddRtAttr(nl.CTA_PROTO_NUM, []byte{protocol})
	ports.AddRtAttr(nl.CTA_PROTO_SRC_PORT, binary.BigEndian.AppendUint16(nil, src.Port()))
	ports.AddRtAttr(nl.CTA_PROTO_DST_PORT, binary.BigEndian.AppendUint16(nil, dst.Port()))
	return tuple
}

// parseFlow is pure: one IPCTNL_MSG_CT_NEW message. ok is false for one that is of
// another protocol or lacks a direction.
func parseFlow(message []byte) (flow facts.Flow, ok bool) {
	as := attributesOf(message, sizeofNfgenmsg)
	orig, number := parseTuple(as.nest(nl.CTA_TUPLE_ORIG))
	reply, _ := parseTuple(as.nest(nl.CTA_TUPLE_REPLY))
	for name, n := range flowProtocols {
		if n == number {
			flow.Protocol = name
		}
	}
	if flow.Protocol == "" || orig == nil || reply == nil {
		return facts.Flow{}, false
	}
	status := as.be32(nl.CTA_STATUS)
	flow.Found, flow.Orig, flow.Reply = true, *orig, reply
	flow.SeenReply, flow.Assured = status&ipsSeenReply != 0, status&ipsAssured != 0
	flow.SrcNAT, flow.DstNAT = status&ipsSrcNAT != 0, status&ipsDstNAT != 0
	flow.Expires = int(as.be32(nl.CTA_TIMEOUT))
	if tcp := as.nest(nl.CTA_PROTOINFO).nest(nl.CTA_PROTOINFO_TCP); tcp != nil {
		if state := int(tcp.u8(nl.CTA_PROTOINFO_TCP_STATE)); state < len(tcpStates) {
			flow.State = tcpStates[state]
		}
	}
	if there, back := as.nest(nl.CTA_COUNTERS_ORIG), as.nest(nl.CTA_COUNTERS_REPLY); there != nil && back != nil {
		flow.Packets = &facts.FlowPackets{Orig: there.be64(nl.CTA_COUNTERS_PACKETS), Reply: back.be64(nl.CTA_COUNTERS_PACKETS)}
	}
	return flow, true
}

// parseTuple is one direction and its protocol, nil when it has no addresses.
func parseTuple(as attributes) (*facts.Tuple, uint8) {
	ip, ports := as.nest(nl.CTA_TUPLE_IP), as.nest(nl.CTA_TUPLE_PROTO)
	src, dst := ip[nl.CTA_IP_V4_SRC], ip[nl.CTA_IP_V4_DST]
	if src == nil {
		src, dst = ip[nl.CTA_IP_V6_SRC], ip[nl.CTA_IP_V6_DST]
	}
	from, okFrom := netip.AddrFromSlice(src)
	to, okTo := netip.AddrFromSlice(dst)
	from, to = from.Unmap(), to.Unmap()
	if !okFrom || !okTo || from.Is4() != to.Is4() {
		return nil, 0
	}
	return &facts.Tuple{
		Src: netip.AddrPortFrom(from, ports.be16(nl.CTA_PROTO_SRC_PORT)).String(),
		Dst: netip.AddrPortFrom(to, ports.be16(nl.CTA_PROTO_DST_PORT)).String(),
	}, ports.u8(nl.CTA_PROTO_NUM)
}

// ctStats names the CTA_STATS_* attributes as /proc/net/stat/nf_conntrack does.
var ctStats = map[uint16]string{
	2: "found", 4: "invalid", 8: "insert", 9: "insert_failed", 10: "drop", 11: "early_drop", 12: "icmp_error",
	13: "search_restart", 14: "clashres", 15: "chainlength",
}

// ConntrackCounters asks ctnetlink for the counters of connection tracking, summed over
// all processors, with the names that Counters gives them: for kernels that do not show
// /proc/net/stat/nf_conntrack. It needs NET_ADMIN.
func ConntrackCounters() (map[string]uint64, error) {
	messages, err := dumpRaw(unix.NETLINK_NETFILTER, func() *nl.NetlinkRequest {
		return ctRequest(ctStatsCPU, unix.NLM_F_DUMP, netip.IPv4Unspecified())
	}, ctSubsystem<<8|ctStatsCPU)
	if err != nil {
		return nil, fmt.Errorf("read conntrack's counters: %w", err)
	}
	c := counters{}
	for _, m := range messages {
		as := attributesOf(m, sizeofNfgenmsg)
		for t, name := range ctStats {
			if as[t] != nil {
				c.add("conntrack."+name, uint64(as.be32(t)))
			}
		}
	}
	return c, nil
}
