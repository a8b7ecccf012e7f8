package netsys

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// flowMessage is the IPCTNL_MSG_CT_NEW that a kernel would send of a flow.
func flowMessage(number uint8, orig, reply [2]netip.AddrPort, status, timeout uint32) []byte {
	message := make([]byte, sizeofNfgenmsg)
	message = append(message, tupleAttr(number, orig[0], orig[1]).Serialize()...)
	back := tupleAttr(number, reply[0], reply[1])
	back.Type = unix.NLA_F_NESTED | nl.CTA_TUPLE_REPLY
	message = append(message, back.Serialize()...)
	message = append(message, nl.NewRtAttr(nl.CTA_STATUS, binary.BigEndian.AppendUint32(nil, status)).Serialize()...)
	return append(message, nl.NewRtAttr(nl.CTA_TIMEOUT, binary.BigEndian.AppendUint32(nil, timeout)).Serialize()...)
}

// FuzzFlow: the parser of conntrack entries. What was read of a message can be written
// as a kernel would write it, and reads the same.
func FuzzFlow(f *testing.F) {
	client, vip := netip.MustParseAddrPort("10.244.1.7:40000"), netip.MustParseAddrPort("10.96.0.10:53")
	pod, client6 := netip.MustParseAddrPort("10.244.2.3:53"), netip.MustParseAddrPort("[fd00::7]:40000")
	f.Add(flowMessage(unix.IPPROTO_UDP, [2]netip.AddrPort{client, vip}, [2]netip.AddrPort{pod, client}, ipsSeenReply|ipsDstNAT, 30))
	f.Add(flowMessage(unix.IPPROTO_TCP, [2]netip.AddrPort{client6, client6}, [2]netip.AddrPort{client6, client6}, ipsAssured, 86400))
	f.Fuzz(func(t *testing.T, message []byte) {
		flow, ok := parseFlow(message)
		if !ok {
			if diff := cmp.Diff(facts.Flow{}, flow); diff != "" {
				t.Fatalf("no flow, but: %s", diff)
			}
			return
		}
		var ends [4]netip.AddrPort
		for i, text := range []string{flow.Orig.Src, flow.Orig.Dst, flow.Reply.Src, flow.Reply.Dst} {
			end, err := netip.ParseAddrPort(text)
			if err != nil || end.Addr().Is4() != end.Addr().Unmap().Is4() {
				t.Fatalf("%q: %v", text, err)
			}
			ends[i] = end
		}
		if flow.State != "" && !slices.Contains(tcpStates, flow.State) || flow.Expires < 0 {
			t.Errorf("%+v", flow)
		}
		var status uint32
		for bit, set := range map[uint32]bool{ipsSeenReply: flow.SeenReply, ipsAssured: flow.Assured, ipsSrcNAT: flow.SrcNAT, ipsDstNAT: flow.DstNAT} {
			if set {
				status |= bit
			}
		}
		again, ok := parseFlow(flowMessage(flowProtocols[flow.Protocol], [2]netip.AddrPort(ends[:2]), [2]netip.AddrPort(ends[2:]), status, uint32(flow.Expires)))
		flow.State, flow.Packets = "", nil // these are not written
		if diff := cmp.Diff(flow, again); diff != "" || !ok {
			t.Errorf("read, written and read again: %s", diff)
		}
	})
}

