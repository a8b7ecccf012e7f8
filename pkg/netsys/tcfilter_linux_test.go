package netsys

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// TestU32More: what a filter u32 asks beside its keys is not understood, and not passed over.
func TestU32More(t *testing.T) {
	sel := append([]byte{1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0xff, 0xff, 0xff, 0, 10, 244, 2, 0, 16, 0, 0, 0, 0, 0, 0, 0)
	for _, tt := range []struct {
		handle, chain uint32
		attribute     uint16
		value         []byte
		want          []string
	}{
		{0x80000800, 0, 0, nil, nil},
		{0x80000800, 0, tcaU32Mark, make([]byte, 12), []string{"u32 mark"}},
		{0x80000800, 0, tcaU32Indev, []byte("eth1\x00"), []string{"u32 indev"}},
		{0x80000800, 0, tcaU32Link, nl.Uint32Attr(0x100000), []string{"u32 link"}},
		{0x80000800, 0, tcaU32Flags, nl.Uint32Attr(skipSoftware), []string{"skip_sw"}},
		{0x80000800, 0, tcaU32Flags, nl.Uint32Attr(8), nil}, // not in hardware
		{0x00101800, 0, 0, nil, []string{"what leads to hash table 1"}},
		{0x80000800, 5, 0, nil, []string{"what leads to chain 5"}},
	} {
		options := nl.NewRtAttr(unix.TCA_OPTIONS, nil)
		options.AddRtAttr(tcaU32Sel, sel)
		if tt.value != nil {
			options.AddRtAttr(int(tt.attribute), tt.value)
		}
		header := nl.TcMsg{Ifindex: 3, Handle: tt.handle, Info: 9<<16 | 0x0008}
		message := append(header.Serialize(), nl.NewRtAttr(unix.TCA_KIND, nl.ZeroTerminated("u32")).Serialize()...)
		if tt.chain > 0 {
			message = append(message, nl.NewRtAttr(unix.TCA_CHAIN, nl.Uint32Attr(tt.chain)).Serialize()...)
		}
		f, ok := parseTCFilter(append(message, options.Serialize()...), nil)
		if !ok || !slices.Equal(f.Match.Others, tt.want) || f.Match.Dst != "10.244.2.0/24" || (f.Protocol == "ip") != (tt.chain == 0) {
			t.Errorf("%+v: %+v, %+v", tt, f, f.Match)
		}
	}
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
