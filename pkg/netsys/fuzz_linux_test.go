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
	load := func(offset, size uint32) *nl.RtAttr {
		return nested(1, text(nftaExprName, "payload"), nested(nftaExprData, number(nftaPayloadDestination, 1), number(nftaPayloadBase, nftNetwork), number(nftaPayloadOffset, offset), number(nftaPayloadLength, size)))
	}
	look := func(set string, attrs ...*nl.RtAttr) *nl.RtAttr {
		return nested(1, text(nftaExprName, "lookup"), nested(nftaExprData, append(attrs, text(nftaLookupSet, set), number(nftaLookupSource, 1))...))
	}
	asks := nftMessage(unix.AF_INET, text(nftaRuleTable, "t"), text(nftaRuleChain, "mine"), nested(nftaRuleExpressions, load(12, 4), look("s"), verdict(nfDrop, "")))
	decides := nftMessage(unix.AF_INET, text(nftaRuleTable, "t"), text(nftaRuleChain, "forward"), nested(nftaRuleExpressions, load(16, 4), look("s", number(nftaLookupDestination, 0))))
	set := func(flags uint32) []byte {
		return nftMessage(unix.AF_INET, text(nftaSetTable, "t"), text(nftaSetName, "s"), number(nftaSetFlags, flags), number(nftaSetKeyLength, 4))
	}
	key := func(last byte, attrs ...*nl.RtAttr) *nl.RtAttr {
		return nested(1, append(attrs, nested(nftaElementKey, nl.NewRtAttr(nftaDataValue, []byte{10, 0, 0, last})))...)
	}
	goes := nested(nftaElementData, nested(nftaDataVerdict, number(nftaVerdictCode, 0xffffffff+1+nftJump), text(nftaVerdictChain, "mine")))
	f.Add(base, slices.Concat(jump, drop), []byte{}, []byte{})
	f.Add(base, nftMessage(unix.AF_INET6, nested(nftaRuleExpressions, nested(1, text(nftaExprName, "reject")))), []byte{}, []byte{})
	f.Add(base, slices.Concat(jump, asks, decides), set(nftSetInterval|nftSetMap), nftMessage(unix.AF_INET, nested(nftaElementsList, key(1, goes), key(9, number(nftaElementFlags, nftElementEnd)))))
	f.Add(base, slices.Concat(jump, asks), set(0), nftMessage(unix.AF_INET, nested(nftaElementsList, key(1), key(2))))
	about := []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, 1})}
	f.Fuzz(func(t *testing.T, chains, rules, sets, elements []byte) {
		read := func() []facts.Drop {
			known := map[chainKey]*filterSet{}
			for key, set := range setHeads(cut(sets)) {
				set.whole = true
				for _, m := range cut(elements) {
					set.whole = set.whole && set.take(m)
				}
				set.finish()
				known[key] = &set
			}
			return filterDrops(cut(chains), cut(rules), func(key chainKey) *filterSet { return known[key] }, about)
		}
		drops := read()
		if len(drops) > maxDrops {
			t.Errorf("%d drops", len(drops))
		}
		for _, d := range drops {
			if d.Verdict != "drop" && d.Verdict != "reject" || d.Family == "" || d.Policy && d.Hook == "" || len(d.Lets) > maxLets {
				t.Errorf("%+v", d)
			}
			if d.Match == nil {
				continue
			}
			if len(d.Match.Others) > maxOthers || len(d.Match.Demands) > maxDemands {
				t.Errorf("%d demands and %d others", len(d.Match.Demands), len(d.Match.Others))
			}
			for _, demand := range d.Match.Demands {
				if len(demand.Of) == 0 || len(demand.Among) > maxAmongOurs {
					t.Errorf("%+v", demand)
				}
			}
			at := netip.AddrPortFrom(about[0], 80)
			if d.Match.Names(facts.Packet{Protocol: "tcp", Src: at, Dst: at}) && len(d.Match.Others) > 0 {
				t.Errorf("named, but not understood: %s", d.Match)
			}
		}
		if diff := cmp.Diff(drops, read(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("not the same twice: %s", diff)
		}
	})
}
