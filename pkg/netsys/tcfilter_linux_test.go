package netsys

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

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