// FuzzRule: the parser of policy routing rules. Prefixes are some, or none.
func FuzzRule(f *testing.F) {
	rule := []byte{unix.AF_INET, 0, 16, 0, 254, 0, 0, 1, 0, 0, 0, 0}
	f.Add(append(rule, nl.NewRtAttr(nl.FRA_SRC, []byte{10, 244, 0, 0}).Serialize()...))
	f.Add(append(rule, nl.NewRtAttr(nl.FRA_IIFNAME, []byte("eth0\x00")).Serialize()...))
	f.Fuzz(func(t *testing.T, message []byte) {
		r, ok := parseRule(message)
		if !ok {
			return
		}
		for _, text := range []string{r.Src, r.Dst} {
			if _, err := netip.ParsePrefix(text); text != "" && err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
		if r.Family != IPv4 && r.Family != IPv6 || r.Action == "" || r.Table < 0 || strings.ContainsRune(r.Iif+r.Oif, 0) {
			t.Errorf("%+v", r)
		}
	})
}

// cut reads messages that follow one another, each behind its length in two bytes, as
// nftDump would give them.
func cut(data []byte) [][]byte {
	var list [][]byte
	for len(data) >= 2 {
		n := min(int(binary.BigEndian.Uint16(data)), len(data)-2)
		if n >= sizeofNfgenmsg {
			list = append(list, data[2:2+n])
		}
		data = data[2+n:]
	}
	return list
}

func nftMessage(family byte, attrs ...*nl.RtAttr) []byte {
	message := []byte{family, 0, 0, 0}
	for _, a := range attrs {
		message = append(message, a.Serialize()...)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

func nested(kind int, attrs ...*nl.RtAttr) *nl.RtAttr {
	parent := nl.NewRtAttr(unix.NLA_F_NESTED|kind, nil)
	for _, a := range attrs {
		parent.AddChild(a)
	}
	return parent
}

// FuzzFilterDrops: the parser of nftables' chains and rules. Its answer is bounded, says
// drop or reject, does not depend on the order of a map, and hooks are those of chains
// that were told.
func FuzzFilterDrops(f *testing.F) {
	text := func(kind int, s string) *nl.RtAttr { return nl.NewRtAttr(kind, []byte(s+"\x00")) }
	number := func(kind int, n uint32) *nl.RtAttr {
		return nl.NewRtAttr(kind, binary.BigEndian.AppendUint32(nil, n))
	}
	verdict := func(code int32, chain string) *nl.RtAttr {
		return nested(1, text(nftaExprName, "immediate"), nested(nftaExprData, number(nftaImmediateRegister, 0),
			nested(nftaImmediateData, nested(nftaDataVerdict, number(nftaVerdictCode, uint32(code)), text(nftaVerdictChain, chain)))))
	}
	base := nftMessage(unix.AF_INET, text(nftaChainTable, "t"), text(nftaChainName, "forward"), nested(nftaChainHook, number(nftaHookNumber, 2)), number(nftaChainPolicy, nfDrop))
	jump := nftMessage(unix.AF_INET, text(nftaRuleTable, "t"), text(nftaRuleChain, "forward"), nested(nftaRuleExpressions, verdict(nftJump, "mine")))
	drop := nftMessage(unix.AF_INET, text(nftaRuleTable, "t"), text(nftaRuleChain, "mine"), nested(nftaRuleExpressions, verdict(nfDrop, "")))
	f.Add(base, slices.Concat(jump, drop))
	f.Add(base, nftMessage(unix.AF_INET6, nested(nftaRuleExpressions, nested(1, text(nftaExprName, "reject")))))
	f.Fuzz(func(t *testing.T, chains, rules []byte) {
		drops := filterDrops(cut(chains), cut(rules))
		if len(drops) > maxDrops {
			t.Errorf("%d drops", len(drops))
		}
		for _, d := range drops {
			if d.Verdict != "drop" && d.Verdict != "reject" || d.Family == "" || d.Policy && d.Hook == "" {
				t.Errorf("%+v", d)
			}
		}
		if diff := cmp.Diff(drops, filterDrops(cut(chains), cut(rules))); diff != "" {
			t.Errorf("not the same twice: %s", diff)
		}
	})
}

// FuzzErrorQueue: what the error queue of a socket holds, and packets with an IPv4 header.
func FuzzErrorQueue(f *testing.F) {
	tooBig := append(binary.NativeEndian.AppendUint32(nil, uint32(unix.EMSGSIZE)), unix.SO_EE_ORIGIN_ICMP, 3, 4, 0)
	tooBig = append(binary.NativeEndian.AppendUint32(tooBig, 1450), 0, 0, 0, 0)
	f.Add(append(tooBig, 2, 0, 0, 0, 192, 0, 2, 1), false)
	f.Add(append(tooBig, 10, 0, 0, 0, 0, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), true)
	f.Fuzz(func(t *testing.T, data []byte, v6 bool) {
		if e := parseExtendedErr(data, v6); e != nil {
			text := e.Error()
			if text == "" || strings.ContainsAny(text, "\n\x1b\x00") || e.MTU < 0 || e.MTU > 1<<16 || e.From.Zone() != "" {
				t.Errorf("%q, MTU %d from %s", text, e.MTU, e.From)
			}
			if e.Local && (e.Type != 0 || e.PortUnreachable()) {
				t.Errorf("a local error with an ICMP type: %+v", e)
			}
		} else if len(data) >= 16 {
			t.Error("a whole entry says nothing")
		}
		rest := slices.Clone(data)
		n := stripIPv4(rest, len(rest))
		if n > 0 && (n > len(data)-ipv4Header || string(rest[:n]) != string(data[len(data)-n:])) {
			t.Errorf("%d of %d bytes are left", n, len(data))
		}
	})
}

// FuzzTCFilter: the parser of tc filters, and of their actions. What it understands of a
// u32 filter asks for addresses that exist, and a filter that takes nothing counts nothing.
func FuzzTCFilter(f *testing.F) {
	parms := make([]byte, sizeofTCGen+8)
	binary.NativeEndian.PutUint32(parms[sizeofTCGen:], mirredEgressRedir)
	binary.NativeEndian.PutUint32(parms[sizeofTCGen+4:], 3)
	act := nl.NewRtAttr(nl.TCA_ACT_TAB, nil)
	act.AddRtAttr(nl.TCA_ACT_KIND, nl.ZeroTerminated("mirred"))
	act.AddRtAttr(nl.TCA_ACT_OPTIONS, nil).AddRtAttr(tcaActParms, parms)
	act.AddRtAttr(nl.TCA_ACT_STATS, nil).AddRtAttr(nl.TCA_STATS_BASIC, make([]byte, 16))
	sel := append([]byte{1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0xff, 0xff, 0xff, 0, 10, 244, 2, 0, 16, 0, 0, 0, 0, 0, 0, 0)
	options := nl.NewRtAttr(unix.TCA_OPTIONS, nil)
	options.AddRtAttr(tcaU32Sel, sel)
	options.AddRtAttr(7, act.Serialize())
	message := append([]byte{0, 0, 0, 0, 3, 0, 0, 0, 0, 8, 0, 0x80, 0xf2, 0xff, 0xff, 0xff, 8, 0, 9, 0}, nl.NewRtAttr(unix.TCA_KIND, nl.ZeroTerminated("u32")).Serialize()...)
	f.Add(append(message, options.Serialize()...))
	f.Fuzz(func(t *testing.T, message []byte) {
		filter, ok := parseTCFilter(message, map[int]device{3: {index: 3, name: "eth1", kind: "bridge"}})
		if !ok {
			return
		}
		if len(filter.Takes) == 0 && filter.Packets != nil || len(filter.Takes) > maxActions+1 {
			t.Errorf("%+v", filter)
		}
		for _, text := range []string{filter.Match.Src, filter.Match.Dst} {
			if _, err := netip.ParsePrefix(text); text != "" && err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
