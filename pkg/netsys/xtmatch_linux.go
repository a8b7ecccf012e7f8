package netsys

import (
	"encoding/binary"
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Of include/uapi/linux/netfilter: xt_conntrack.h, xt_multiport.h, xt_iprange.h, xt_tcpudp.h.
const (
	xtConntrackSize, xtConntrackFlags = 154, 146
	xtConntrackState                  = 1
	xtMultiportSize, xtMultiportMax   = 48, 15
	xtIPRangeSize, xtAddressSize      = 65, 16
	xtInvertSrcPort, xtInvertDstPort  = 1, 2
	xtInvertFlags                     = 4
)

// xtMatch takes in an extension of x_tables, in nftables or in the old iptables.
func xtMatch(m *facts.Match, what string, revision uint32, v6 bool, data []byte) {
	switch what {
	case "comment":
	case "tcp", "udp":
		xtPorts(m, what, data)
	case "conntrack":
		xtStates(m, revision, data)
	case "multiport":
		xtMultiport(m, revision, data)
	case "iprange":
		xtRanges(m, v6, data)
	default:
		addOther(m, "-m "+what)
	}
}

// xtPorts are those of x_tables' matches for TCP and UDP: struct xt_tcp and xt_udp.
func xtPorts(m *facts.Match, what string, data []byte) {
	const ports, tcpSize, udpSize = 8, 12, 9
	inverted := byte(0)
	switch {
	case what == "tcp" && len(data) >= tcpSize:
		inverted = data[11]
		if data[8] != 0 || inverted&^(xtInvertSrcPort|xtInvertDstPort|xtInvertFlags) != 0 { // an option
			addOther(m, "-m tcp with flags")
			return
		}
		if mask, value := data[9], data[10]; mask|value != 0 {
			demand(m, facts.Demand{Of: []string{"flags"}, Not: inverted&xtInvertFlags != 0, Among: []string{facts.FlagText(value) + " / " + facts.FlagText(mask)}}, "-m tcp")
		}
	case what == "udp" && len(data) >= udpSize:
		if inverted = data[ports]; inverted&^(xtInvertSrcPort|xtInvertDstPort) != 0 {
			addOther(m, "-m udp with flags")
			return
		}
	default:
		addOther(m, "-m "+what)
		return
	}
	u16 := func(at int) uint16 { return binary.NativeEndian.Uint16(data[at:]) }
	every := facts.Ports{Last: 1<<16 - 1} // when none were asked for
	for _, end := range []struct {
		of    string
		asked facts.Ports
		bit   byte
		into  *facts.Ports
	}{
		{"sport", facts.Ports{First: u16(0), Last: u16(2)}, xtInvertSrcPort, &m.SrcPort},
		{"dport", facts.Ports{First: u16(4), Last: u16(6)}, xtInvertDstPort, &m.DstPort},
	} {
		switch {
		case inverted&end.bit != 0:
			demand(m, facts.Demand{Of: []string{end.of}, Not: true, Among: []string{end.asked.String()}}, "-m "+what)
		case end.asked != every:
			setPorts(m, end.into, end.asked)
		}
	}
}

// xtStates are those of struct xt_conntrack_mtinfo2 and 3, if nothing else is asked for.
func xtStates(m *facts.Match, revision uint32, data []byte) {
	u16 := func(at int) uint16 { return binary.NativeEndian.Uint16(data[at:]) }
	if revision < 2 || len(data) < xtConntrackSize || u16(xtConntrackFlags) != xtConntrackState {
		addOther(m, "-m conntrack")
		return
	}
	mask := uint32(u16(xtConntrackFlags + 4))
	if mask&(stateUntracked|0x80) != 0 { // there these are for translated addresses
		addOther(m, "-m conntrack")
		return
	}
	if mask&0x100 != 0 {
		mask = mask&^0x100 | stateUntracked
	}
	names, ok := statesOf(mask)
	if !ok {
		addOther(m, "-m conntrack")
		return
	}
	demand(m, facts.Demand{Of: []string{"state"}, Not: u16(xtConntrackFlags+2)&xtConntrackState != 0, Among: names}, "-m conntrack")
}

// xtMultiport is struct xt_multiport_v1: ports, and which of them begin a range.
func xtMultiport(m *facts.Match, revision uint32, data []byte) {
	of := map[byte]string{0: "sport", 1: "dport"}
	if revision != 1 || len(data) < xtMultiportSize || data[1] > xtMultiportMax || of[data[0]] == "" {
		addOther(m, "-m multiport")
		return
	}
	d := facts.Demand{Of: []string{of[data[0]]}, Not: data[47] != 0}
	u16 := func(n int) uint16 { return binary.NativeEndian.Uint16(data[2+2*n:]) }
	for n := 0; n < int(data[1]); n++ {
		ports := facts.Ports{First: u16(n), Last: u16(n)}
		if data[32+n] != 0 && n+1 < int(data[1]) {
			n++
			ports.Last = u16(n)
		}
		d.Among = append(d.Among, ports.String())
	}
	demand(m, d, "-m multiport")
}

// xtRanges is struct xt_iprange_mtinfo: the first and the last address of two ranges.
func xtRanges(m *facts.Match, v6 bool, data []byte) {
	const source, sourceNot = 1, 0x10 // those of destinations are the bits behind them
	if len(data) < xtIPRangeSize {
		addOther(m, "-m iprange")
		return
	}
	read := func(n int) string {
		b := data[n*xtAddressSize : (n+1)*xtAddressSize]
		if v6 {
			return netip.AddrFrom16([16]byte(b)).String()
		}
		return netip.AddrFrom4([4]byte(b)).String()
	}
	flags := data[4*xtAddressSize]
	for n, of := range []string{"saddr", "daddr"} {
		if flags&(source<<n) != 0 {
			demand(m, facts.Demand{Of: []string{of}, Not: flags&(sourceNot<<n) != 0, Among: []string{read(2*n) + "-" + read(2*n+1)}}, "-m iprange")
		}
	}
}
